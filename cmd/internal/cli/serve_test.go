//go:build unix

package cli

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// output is a writer that can be read meanwhile.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 seconds", what)
		}
	}
}

// `serve` as a person has it: it logs where it listens, lets this machine in and no page of
// another name, reads its file again at SIGHUP, and ends with status 0 at SIGTERM.
func TestServeCommand(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	url := scimtest.New(scimtest.Options{}).Start(t)
	text := "state: sqlite:state.db\nhttp: {listen: '127.0.0.1:0'}\nsources: {hr: {type: file, users: people.csv}}\n" +
		"sinks: {wiki: {type: scim, base_url: " + url + ", auth: {type: bearer, token: t}}}\njobs: {one: {source: hr, sink: wiki}}\n"
	write("people.csv", "id,userName\n1,ada@example.com\n")
	write("idpbridge.yaml", text)
	stdout, stderr, status := &output{}, &output{}, make(chan int, 1)
	go func() {
		status <- Main(Env{
			Args: []string{"-c", filepath.Join(dir, "idpbridge.yaml"), "serve"}, Stdout: stdout, Stderr: stderr,
			LookupEnv: func(string) (string, bool) { return "", false }, Version: "test",
			Adapters: app.Adapters{
				Sources: map[string]app.NewSource{config.TypeFile: app.NewFile},
				Sinks:   map[string]app.SinkAdapter{config.TypeSCIM: app.SCIM()},
			},
		})
	}()
	address := regexp.MustCompile(`msg=listening address=(\S+)`)
	eventually(t, "listening", func() bool { return address.MatchString(stderr.String()) })
	base := "http://" + address.FindStringSubmatch(stderr.String())[1]
	get := func(path, host string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/v1/jobs", "/api/v1/openapi.json"} {
		if got := get(path, ""); got != http.StatusOK {
			t.Errorf("%s: %d", path, got)
		}
		if got := get(path, "evil.example.com"); got != http.StatusForbidden {
			t.Errorf("%s by another name: %d", path, got)
		}
	}
	write("idpbridge.yaml", text+"colour: red\n")
	hangup(t)
	eventually(t, "refusal of a wrong configuration", func() bool { return strings.Contains(stderr.String(), "the old one stays in force") })
	write("idpbridge.yaml", strings.ReplaceAll(text, "jobs: {one:", "jobs: {two: {source: hr, sink: wiki}, one:"))
	hangup(t)
	eventually(t, "new job", func() bool { return get("/api/v1/jobs/two", "") == http.StatusOK })
	http.DefaultClient.CloseIdleConnections()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-status:
		if got != exitDone || stdout.String() != "" {
			t.Errorf("exit status %d, on stdout %q", got, stdout)
		}
	case <-time.After(30 * time.Second):
		t.Error("still there 30 seconds after SIGTERM")
	}
}

func hangup(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
