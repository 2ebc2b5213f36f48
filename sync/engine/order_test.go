package engine_test

import (
	"fmt"
	"testing"

	"github.com/idpbridge/idpbridge/sync/engine"
)

// TestAccountsComeWithTheirManager reads reports before their managers, level by level,
// and demands that no manager has to be written afterwards.
func TestAccountsComeWithTheirManager(t *testing.T) {
	r := newRig(t, options{})
	const n = 1500
	for i := range n {
		if boss := i + (n-i)/2; boss > i {
			r.dir.PutUser(user(i, "manager", fmt.Sprintf("u%d", boss)))
		} else {
			r.dir.PutUser(user(i))
		}
	}
	r.run("succeeded", engine.Request{})
	counts := r.app.Counts()
	equal(t, "POST", counts.Of("POST"), n)
	equal(t, "PATCH", counts.Of("PATCH"), 0)
}
