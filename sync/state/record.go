package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// Result is what came of one claimed object. Recording it ends the object's intent.
type Result struct {
	Object *Object // as claimed

	SinkID       sinks.ID // the link from now on; "" unlinks
	Version      string   // that the app gave to what it holds now; "" if it gave none
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
	return Result{Object: o, SinkID: o.SinkID, Version: o.Version, Account: o.Account, AckedManager: o.Manager.Acked, Probed: o.Probed}
}

// Acked are values that the app acknowledged, aligned with a table.
type Acked struct {
	Table  int64
	Values []byte
}

// Record stores results of one job's objects and ends their intents, in one transaction.
func (s *Store) Record(ctx context.Context, results []Result) error {
	return s.soon(context.WithoutCancel(ctx), func(t *txn) error {
		taken, err := takenOver(t, results)
		if err != nil {
			return err
		}
		var over []ObjectID
		var accounts accounts
		for i := range results {
			r := &results[i]
			if taken[r.Object.ID] {
				continue
			}
			if err := record(t, r); err != nil {
				return err
			}
			accounts.add(r)
			if !r.Partial && !r.staysIntended() {
				over = append(over, r.Object.ID)
			}
		}
		if err := wakeDependents(t, &accounts); err != nil {
			return err
		}
		return endIntents(t, over)
	})
}

