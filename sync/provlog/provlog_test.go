package provlog_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

var update = flag.Bool("update", false, "write docs/errors.md anew")

func TestRecordJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	record := provlog.Record{
		ID: "r1", Time: at, Job: "entra-to-wiki", CycleID: "c1", ChangeID: "h1", Trigger: provlog.TriggerSchedule,
		Resource: "user", Action: provlog.ActionUpdate, Status: provlog.StatusFailure,
		SourceIdentity:     provlog.Identity{ID: "s1", DisplayName: "Ada", Type: "user"},
		TargetIdentity:     provlog.Identity{ID: "t1", DisplayName: "Ada", Type: "user"},
		ModifiedProperties: provlog.Properties{{Path: "title", Old: nil, New: "Analyst"}},
		DurationMS:         12,
		Error:              &provlog.Error{Code: provlog.CodeRejected, Message: "no", Advice: "read"},
	}
	const want = `{"id":"r1","time":"2026-01-02T03:04:05Z","job":"entra-to-wiki","cycle_id":"c1","change_id":"h1","trigger":"schedule",` +
		`"resource":"user","action":"update","status":"failure",` +
		`"source_identity":{"id":"s1","display_name":"Ada","type":"user"},"target_identity":{"id":"t1","display_name":"Ada","type":"user"},` +
		`"modified_properties":[{"path":"title","old":null,"new":"Analyst"}],"duration_ms":12,` +
		`"error":{"code":"rejected","message":"no","advice":"read"}}`
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	var back provlog.Record
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record, back); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	empty, err := json.Marshal(provlog.Record{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(empty), `"modified_properties":[],`) || !strings.Contains(string(empty), `"error":null`) {
		t.Errorf("an empty record is %s", empty)
	}
}

func TestRedacted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want provlog.Property }{
		{provlog.Property{Path: "a", Old: "x", New: "y"}, provlog.Property{Path: "a", Old: "***", New: "***"}},
		{provlog.Property{Path: "a", New: 5.0}, provlog.Property{Path: "a", New: "***"}},
		{provlog.Property{Path: "a", Old: []any{"x"}}, provlog.Property{Path: "a", Old: "***"}},
	} {
		if diff := cmp.Diff(test.want, test.in.Redacted()); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.in, diff)
		}
	}
	e := &provlog.Error{Code: provlog.CodeRejected, Message: `password "hunter22" is in "hunter22s", no`}
	if got := e.Without("hunter22", "no", nil, 3.0); got.Message != `password "***" is in "***s", no` || got == e {
		t.Errorf("hidden: %s", got.Message)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, a := range provlog.Actions() {
		if got, err := provlog.ParseAction(a.String()); err != nil || got != a {
			t.Errorf("%s: %v, %v", a, got, err)
		}
	}
	for _, s := range provlog.Statuses() {
		if got, err := provlog.ParseStatus(s.String()); err != nil || got != s {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	_, err := provlog.ParseAction("enable")
	if err == nil || err.Error() != `"enable" is not one of the actions: create, update, disable, delete, none` {
		t.Errorf("error %v", err)
	}
}

func TestFromError(t *testing.T) {
	t.Parallel()
	denied := &sinks.Error{Class: sinks.Denied, Op: "POST /Users", Status: 401, Hint: "the token of sink wiki expired"}
	tests := []struct {
		name   string
		err    error
		code   provlog.Code
		advice string // empty: the catalogue's
	}{
		{"a sink's class and hint", fmt.Errorf("create user: %w", denied), provlog.CodeCredentials, denied.Hint},
		{"a code wins over a class", provlog.Coded(provlog.CodeAmbiguousMatch, "two accounts: %w", denied), provlog.CodeAmbiguousMatch, ""},
		{"a wrapped code", fmt.Errorf("match: %w", provlog.Coded(provlog.CodeExistingAccount, "account %d", 5)), provlog.CodeExistingAccount, ""},
		{"joined errors", errors.Join(errors.New("x"), denied), provlog.CodeCredentials, denied.Hint},
		{"a source's class", &sources.Error{Class: sources.Incomplete, Op: "read"}, provlog.CodeIncompleteSource, ""},
		{"a source's hint", &sources.Error{Class: sources.Denied, Hint: "grant User.Read.All"}, provlog.CodeSourceDenied, "grant User.Read.All"},
		{"a mapping", &mapping.ValueError{Path: "title", From: "x", Err: errors.New("y")}, provlog.CodeMappingFailed, ""},
		{"a scope", &mapping.ScopeError{Expression: "x", Err: errors.New("y")}, provlog.CodeScopeFailed, ""},
		{"an end", fmt.Errorf("read: %w", context.Canceled), provlog.CodeInterrupted, ""},
		{"anything else", errors.New("boom"), provlog.CodeInternal, ""},
	}
	for _, test := range tests {
		got := provlog.FromError(test.err)
		want := &provlog.Error{Code: test.code, Message: test.err.Error(), Advice: test.advice}
		if want.Advice == "" {
			want.Advice = provlog.Lookup(test.code).Advice
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if again := provlog.FromError(fmt.Errorf("again: %w", got)); again != got {
			t.Errorf("%s: put in words twice: %v", test.name, again)
		}
	}
	if provlog.FromError(nil) != nil || provlog.CodeOf(nil) != "" {
		t.Error("no error became one")
	}
}

// Every class that an adapter can give has a code of its own.
func TestEveryClassHasACode(t *testing.T) {
	t.Parallel()
	seen := map[provlog.Code]bool{}
	check := func(class string, err error) {
		code := provlog.CodeOf(err)
		if code == provlog.CodeInternal || seen[code] {
			t.Errorf("%s has the code %s", class, code)
		}
		seen[code] = true
	}
	for c := sinks.Class(1); c.String() != "unknown"; c++ {
		check("sink "+c.String(), &sinks.Error{Class: c})
	}
	for c := sources.Class(1); c.String() != "unknown"; c++ {
		check("source "+c.String(), &sources.Error{Class: c})
	}
	if len(seen) < 18 {
		t.Errorf("only %d classes were looked at", len(seen))
	}
}

// The catalogue explains every declared code once, in whole sentences.
func TestCatalogueIsComplete(t *testing.T) {
	t.Parallel()
	explained := map[provlog.Code]int{}
	for _, s := range provlog.Catalogue() {
		for _, e := range s.Entries {
			explained[e.Code]++
			if !strings.HasSuffix(e.Meaning, ".") || !strings.HasSuffix(e.Advice, ".") && !strings.HasSuffix(e.Advice, "?") {
				t.Errorf("%s is not explained in sentences", e.Code)
			}
		}
	}
	declared := declaredCodes(t)
	for _, code := range declared {
		if explained[code] != 1 {
			t.Errorf("%s is explained %d times", code, explained[code])
		}
	}
	if len(declared) != len(explained) || len(declared) < 30 {
		t.Errorf("%d codes are declared, %d explained", len(declared), len(explained))
	}
}

func declaredCodes(t *testing.T) []provlog.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "catalogue.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []provlog.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, provlog.Code(text))
		return true
	})
	return codes
}

func TestErrorsPage(t *testing.T) {
	const page = "../../docs/errors.md"
	if *update {
		if err := os.WriteFile(page, []byte(provlog.Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(provlog.Markdown(), string(got)); diff != "" {
		t.Errorf("docs/errors.md is not what the catalogue says; run with -update (-want +got):\n%s", diff)
	}
}
