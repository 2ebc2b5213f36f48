package engine_test

import (
	"testing"

	"github.com/idpbridge/idpbridge/sync/engine"
)

// A name is handed on to somebody whose turn comes before that of who gives it up: who
// reports to somebody without an account is worked on in a later pass.
func TestNameHandedOnAcrossPasses(t *testing.T) {
	r := newRig(t, options{})
	r.fill(3)
	r.run("succeeded", engine.Request{})
	r.dir.PutUser(user(9, "active", false))
	r.dir.PutUser(user(0, "userName", "user1@example.com"))
	r.dir.PutUser(user(1, "userName", "new@example.com", "manager", "u9"))
	r.run("succeeded", engine.Request{})
	equal(t, "the name's new owner", r.account(0).UserName, "user1@example.com")
	equal(t, "its old owner", r.account(1).UserName, "new@example.com")
}
