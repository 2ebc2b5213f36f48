package cli

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// An approval by the name of the list is refused once the list is longer, and holds for the
// list that it names.
func TestDeletionsSet(t *testing.T) {
	const all = "id,userName\n1,ada@example.com\n2,bob@example.com\n3,eve@example.com\n4,joe@example.com\n5,kim@example.com\n"
	s := newShell(t, all, "jobs: {one: {source: hr, sink: wiki, deprovision: {max_deletions: {count: 1, percent: 100}}}}\n")
	s.wants(exitDone, "run", "one")
	leave := func(ids ...string) {
		kept := ""
		for line := range strings.Lines(all) {
			if id, _, _ := strings.Cut(line, ","); !strings.Contains(strings.Join(ids, " "), id) {
				kept += line
			}
		}
		s.write("people.csv", kept)
		s.wants(exitHeld, "run", "one")
	}
	leave("1", "2")
	seen := s.set()
	if shown := s.wants(exitDone, "deletions", "list", "one").stdout; !strings.Contains(shown, "`idpbridge deletions approve one --set "+seen+"`") {
		t.Errorf("the list does not say how to approve it:\n%s", shown)
	}
	leave("1", "2", "3")
	for _, decide := range []string{"approve", "reject"} {
		r := s.wants(exitFailed, "deletions", decide, "one", "--set", seen)
		if !strings.Contains(r.stderr, seen) || !strings.Contains(r.stderr, "nothing was decided") || r.stdout != "" {
			t.Errorf("%s of a set that grew: %+v", decide, r)
		}
	}
	s.wants(exitUsage, "deletions", "approve", "one", "--set", "")
	s.wants(exitHeld, "run", "one")
	r := s.wants(exitDone, "deletions", "approve", "one", "--set", s.set())
	if !regexp.MustCompile(`^one: 3 deletions approved`).MatchString(r.stdout) {
		t.Errorf("approved: %s", r.stdout)
	}
	s.wants(exitDone, "run", "one")
	if r := s.wants(exitDone, "deletions", "list", "one", "-o", "json"); !strings.Contains(r.stdout, `"set": null`) {
		t.Errorf("nothing waits any more:\n%s", r.stdout)
	}
}

// set is the name of what is held back.
func (s *shell) set() string {
	s.t.Helper()
	var list struct{ Set string }
	out := s.wants(exitDone, "deletions", "list", "one", "-o", "json").stdout
	if err := json.Unmarshal([]byte(out), &list); err != nil || list.Set == "" {
		s.t.Fatalf("list %s: %v", out, err)
	}
	return list.Set
}
