package cli

import (
	"fmt"
	"time"
)

func toneOfStatus(status string) tone {
	switch status {
	case "succeeded", "success":
		return good
	case "partial", "held", "running", "warning":
		return warning
	case "failed", "aborted", "failure":
		return bad
	default:
		return plain
	}
}

func toneOfState(state string) tone {
	switch state {
	case "active":
		return good
	case "paused":
		return warning
	default:
		return bad
	}
}

// alarming is a number that should be zero.
func alarming(n int) cell {
	if n == 0 {
		return cell{"0", faint}
	}
	return cell{fmt.Sprint(n), bad}
}

// heldAdvice says what to do about deletions that the guard holds.
func heldAdvice(job string, n int) string {
	return fmt.Sprintf("%s of %s wait for a person: look at them with `idpbridge deletions list %s`, then approve or reject",
		count(n, "deletion"), job, job)
}

func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
