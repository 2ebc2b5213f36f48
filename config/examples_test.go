package config_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/file"
)

// TestExamples accepts every file in docs/examples, and there is one for each way to
// connect a source that the reference promises.
func TestExamples(t *testing.T) {
	var ways []string
	for _, path := range glob(t, "../docs/examples/*.yaml") {
		cfg, err := config.Load(path, func(string) (string, bool) { return "https://example.com/a-value", true })
		if err != nil {
			t.Errorf("%s:\n%v", path, err)
			continue
		}
		for _, job := range cfg.Jobs {
			if _, err := cfg.Mapping(job); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		for _, s := range cfg.Sources {
			ways = append(ways, wayOf(s))
		}
	}
	slices.Sort(ways)
	want := []string{"file", "graph certificate", "graph client_secret", "okta api_token", "okta private_key"}
	if diff := cmp.Diff(want, ways); diff != "" {
		t.Errorf("ways to connect (-want +got):\n%s", diff)
	}
}

func wayOf(s config.Source) string {
	switch {
	case s.Graph != nil:
		return "graph " + s.Graph.Auth.Type
	case s.Okta != nil:
		return "okta " + s.Okta.Auth.Type
	default:
		return s.Type()
	}
}

// TestExampleFiles reads the people that the file example refers to, as its job does.
func TestExampleFiles(t *testing.T) {
	cfg, err := config.Load("../docs/examples/file.yaml", env)
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := cfg.Mapping(cfg.Jobs["hr-to-wiki"])
	if err != nil {
		t.Fatal(err)
	}
	source := file.New(*cfg.Sources["hr"].File, slog.New(slog.DiscardHandler))
	q := sources.Query{UserAttributes: mapped.UserAttributes(), Groups: true}
	page, err := source.Read(t.Context(), q, "")
	if err != nil || len(page.Users) != 3 || len(page.Bad) > 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	if title := page.Users[1].Attributes["Job title"]; title != "Engineer, difference engines" {
		t.Errorf("the second person's title is %v", title)
	}
}

func ExampleParse() {
	const text = `
sources:
  corp: {type: file, users: people.csv}
sinks:
  wiki:
    type: scim
    base_url: https://wiki.example.com/scim/v2
    auth: {type: bearer, token: "${WIKI_TOKEN}"}
jobs:
  corp-to-wiki:
    source: crop
    sink: wiki
    intervall: 10m
`
	_, err := config.Parse("idpbridge.yaml", []byte(text), func(string) (string, bool) { return "", false })
	fmt.Println(err)
	// Output:
	// idpbridge.yaml:8:33: sinks.wiki.auth.token: the environment variable WIKI_TOKEN is not set
	// idpbridge.yaml:11:13: jobs.corp-to-wiki.source: there is no source "crop"; did you mean "corp"?
	// idpbridge.yaml:13:5: jobs.corp-to-wiki.intervall: unknown key; did you mean "interval"?
}

func ExampleConfig_Mapping() {
	cfg, err := config.Load(filepath.Join("..", "docs", "examples", "file.yaml"), env)
	if err != nil {
		fmt.Println(err)
		return
	}
	mapped, err := cfg.Mapping(cfg.Jobs["hr-to-wiki"])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(mapped.UserAttributes())
	// Output: [Job title displayName mail manager userName]
}
