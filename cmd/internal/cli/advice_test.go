package cli

import (
	"strings"
	"testing"
)

// A cycle whose source could not be read gives the source's own advice, as `check` does.
func TestAdviceOfSource(t *testing.T) {
	s := newShell(t, "number,userName\n1,ada@example.com\n", "jobs: {one: {source: hr, sink: wiki}}\n")
	r := s.wants(exitFailed, "run", "one")
	for _, want := range []string{"(incomplete_source)", `there is no column "id"`, "the first line names the columns"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("%s\ndoes not say: %s", r.stderr, want)
		}
	}
}
