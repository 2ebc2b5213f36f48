package state

import (
	"context"
	"fmt"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// Result is what came of one claimed object. Recording it ends the object's intent.
type Result struct {
	Object *Object // as claimed

	SinkID       sinks.ID // the link from now on; "" unlinks
	Account      plan.Account
	Acked        *Acked   // nil: as before
	AckedManager ObjectID // 0: nobody
	Probed       bool

	Keep    bool     // nothing could be tried (the cycle stopped): plan it again
	Failure *Failure // into escrow
	Again   bool     // with Failure: one more try in the same cycle, which is not counted
	Unclear bool     // a request may have had an effect that nobody saw

	Partial  bool      // memberships and records alone; the claim goes on
	Observed *Observed // what the app shows of a group
	Stage    *Staged   // a deletion to be judged
	Unstage  bool
	Members  []MemberResult
	// MembersDone is set when all members of a group that could be sent were sent.
	MembersDone bool
	Records     []provlog.Record
}

// Unchanged returns the result that leaves an object as it was claimed.
func (o *Object) Unchanged() Result {
	return Result{Object: o, SinkID: o.SinkID, Account: o.Account, AckedManager: o.Manager.Acked, Probed: o.Probed}
}

// Acked are values that the app acknowledged, aligned with a table.
type Acked struct {
	Table  int64
	Values []byte
}

// MemberResult is what came of one membership.
type MemberResult struct {
	Row   int64
	Dirty int64 // as claimed
	Have  bool
}

// Record stores results and ends their intents, in one transaction.
func (s *Store) Record(ctx context.Context, results []Result) error {
	return s.tx(context.WithoutCancel(ctx), func(t *txn) error {
		for i := range results {
			if err := record(t, &results[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Observed is a group as the app shows it.
type Observed struct {
	Members []sinks.ID
}

func record(t *txn, r *Result) error {
	steps := []func(*txn, *Result) error{recordObject, recordLink, recordObserved, recordMembers, recordEscrow, recordStaged, recordIntent}
	if r.Partial {
		steps = steps[2:4]
	}
	for _, step := range steps {
		if err := step(t, r); err != nil {
			return err
		}
	}
	for i := range r.Records {
		if err := putRecord(t, &r.Records[i]); err != nil {
			return err
		}
	}
	return nil
}

// recordObject writes the row. Whoever changed it since the claim (an import, beside a
// provision on demand) keeps it dirty.
func recordObject(t *txn, r *Result) error {
	o := r.Object
	dirty := o.Dirty
	if r.Keep {
		dirty = -1
	}
	disabled := o.DisabledAt
	switch {
	case r.Account != plan.Blocked:
		disabled = time.Time{}
	case o.Account != plan.Blocked || disabled.IsZero():
		disabled = t.s.now()
	}
	if err := oneHolder(t, r); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE objects SET sink_id = NULLIF(?, ''), account = ?, acked_manager = NULLIF(?, 0), probed = ?, disabled_at = ?,
		dirty = CASE WHEN dirty = ? THEN 0 ELSE dirty END WHERE id = ?`,
		string(r.SinkID), r.Account, r.AckedManager, r.Probed, millis(disabled), dirty, o.ID)
	if err != nil || r.Acked == nil {
		return err
	}
	if r.Acked.Table == o.Table && string(r.Acked.Values) == string(o.Desired) {
		// The usual case costs no space: acked is desired, as long as that stays.
		_, err = t.exec(`UPDATE objects SET synced = (digest = ?1), acked_table = CASE WHEN digest = ?1 THEN NULL ELSE ?2 END,
			acked = CASE WHEN digest = ?1 THEN NULL ELSE ?3 END WHERE id = ?4`, o.Digest, r.Acked.Table, r.Acked.Values, o.ID)
		return err
	}
	_, err = t.exec(`UPDATE objects SET synced = 0, acked_table = ?, acked = ? WHERE id = ?`, r.Acked.Table, r.Acked.Values, o.ID)
	return err
}

// oneHolder takes a link back that another object of the job holds already: two objects of
// the source matched one account at the same moment, here or in another process. Whoever
// was recorded first keeps it, the other is in escrow.
func oneHolder(t *txn, r *Result) error {
	if r.SinkID == "" || r.SinkID == r.Object.SinkID {
		return nil
	}
	var other string
	err := t.one(`SELECT b.source_id FROM objects a JOIN objects b ON b.job_id = a.job_id AND b.resource = a.resource AND b.sink_id = ?
		WHERE a.id = ? AND b.id <> a.id`, []any{string(r.SinkID), r.Object.ID}, &other)
	if err != nil {
		return ignoreNoRows(err)
	}
	r.Failure = &Failure{Code: string(provlog.CodeConflict), Message: fmt.Sprintf("the account %s belongs to %s %s of the source", r.SinkID, r.Object.Resource, other)}
	r.Failure.Advice = provlog.Lookup(provlog.CodeConflict).Advice
	r.SinkID, r.Account, r.Acked, r.AckedManager, r.Keep = r.Object.SinkID, r.Object.Account, nil, r.Object.Manager.Acked, false
	r.Stage, r.Members, r.Observed = nil, nil, nil
	return nil
}

// recordLink wakes up what depends on the object's account: its reports' manager
// references and its memberships.
func recordLink(t *txn, r *Result) error {
	o := r.Object
	if r.SinkID == o.SinkID && r.Account == o.Account {
		return nil
	}
	if o.Resource == sinks.Group {
		return recordGroupLink(t, r)
	}
	if r.SinkID != o.SinkID {
		if err := recordReports(t, r); err != nil {
			return err
		}
	}
	if r.SinkID == "" || r.SinkID != o.SinkID && o.SinkID != "" { // another account is in no group yet
		_, err := t.exec(`UPDATE members SET have = 0, dirty = dirty + 1 WHERE user_id = ?`, o.ID)
		return err
	}
	// Rows that wait already are counted up only while their group is being sent.
	_, err := t.exec(`UPDATE members SET dirty = dirty + 1 WHERE user_id = ? AND (dirty = 0 OR group_id IN (SELECT object_id FROM intents))`, o.ID)
	return err
}

// recordGroupLink has the members of a group compared anew when it got an account, lost
// it, or came back after it had been emptied.
func recordGroupLink(t *txn, r *Result) error {
	if r.SinkID != r.Object.SinkID && r.Object.SinkID != "" {
		_, err := t.exec(`UPDATE members SET have = 0, dirty = dirty + 1 WHERE group_id = ?`, r.Object.ID)
		return err
	}
	_, err := t.exec(`UPDATE members SET dirty = dirty + 1 WHERE group_id = ? AND dirty = 0`, r.Object.ID)
	return err
}

func recordReports(t *txn, r *Result) error {
	o := r.Object
	if o.SinkID != "" {
		_, err := t.exec(`UPDATE objects SET acked_manager = -1, dirty = dirty + 1 WHERE manager_id = ? AND acked_manager = ?`, o.ID, o.ID)
		return err
	}
	_, err := t.exec(`UPDATE objects SET dirty = dirty + 1 WHERE manager_id = ? AND COALESCE(acked_manager, 0) <> manager_id
		AND (sink_id IS NOT NULL OR id IN (SELECT object_id FROM intents))`, o.ID)
	return err
}

func recordObserved(t *txn, r *Result) error {
	if r.Observed == nil {
		return nil
	}
	_, err := observeMembers(t, r.Object, r.Observed.Members)
	return err
}

func recordMembers(t *txn, r *Result) error {
	for _, m := range r.Members {
		_, err := t.exec(`UPDATE members SET have = ?, dirty = CASE WHEN dirty = ? THEN 0 ELSE dirty END WHERE id = ?`, m.Have, m.Dirty, m.Row)
		if err != nil {
			return err
		}
	}
	return nil
}

func recordEscrow(t *txn, r *Result) error {
	switch {
	case r.Failure != nil:
		if r.Again {
			_, err := t.exec(`UPDATE escrow SET attempts = attempts - 1 WHERE object_id = ? AND attempts > 0`, r.Object.ID)
			if err != nil {
				return err
			}
		}
		return putEscrow(t, r.Object.ID, *r.Failure, t.s.now())
	case r.Object.Attempts > 0 && !r.Keep:
		return leaveEscrow(t, r)
	default:
		return nil
	}
}

// leaveEscrow ends the escrow of an object that went through. A group whose members still
// wait stays with its count of attempts, since it may be the members that are refused;
// they are tried now.
func leaveEscrow(t *txn, r *Result) error {
	if r.Object.Resource == sinks.Group && !r.MembersDone && r.SinkID != "" && r.Account == plan.Enabled {
		n, err := t.changed(`UPDATE escrow SET next_attempt_at = ? WHERE object_id = ?
			AND EXISTS (SELECT 1 FROM members WHERE group_id = ? AND dirty > 0)`, dueNow, r.Object.ID, r.Object.ID)
		if err != nil || n > 0 {
			return err
		}
	}
	_, err := t.exec(`DELETE FROM escrow WHERE object_id = ?`, r.Object.ID)
	return err
}

// putEscrow notes a failure of an object. Its next attempt moves away with each one.
func putEscrow(t *txn, id ObjectID, f Failure, now time.Time) error {
	attempts, first := 0, millis(now)
	err := ignoreNoRows(t.one(`SELECT attempts, first_failed_at FROM escrow WHERE object_id = ?`, []any{id}, &attempts, &first))
	if err != nil {
		return err
	}
	attempts++
	var next any
	if at, ok := quarantine.NextAttempt(attempts, fromMillis(first), now); ok {
		next = millis(at)
	}
	_, err = t.exec(`INSERT INTO escrow (object_id, attempts, first_failed_at, next_attempt_at, code, message, advice) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (object_id) DO UPDATE SET attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at,
		code = excluded.code, message = excluded.message, advice = excluded.advice`,
		id, attempts, first, next, f.Code, f.Message, f.Advice)
	return err
}

func recordStaged(t *txn, r *Result) error {
	if r.Keep {
		return nil // what could not be tried stays decided, or nobody would plan it again
	}
	if r.Unstage {
		_, err := t.exec(`DELETE FROM staged WHERE object_id = ?`, r.Object.ID)
		return err
	}
	if r.Stage == nil {
		return nil
	}
	_, err := t.exec(`INSERT INTO staged (object_id, action, reason, staged_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (object_id) DO UPDATE SET action = excluded.action, reason = excluded.reason, staged_at = excluded.staged_at,
		decision = 0, decided_at = 0, expires_at = 0 WHERE action <> excluded.action OR reason <> excluded.reason`,
		r.Object.ID, r.Stage.Action, r.Stage.Reason, millis(t.s.now()))
	return err
}

// recordIntent ends the intent, or leaves it as the mark that somebody has to look first:
// a failure may have been that very look.
func recordIntent(t *txn, r *Result) error {
	if r.Unclear || r.Object.Unclear && (r.Keep || r.Failure != nil) {
		_, err := t.exec(`UPDATE intents SET holder = '', unclear = 1 WHERE object_id = ?`, r.Object.ID)
		return err
	}
	_, err := t.exec(`DELETE FROM intents WHERE object_id = ?`, r.Object.ID)
	return err
}
