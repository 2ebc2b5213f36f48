package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/config"
)

var update = flag.Bool("update", false, "write golden files")

// environment is what the test files may refer to.
var environment = map[string]string{
	"WIKI_TOKEN":   "hunter2-hunter2",
	"WIKI_URL":     "https://wiki.example.com/scim/v2",
	"LISTEN":       "127.0.0.1:0",
	"STATE_DIR":    "/var/lib/idpbridge",
	"RETENTION":    "90d",
	"RECORDS":      "1000",
	"ENTRA_SECRET": "entra-entra-secret",
	"OKTA_TOKEN":   "okta-okta-token",
}

func env(name string) (string, bool) {
	v, ok := environment[name]
	return v, ok
}

// parse reads a file under testdata by its base name, so that messages don't depend on
// where the tests run.
func parse(t *testing.T, path string) (*config.Config, error) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return config.Parse(path, data, env)
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files, %v", pattern, err)
	}
	return files
}

// TestInvalid has one file per rule. The expected problems stand beside it.
func TestInvalid(t *testing.T) {
	for _, path := range glob(t, "testdata/invalid-*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			cfg, err := parse(t, path)
			problems, ok := errors.AsType[config.Problems](err)
			if !ok || len(problems) == 0 || cfg != nil {
				t.Fatalf("got %v and a configuration: %t, want problems alone", err, cfg != nil)
			}
			got := err.Error() + "\n"
			if strings.Contains(got, environment["WIKI_TOKEN"]) {
				t.Errorf("a message shows the value of a variable:\n%s", got)
			}
			golden := strings.TrimSuffix(path, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGood(t *testing.T) {
	for _, path := range glob(t, "testdata/good-*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			cfg, err := parse(t, path)
			if err != nil {
				t.Fatal(err)
			}
			for name, job := range cfg.Jobs {
				if _, err := cfg.Mapping(job); err != nil || job.Name != name {
					t.Errorf("job %s (named %s): %v", name, job.Name, err)
				}
			}
		})
	}
}

func TestReferences(t *testing.T) {
	cfg, err := parse(t, "testdata/good-references.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		State, URL, Token, Literal, BranchID, BranchUsers, CorpUsers string
		Retention                                                    time.Duration
		Records                                                      int
	}
	want := seen{
		State: "/var/lib/idpbridge/bridge.db", URL: "https://wiki.example.com/scim/v2", Token: "token-from-a-file",
		Literal: "literal ${NAME}", BranchID: "number", BranchUsers: "testdata/branch.csv", CorpUsers: "testdata/people.csv",
		Retention: 90 * 24 * time.Hour, Records: 1000,
	}
	got := seen{
		State: cfg.State.Path, URL: cfg.Sinks["wiki"].SCIM.BaseURL, Token: cfg.Sinks["wiki"].SCIM.Auth.Token.Reveal(),
		Literal:  cfg.Jobs["branch-to-wiki"].Mapping.Users[1].Value.(string),
		BranchID: cfg.Sources["branch"].File.Columns.ID, BranchUsers: cfg.Sources["branch"].File.Users, CorpUsers: cfg.Sources["corp"].File.Users,
		Retention: cfg.LogRetention, Records: cfg.LogMaxRecords,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadWithoutFile(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"), env)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of a missing file: %v", err)
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.8.0.1": true, "::1": true, "[::1]": true, "localhost": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example.com": false, "127.0.0.1.example.com": false,
	} {
		if got := config.IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) = %t", host, got)
		}
	}
}
