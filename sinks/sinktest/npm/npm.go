// Package npm starts real SCIM servers from the npm registry for tests: SCIMMY, Better Auth
// and Ory Polis. They were written by others, so they show what an emulator of ours can't:
// that the sink works with software that never heard of it.
//
// Each server has a folder here with a package.json, a lock file (versions and checksums, no
// download addresses: npm's own configuration says where packages come from) and a
// server.mjs of the few lines that a user of the library writes. The folders are embedded
// and installed below the user's cache folder, once per lock file whatever the number of test
// processes; install scripts and optional packages are left out, so nothing is compiled.
//
// A server listens on a free loopback port, prints one line of JSON when it is ready, keeps
// everything in memory, and ends when its standard input does: with the test, or with the
// death of the test process. Telemetry is off.
//
// A machine without Node or npm skips the test and says what was not run. A failed
// installation fails the test: it must not pass for one.
package npm

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Software is a server that can be started.
type Software int

// The servers, with what is special about them (measured).
const (
	// SCIMMY is scimmy with scimmy-routers on express. Adding a member again makes a
	// duplicate, userName is compared with regard to letter case in filters, there is no
	// Location header, and booleans must be booleans.
	SCIMMY Software = iota + 1
	// BetterAuth is better-auth with @better-auth/scim on SQLite. It takes 100 members in
	// one operation, wants an e-mail address when userName is none, and refuses empty texts
	// and a second user with the same externalId.
	BetterAuth
	// BetterAuthThrottled is the same with its own rate limit: 429 after 100 requests in
	// ten seconds, with X-Retry-After and no Retry-After.
	BetterAuthThrottled
	// Polis is the directory sync of Ory Polis (@boxyhq/saml-jackson). It has no discovery,
	// never shows members, and filters compare with the e-mail address or name only.
	Polis
)

// String returns the name of the software.
func (s Software) String() string {
	return [...]string{"unknown", "SCIMMY", "Better Auth", "Better Auth (throttled)", "Ory Polis"}[s]
}

func (s Software) folder() string {
	return [...]string{"", "scimmy", "betterauth", "betterauth", "polis"}[s]
}

// Server is a running server.
type Server struct {
	// BaseURL is what SCIM paths are appended to, without a trailing slash.
	BaseURL string
	// Token is the bearer token.
	Token string
}

const (
	installTimeout = 8 * time.Minute
	readyTimeout   = time.Minute
)

// Start starts a server that ends with the test. It skips the test when Node or npm is
// missing, and fails it when the server can't be installed or started.
func Start(t testing.TB, software Software) Server {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("not run: %s with the real server %s needs Node.js 20 or later with npm; %q is not on the PATH", t.Name(), software, tool)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	script, err := install(ctx, software.folder())
	if err != nil {
		t.Fatalf("install %s: %v", software, err)
	}
	server, err := launch(t, software, script)
	if err != nil {
		t.Fatalf("start %s: %v", software, err)
	}
	return server
}

// launch runs the script until the test ends and waits for its first line.
func launch(t testing.TB, software Software, script string) (Server, error) {
	t.Helper()
	server := Server{Token: rand.Text()}
	cmd := exec.Command("node", script)
	cmd.Dir = filepath.Dir(script)
	cmd.Env = append(os.Environ(), "SCIM_TOKEN="+server.Token, "NODE_ENV=production", "DO_NOT_TRACK=1", "BOXYHQ_NO_ANALYTICS=1", "BETTER_AUTH_TELEMETRY=0")
	if software == BetterAuthThrottled {
		cmd.Env = append(cmd.Env, "SCIM_RATE_LIMIT=1")
	}
	errs := &tail{}
	cmd.Stderr = errs
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return server, fmt.Errorf("standard input: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return server, fmt.Errorf("standard output: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return server, fmt.Errorf("node: %w", err)
	}
	t.Cleanup(func() { stop(t, cmd, stdin, errs) })
	return server.ready(stdout, errs)
}

// ready waits for the line that says where the server listens.
func (s Server) ready(stdout io.Reader, errs *tail) (Server, error) {
	line := make(chan string, 1)
	go func() {
		defer close(line)
		r := bufio.NewReader(stdout)
		for {
			text, err := r.ReadString('\n')
			if strings.HasPrefix(text, "{") {
				line <- text
				_, _ = io.Copy(io.Discard, r) // ends with the process
				return
			}
			if err != nil {
				return
			}
		}
	}()
	select {
	case text := <-line:
		if text == "" {
			return s, fmt.Errorf("ended before it was ready: %s", errs)
		}
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return s, fmt.Errorf("first line %q: %w", text, err)
		}
		return s, nil
	case <-time.After(readyTimeout):
		return s, fmt.Errorf("not ready after %s: %s", readyTimeout, errs)
	}
}

// stop closes the server's input and waits; a server that does not end is killed.
func stop(t testing.TB, cmd *exec.Cmd, stdin io.Closer, errs *tail) {
	_ = stdin.Close() // the process may have ended already
	timer := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if t.Failed() || err != nil {
		t.Logf("server ended with %v; its last errors: %s", err, errs)
	}
}

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps the end of everything written.
func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if over := len(l.text) - 4096; over > 0 {
		l.text = l.text[over:]
	}
	return len(p), nil
}

// String returns what was kept.
func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(string(l.text))
}
