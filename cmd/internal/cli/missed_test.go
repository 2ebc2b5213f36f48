package cli

import (
	"strings"
	"testing"
)

// What a cycle could not bring to the app is told, with exit status 3: objects in escrow,
// and rows without an id.
func TestMissed(t *testing.T) {
	for name, c := range map[string]struct {
		people string
		status int
		says   string
	}{
		"all are there":  {"id,userName\n1,ada@example.com\n", exitDone, ""},
		"without an id":  {"id,userName\n1,ada@example.com\n,bob@example.com\n", exitPartial, "entries of the source without an id: 1\n"},
		"without a name": {"id,userName\n1,ada@example.com\n2,\n", exitPartial, "1 object of one in escrow, to be tried again later\n"},
		"both": {
			"id,userName\n1,ada@example.com\n2,\n,eve@example.com\n", exitPartial,
			"1 object of one in escrow, to be tried again later; entries of the source without an id: 1\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newShell(t, c.people, "jobs: {one: {source: hr, sink: wiki}}\n").wants(c.status, "run", "one")
			if !strings.Contains(r.stderr, c.says) {
				t.Errorf("%s\nis not\n%s", r.stderr, c.says)
			}
		})
	}
}
