package state

import (
	"testing"
	"time"
)

// A dry run must not cost the history: the copy of a state with a big log is made in no
// time, and holds none of it.
func TestCopyLeavesTheHistory(t *testing.T) {
	s, job := filledLog(t, 200_000)
	if err := s.PutCycle(t.Context(), job, &Cycle{Job: "wiki", ID: "one", Status: "succeeded"}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	c, remove, err := s.Copy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	took := time.Since(start)
	t.Logf("copied in %s", took)
	if took > 2*time.Second {
		t.Errorf("the copy took %s", took)
	}
	row, err := c.Job(t.Context(), "wiki")
	if err != nil || row.ID != job {
		t.Fatalf("the job is not in the copy: %v", err)
	}
	cycles, err := c.Cycles(t.Context(), job, 10)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(logs(t, c, job, filters(1)[0])) + len(cycles); n != 0 {
		t.Errorf("the copy holds %d records and cycles", n)
	}
	if problems, err := c.Check(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("the copy is not sound: %v %v", problems, err)
	}
	if err := c.PutCycle(t.Context(), job, &Cycle{Job: "wiki", ID: "two", Status: "succeeded"}); err != nil {
		t.Errorf("the copy can't be written to: %v", err)
	}
}
