package cli

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/idpbridge/idpbridge/config"
)

// pages are the documents that people read, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, p := range append(paths, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[p] = string(text)
	}
	return out
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")

// TestConfigurationsInDocs validates every configuration that the documents show, and
// says whether each of its mappings compiles. What a fragment leaves out is added.
func TestConfigurationsInDocs(t *testing.T) {
	t.Parallel()
	found := map[string]int{}
	for path, text := range pages(t) {
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			if block[1] != "yaml" {
				continue
			}
			full, is := complete(t, block[2])
			if !is {
				continue
			}
			found[filepath.Base(path)]++
			cfg, err := config.Parse(path, []byte(full), func(string) (string, bool) { return "https://example.com/a-value", true })
			if err != nil {
				t.Errorf("%v\n%s", err, full)
				continue
			}
			for _, job := range cfg.Jobs {
				if _, err := cfg.Mapping(job); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
	}
	for _, page := range []string{"README.md", "configuration.md", "mapping.md", "sinks.md"} {
		if found[page] == 0 {
			t.Errorf("%s shows no configuration", page)
		}
	}
}

// complete adds the sections that a fragment of a configuration leaves out. It says false
// for YAML that is something else.
func complete(t *testing.T, text string) (string, bool) {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !slices.ContainsFunc([]string{"sources", "sinks", "jobs", "http", "state", "notify"}, func(key string) bool { return doc[key] != nil }) {
		return "", false
	}
	source, sink := "corp-entra", "wiki"
	if jobs, ok := doc["jobs"].(map[string]any); ok {
		for _, j := range jobs {
			job, _ := j.(map[string]any)
			source, _ = job["source"].(string)
			sink, _ = job["sink"].(string)
		}
	} else {
		source, sink = firstKey(doc["sources"], source), firstKey(doc["sinks"], sink)
		text += "jobs: {a-job: {source: " + source + ", sink: " + sink + "}}\n"
	}
	if doc["sources"] == nil {
		text += "sources: {" + source + ": {type: graph, auth: {type: token, token: t}}}\n"
	}
	if doc["sinks"] == nil {
		text += "sinks: {" + sink + ": {type: scim, base_url: https://wiki.example.com/scim/v2, auth: {type: bearer, token: t}}}\n"
	}
	return text, true
}

func firstKey(section any, otherwise string) string {
	m, _ := section.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		return key
	}
	return otherwise
}

var call = regexp.MustCompile("(?m)(?:^(?:\\$ )?|`|; |&& )(?:bin/)?idpbridge((?: [^`\n;|#&]+)+)")

// TestCommandsInDocs checks that each call of idpbridge in the documents names a command
// and flags that exist.
func TestCommandsInDocs(t *testing.T) {
	t.Parallel()
	found := 0
	for path, text := range pages(t) {
		for _, m := range call.FindAllStringSubmatch(text, -1) {
			args := strings.Fields(m[1])
			if args[0] == "COMMAND" || strings.ToLower(args[0]) != args[0] || !looksLikeCall(text, m[0]) {
				continue
			}
			found++
			r := &program{env: Env{Stdout: io.Discard, Stderr: io.Discard, LookupEnv: func(string) (string, bool) { return "", false }}, screen: newScreen(io.Discard)}
			root := newRoot(r)
			cmd, rest, err := root.Find(args)
			if err == nil && cmd == root && !strings.HasPrefix(args[0], "-") {
				t.Errorf("%s: `idpbridge %s` names no command", path, strings.Join(args, " "))
				continue
			}
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err != nil && !strings.Contains(err.Error(), "help requested") {
				t.Errorf("%s: `idpbridge %s`: %v", path, strings.Join(args, " "), err)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d calls were found in the documents", found)
	}
}

// looksLikeCall tells a call from a sentence that begins with the program's name: calls
// stand in code.
func looksLikeCall(text, match string) bool {
	if strings.HasPrefix(match, "`") {
		return true
	}
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		if strings.Contains(block[2], strings.TrimSpace(match)) && block[1] != "yaml" {
			return true
		}
	}
	return false
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksInDocs checks that what a document links to in the repository exists.
func TestLinksInDocs(t *testing.T) {
	t.Parallel()
	for path, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
}

// TestSmallestConfiguration holds the README's first configuration against the example
// that it claims to be.
func TestSmallestConfiguration(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	example, err := os.ReadFile(filepath.Join(root, "docs", "examples", "okta-token.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(example), "\n")
	want := strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "#") }), "")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```yaml\n"+want+"```") {
		t.Errorf("the README does not show docs/examples/okta-token.yaml:\n%s", want)
	}
}
