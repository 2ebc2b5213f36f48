package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// listener is a webhook's receiver that can be deaf: then it answers nobody.
type listener struct {
	mu   sync.Mutex
	deaf bool
	got  []string
	end  chan struct{}
}

func newListener(t *testing.T) (*listener, string) {
	l := &listener{end: make(chan struct{})}
	s := httptest.NewServer(l)
	t.Cleanup(func() { close(l.end); s.Close() })
	return l, s.URL
}

// ServeHTTP takes a message, or keeps its sender waiting.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct{ Event, Reason string }
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deaf {
		l.mu.Unlock()
		select {
		case <-r.Context().Done():
		case <-l.end:
		}
		l.mu.Lock()
		return
	}
	l.got = append(l.got, m.Event+" "+m.Reason)
}

func (l *listener) becomes(deaf bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaf = deaf
}

func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.got...)
}

// People hear of what a cycle without a server came to. A receiver that doesn't answer
// does not keep the command, and hears of it from the next one, be it a run or a provision;
// a dry run tells nobody.
func TestRunTells(t *testing.T) {
	ears, url := newListener(t)
	s := newShell(t, "id,userName\n1,ada@example.com\n", "jobs: {one: {source: hr, sink: wiki}}\nnotify: {webhooks: [{url: '"+url+"'}]}\n")
	s.sink.Inject(scimtest.Fault{Status: http.StatusUnauthorized})
	ears.becomes(true)
	s.wants(exitHeld, "run", "one")
	ears.becomes(false)
	s.sink.ClearFaults()
	s.wants(exitDone, "provision", "one", "--user", "1", "--dry-run")
	if got := ears.heard(); len(got) > 0 {
		t.Errorf("a dry run told %v", got)
	}
	s.wants(exitDone, "provision", "one", "--user", "1")
	if d := cmp.Diff([]string{"quarantine_entered credentials"}, ears.heard()); d != "" {
		t.Errorf("after a provision (-want +got):\n%s", d)
	}
	for range 2 {
		s.wants(exitDone, "run", "one")
	}
	if d := cmp.Diff([]string{"quarantine_entered credentials", "quarantine_left credentials"}, ears.heard()); d != "" {
		t.Errorf("after good runs (-want +got):\n%s", d)
	}
}
