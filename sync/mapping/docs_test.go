package mapping_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/file"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/okta"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

var update = flag.Bool("update", false, "write the tables of docs/mapping.md anew")

const page = "../../docs/mapping.md"

func defaultMappings() map[string]mapping.Defaults {
	return map[string]mapping.Defaults{
		"graph": {Users: graph.DefaultUserMapping(), Groups: graph.DefaultGroupMapping()},
		"okta":  {Users: okta.DefaultUserMapping(), Groups: okta.DefaultGroupMapping()},
		"file":  {Users: file.DefaultUserMapping(), Groups: file.DefaultGroupMapping()},
	}
}

// Every source's default rows compile, with an account name to match by, and give no
// error for somebody of whom nothing but the id and the state is known.
func TestDefaultMappingsCompile(t *testing.T) {
	t.Parallel()
	for name, d := range defaultMappings() {
		m, err := mapping.Compile(mapping.Spec{}, mapping.Scope{}, d)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		users := m.Users()
		if len(users.Match) == 0 || users.Paths[users.Match[0]] != "userName" {
			t.Errorf("%s: people are not matched by userName", name)
		}
		if _, err := users.Values(map[string]any{"id": "u1", "active": true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := m.Groups().Values(map[string]any{"id": "g1"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The tables in docs/mapping.md are those of the code.
func TestDefaultTablesPage(t *testing.T) {
	text := readPage(t)
	want := text
	for name, d := range defaultMappings() {
		begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
		before, rest, ok := strings.Cut(want, begin)
		_, after, ended := strings.Cut(rest, end)
		if !ok || !ended {
			t.Fatalf("no place for the table of %s", name)
		}
		want = before + begin + markdown(d) + end + after
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		text = want
	}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("docs/mapping.md is not what the code says; run with -update (-want +got):\n%s", diff)
	}
}

func markdown(d mapping.Defaults) string {
	var b strings.Builder
	table := func(kind string, rows []sources.DefaultRow) {
		fmt.Fprintf(&b, "\n| %s: `to` | `from` | `match` | `when` |\n|---|---|---|---|\n", kind)
		for _, r := range rows {
			match := ""
			if r.Match > 0 {
				match = fmt.Sprint(r.Match)
			}
			when := "always"
			if r.CreateOnly {
				when = "create"
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", r.To, strings.ReplaceAll(r.From, "|", `\|`), match, when)
		}
	}
	table("users", d.Users)
	table("groups", d.Groups)
	return b.String() + "\n"
}

var documented = regexp.MustCompile("(?m)^\\| `(.+)` \\| `(.+)` \\|$")

// What the page says of an expression is what it gives.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	text := readPage(t)
	_, rest, _ := strings.Cut(text, "```json\n")
	source, rest, _ := strings.Cut(rest, "```")
	examples, _, _ := strings.Cut(rest, "<!-- end of examples -->")
	var person map[string]any
	if err := json.Unmarshal([]byte(source), &person); err != nil {
		t.Fatal(err)
	}
	found := documented.FindAllStringSubmatch(examples, -1)
	if len(found) < 20 {
		t.Fatalf("only %d examples found", len(found))
	}
	for _, example := range found {
		var want any
		if err := json.Unmarshal([]byte(example[2]), &want); err != nil {
			t.Fatal(err)
		}
		got, err := evaluate(t, example[1], person)
		if err != nil {
			t.Errorf("%s: %v", example[1], err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", example[1], diff)
		}
	}
}

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