// takenOver returns the objects that another process has claimed since. It has looked at
// the app, and knows better than one that slept until its lease was over.
func takenOver(t *txn, results []Result) (map[ObjectID]bool, error) {
	var ids []ObjectID
	holder := ""
	for i := range results {
		if o := results[i].Object; o.holder != "" {
			ids, holder = append(ids, o.ID), o.holder
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	taken := map[ObjectID]bool{}
	for _, id := range ids {
		taken[id] = true
	}
	err = t.scan(func(r *sql.Rows) error {
		var id ObjectID
		if err := r.Scan(&id); err != nil {
			return err
		}
		delete(taken, id)
		return nil
	}, `SELECT i.object_id FROM json_each(?) j CROSS JOIN intents i ON i.object_id = j.value WHERE i.holder = ?`, string(list), holder)
	return taken, err
}

// Observed is a group as the app shows it.
type Observed struct {
	Members []sinks.ID
}

func record(t *txn, r *Result) error {
	steps := []func(*txn, *Result) error{recordObject, recordGroup, recordObserved, recordMembers, recordEscrow, recordStaged, recordUnclear}
	if r.Partial {
		steps = steps[2:4]
	}
	for _, step := range steps {
		if err := step(t, r); err != nil {
			return err
		}
	}
	return putRecords(t, r.Records)
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
	write := func() error {
		return writeObject(t, r, []any{string(r.SinkID), r.Account, r.AckedManager, r.Probed, millis(disabled), dirty, o.ID, r.Version})
	}
	err := write()
	if e, ok := errors.AsType[sqlite3.Error](err); !ok || e.ExtendedCode != sqlite3.ErrConstraintUnique {
		return err
	}
	if err := oneHolder(t, r); err != nil {
		return err
	}
	return write()
}

// writeObject writes the link and what was acknowledged, with the arguments of link.
func writeObject(t *txn, r *Result, args []any) error {
	const link = `UPDATE objects SET sink_id = NULLIF(?1, ''), account = ?2, acked_manager = NULLIF(?3, 0), probed = ?4, disabled_at = ?5,
		dirty = CASE WHEN dirty = ?6 THEN 0 ELSE dirty END, version = CASE WHEN ?1 = '' THEN NULL ELSE NULLIF(?8, '') END`
	o := r.Object
	switch {
	case r.Acked == nil:
		_, err := t.exec(link+` WHERE id = ?7`, args...)
		return err
	case r.Acked.Table == o.Table && string(r.Acked.Values) == string(o.Desired):
		// The usual case costs no space: acked is desired, as long as that stays.
		_, err := t.exec(link+`, synced = (digest = ?9), acked_table = CASE WHEN digest = ?9 THEN NULL ELSE ?10 END,
			acked = CASE WHEN digest = ?9 THEN NULL ELSE ?11 END WHERE id = ?7`, append(args, o.Digest, r.Acked.Table, r.Acked.Values)...)
		return err
	default:
		_, err := t.exec(link+`, synced = 0, acked_table = ?9, acked = ?10 WHERE id = ?7`, append(args, r.Acked.Table, r.Acked.Values)...)
		return err
	}
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
	r.SinkID, r.Version, r.Account, r.Acked, r.AckedManager, r.Keep = r.Object.SinkID, r.Object.Version, r.Object.Account, nil, r.Object.Manager.Acked, false
	r.Stage, r.Members, r.Observed = nil, nil, nil
	return nil
}

// accounts are the users whose accounts changed with a batch of results.
type accounts struct {
	made   []ObjectID // the first account, as for all in an initial cycle
	turned []ObjectID // disabled or enabled
	lost   []ObjectID // gone, or another now
}

// add notes what a result, as it was recorded, means for the object's account.
func (a *accounts) add(r *Result) {
	o := r.Object
	switch {
	case r.Partial || o.Resource != sinks.User:
	case r.SinkID != o.SinkID && o.Linked():
		a.lost = append(a.lost, o.ID)
	case r.SinkID != o.SinkID:
		a.made = append(a.made, o.ID)
	case r.Account != o.Account:
		a.turned = append(a.turned, o.ID)
	}
}

// wakeDependents wakes up what depends on accounts that changed: managers' references and
// memberships.
func wakeDependents(t *txn, a *accounts) error {
	all := slices.Concat(a.made, a.turned, a.lost)
	if len(all) == 0 {
		return nil
	}
	job, err := t.jobOf(all[0])
	if err != nil {
		return ignoreNoRows(err)
	}
	if err := wakeReports(t, a); err != nil {
		return err
	}
	if err := wakeMembers(t, job, newIDSet(slices.Concat(a.made, a.turned))); err != nil {
		return err
	}
	return loseMembers(t, job, newIDSet(a.lost))
}

// wakeReports has the reports of managers planned again: of new accounts those who have to
// name them, and of lost ones those who did.
func wakeReports(t *txn, a *accounts) error {
	made, err := newIDSet(a.made).list()
	if err != nil {
		return err
	}
	_, err = t.exec(`UPDATE objects SET dirty = dirty + 1 WHERE manager_id IN (SELECT value FROM json_each(?)) AND COALESCE(acked_manager, 0) <> manager_id
		AND (sink_id IS NOT NULL OR id IN (SELECT object_id FROM intents))`, made)
	if err != nil || len(a.lost) == 0 {
		return err
	}
	lost, err := newIDSet(a.lost).list()
	if err != nil {
		return err
	}
	_, err = t.exec(`UPDATE objects SET acked_manager = -1, dirty = dirty + 1 WHERE manager_id IN (SELECT value FROM json_each(?)) AND acked_manager = manager_id`, lost)
	return err
}

// recordGroup has the members of a group compared anew when it got an account, lost it, or
// came back after it had been emptied.
func recordGroup(t *txn, r *Result) error {
	o := r.Object
	if o.Resource != sinks.Group || r.SinkID == o.SinkID && r.Account == o.Account {
		return nil
	}
	ros, err := rosterOf(t.scan, int64(o.ID))
	if err != nil {
		return err
	}
	if o.Linked() && r.SinkID != o.SinkID {
		ros.lose(ros.all())
	} else {
		ros.compare(ros.all())
	}
	return t.putRoster(ros)
}

func recordObserved(t *txn, r *Result) error {
	if r.Observed == nil {
		return nil
	}
	_, err := observeMembers(t, r.Object, r.Observed.Members)
	return err
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
			AND EXISTS (SELECT 1 FROM rosters WHERE group_id = ? AND pending IS NOT NULL)`, dueNow, r.Object.ID, r.Object.ID)
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

// staysIntended says whether the intent stays as the mark that somebody has to look first:
// a failure may have been that very look.
func (r *Result) staysIntended() bool {
	return r.Unclear || r.Object.Unclear && (r.Keep || r.Failure != nil)
}

func recordUnclear(t *txn, r *Result) error {
	if !r.staysIntended() {
		return nil
	}
	_, err := t.exec(`UPDATE intents SET holder = '', unclear = 1 WHERE object_id = ?`, r.Object.ID)
	return err
}

// endIntents ends the intents of all objects with one statement.
func endIntents(t *txn, ids []ObjectID) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM intents WHERE object_id IN (SELECT value FROM json_each(?))`, string(list))
	return err
}
