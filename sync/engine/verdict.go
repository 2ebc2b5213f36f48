package engine

import "fmt"

// verdict puts the explanation into a sentence: what there is, then the first reason that
// decides.
func (q *inquiry) verdict() string {
	return q.has() + q.because()
}

func (q *inquiry) has() string {
	switch {
	case q.out.Link == nil:
		return "There is no account: "
	case q.out.Link.Account == "disabled":
		return fmt.Sprintf("The account %s is disabled: ", q.out.Link.TargetID)
	default:
		return fmt.Sprintf("The account %s is enabled: ", q.out.Link.TargetID)
	}
}

func (q *inquiry) because() string {
	x := q.out
	switch {
	case x.StagedDeletion != nil && x.StagedDeletion.Decision == "waiting":
		return fmt.Sprintf("the deletion guard holds back its %s (%s)", x.StagedDeletion.Action, x.StagedDeletion.Reason)
	case x.StagedDeletion != nil && x.StagedDeletion.Decision == "rejected":
		return fmt.Sprintf("its %s (%s) was rejected", x.StagedDeletion.Action, x.StagedDeletion.Reason)
	case x.Escrow != nil && x.Escrow.GivenUp:
		return fmt.Sprintf("%d attempts failed (%s), and it is not tried again by itself", x.Escrow.Attempts, x.Escrow.Error.Code)
	case x.Escrow != nil:
		return fmt.Sprintf("the last change failed (%s), and is tried again", x.Escrow.Error.Code) + q.ifActive()
	case x.Presence == "deleted" || x.Presence == "gone":
		return "deleted in the source"
	case x.Scope != nil && !x.Scope.InScope:
		return x.Scope.words()
	case x.Presence == "disabled":
		return "not active in the source"
	case x.Link == nil || x.Link.Account == "disabled":
		return q.pending()
	default:
		return "in scope and active in the source" + q.change()
	}
}

// pending is for somebody who should have an account and hasn't.
func (q *inquiry) pending() string {
	if !q.out.known {
		return "in scope, and no cycle has seen it yet; the next one makes the account" + q.ifActive()
	}
	return "in scope; the next cycle makes it right" + q.ifActive()
}

// change says whether something still has to be sent.
func (q *inquiry) change() string {
	if q.object != nil && q.object.Dirty > 0 {
		return "; a change waits for the next cycle" + q.ifActive()
	}
	return ""
}

// ifActive warns where no automatic cycle comes.
func (q *inquiry) ifActive() string {
	if q.out.JobState == "active" {
		return ""
	}
	return ", but the job is " + q.out.JobState
}
