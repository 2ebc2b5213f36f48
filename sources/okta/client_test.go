package okta_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/okta"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plainClient is a Client without an SDK.
type plainClient struct {
	base string
	http *http.Client
}

func (c plainClient) Get(ctx context.Context, r okta.Request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+r.URL(), nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	return c.http.Do(req)
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

const token = "00emulated-token"

// bench is a source over an emulated org.
type bench struct {
	*testing.T
	org   *oktatest.Org
	clock *clock
	cfg   okta.Config
	log   *slog.Logger
	*okta.Source
}

// open starts an org with pages of the given size (0: Okta's) and a source that reads it.
func open(t *testing.T, pageSize int) *bench {
	t.Helper()
	c := newClock()
	b := &bench{T: t, clock: c, log: quiet(), org: oktatest.New(oktatest.Options{Clock: c.Now, Token: token, PageSize: pageSize})}
	server := httptest.NewServer(b.org)
	t.Cleanup(server.Close)
	b.cfg = okta.Config{BaseURL: server.URL, Auth: okta.Auth{Type: okta.AuthAPIToken, Token: token}}
	b.Source = b.source(b.cfg)
	return b
}

// logTo makes the source log to a logger.
func (b *bench) logTo(log *slog.Logger) {
	b.log = log
	b.Source = b.source(b.cfg)
}

func (b *bench) source(cfg okta.Config) *okta.Source {
	b.Helper()
	if problems := cfg.Validate(); len(problems) > 0 {
		b.Fatalf("configuration: %v", problems)
	}
	idle := &http.Transport{}
	b.Cleanup(idle.CloseIdleConnections)
	transport, err := okta.Transport(cfg, okta.Limit(idle, quiet()))
	if err != nil {
		b.Fatal(err)
	}
	return okta.New(cfg, plainClient{cfg.Base(), &http.Client{Transport: transport}}, b.log)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// round reads from a cursor to the end.
func (b *bench) round(q sources.Query, at sources.Cursor) (pages []*sources.Page, watermark sources.Cursor) {
	b.Helper()
	for range 1000 {
		p, err := b.Read(b.Context(), q, at)
		if err != nil {
			b.Fatalf("Read: %v (class %v, hint %q)", err, sources.ClassOf(err), sources.HintOf(err))
		}
		pages = append(pages, p)
		at = p.Cursor
		if p.Done {
			return pages, at
		}
	}
	b.Fatal("the round does not end")
	return nil, ""
}

// asked returns the paths of the requests since the last call, in order.
func (b *bench) asked() []string {
	var paths []string
	for _, r := range b.org.Requests() {
		path, _, _ := strings.Cut(strings.TrimPrefix(r, "GET "), "?")
		paths = append(paths, path)
	}
	b.org.ForgetRequests()
	return paths
}

// person is a profile with every attribute that the tests look at.
func person(name string) map[string]any {
	return map[string]any{
		"login": name + "@example.com", "email": name + "@mail.example.com",
		"firstName": name, "lastName": "Example", "displayName": nil, "title": "Engineer",
	}
}

// keyFile writes a new P-256 key and returns its public half.
func keyFile(t *testing.T) (path string, public *ecdsa.PublicKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, &key.PublicKey
}
