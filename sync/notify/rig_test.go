package notify_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/notify"
	"github.com/idpbridge/idpbridge/sync/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hook is a webhook's receiver on a real socket. Its handler runs outside of the bubble of
// virtual time that the sender is in.
type hook struct {
	url string
	mu  sync.Mutex
	got []request
	// answers are the status codes of the next requests; 200 after them.
	answers []int
}

type request struct {
	header http.Header
	body   []byte
}

func newHook(t *testing.T, answers ...int) *hook {
	h := &hook{answers: answers}
	s := httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(s.Close)
	h.url = s.URL + "/hooks/s3cret"
	return h
}

func (h *hook) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, request{r.Header, body})
	if len(h.answers) > 0 {
		w.WriteHeader(h.answers[0])
		h.answers = h.answers[1:]
	}
}

func (h *hook) requests() []request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]request(nil), h.got...)
}

// box is the state with one job, and what happens to it.
type box struct {
	t     *testing.T
	file  string
	store *state.Store
	log   lines
}

// lines collects what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns what was logged so far.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newBox(t *testing.T) *box {
	b := &box{t: t, file: filepath.Join(t.TempDir(), "state.db")}
	b.open()
	t.Cleanup(func() { _ = b.store.Close() })
	return b
}

func (b *box) open() {
	b.t.Helper()
	if b.store != nil {
		must(b.t, b.store.Close())
	}
	var err error
	b.store, err = state.Open(b.t.Context(), state.Options{Path: b.file})
	must(b.t, err)
}

// becomes puts the job into a state.
func (b *box) becomes(s quarantine.State, r quarantine.Reason) {
	b.t.Helper()
	row, err := b.store.Job(b.t.Context(), "entra-to-wiki")
	must(b.t, err)
	_, _, err = b.store.UpdateQuarantine(b.t.Context(), row.ID, func(was quarantine.Status) quarantine.Status {
		now := quarantine.Status{State: s, Reason: r, Since: was.Since, Message: "user alice@example.com was refused"}
		if was.Reason == 0 {
			now.Since = time.Now()
		}
		return now
	})
	must(b.t, err)
}

// notifier makes a notifier over the state and runs it; the function it returns ends it.
func (b *box) notifier(o notify.Options) (stop func()) {
	b.t.Helper()
	o.Store, o.Version = b.store, "test"
	o.Log = slog.New(slog.NewTextHandler(&b.log, nil))
	n, err := notify.New(b.t.Context(), o)
	must(b.t, err)
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	b.t.Cleanup(stop)
	return stop
}

// post is a mail server for one test: enough of RFC 5321 for a client that behaves.
type post struct {
	port int
	cert *tls.Config
	// implicit speaks TLS from the first byte; else STARTTLS is offered with cert.
	implicit bool

	mu    sync.Mutex
	mails []string
	auths []string
}

func (p *post) start(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p.port = l.Addr().(*net.TCPAddr).Port
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.talk(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
}

func (p *post) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if p.implicit {
		conn = tls.Server(conn, p.cert)
	}
	c := textproto.NewConn(conn)
	say := func(line string) { _ = c.PrintfLine("%s", line) }
	say("220 post ready")
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO":
			if _, secure := conn.(*tls.Conn); p.cert != nil && !secure {
				say("250-post")
				say("250 STARTTLS")
			} else {
				say("250-post")
				say("250 AUTH PLAIN")
			}
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, p.cert)
			c = textproto.NewConn(conn)
		case "AUTH":
			p.mu.Lock()
			p.auths = append(p.auths, line)
			p.mu.Unlock()
			say("235 welcome")
		case "DATA":
			say("354 go on")
			text, err := io.ReadAll(bufio.NewReader(c.DotReader()))
			if err != nil {
				return
			}
			p.mu.Lock()
			p.mails = append(p.mails, string(text))
			p.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default: // MAIL, RCPT, NOOP, RSET
			say("250 fine")
		}
	}
}

func (p *post) received() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.mails...)
}
