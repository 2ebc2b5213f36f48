package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// shell is a folder with a configuration, and the application that it names.
type shell struct {
	t    *testing.T
	dir  string
	sink *scimtest.Server
}

// newShell writes a configuration with one job, "one", over people.csv; more is added to it.
func newShell(t *testing.T, people, more string) *shell {
	t.Helper()
	s := &shell{t: t, dir: t.TempDir(), sink: scimtest.New(scimtest.Options{})}
	s.write("people.csv", people)
	s.write("idpbridge.yaml", "state: sqlite:state.db\nsources: {hr: {type: file, users: people.csv}}\n"+
		"sinks: {wiki: {type: scim, base_url: "+s.sink.Start(t)+", auth: {type: bearer, token: t}}}\n"+more)
	return s
}

func (s *shell) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// result is what a command left.
type result struct {
	status         int
	stdout, stderr string
}

// run runs one command to its end.
func (s *shell) run(args ...string) result {
	s.t.Helper()
	var stdout, stderr strings.Builder
	status := Main(Env{
		Args: append([]string{"-c", filepath.Join(s.dir, "idpbridge.yaml")}, args...), Stdout: &stdout, Stderr: &stderr,
		LookupEnv: func(string) (string, bool) { return "", false }, Version: "test",
		Adapters: app.Adapters{
			Sources: map[string]app.NewSource{config.TypeFile: app.NewFile},
			Sinks:   map[string]app.SinkAdapter{config.TypeSCIM: app.SCIM()},
		},
	})
	return result{status, stdout.String(), stderr.String()}
}

// wants is run for a command that has to end with a status.
func (s *shell) wants(status int, args ...string) result {
	s.t.Helper()
	r := s.run(args...)
	if r.status != status {
		s.t.Fatalf("%v: exit status %d, not %d\n%s%s", args, r.status, status, r.stdout, r.stderr)
	}
	return r
}
