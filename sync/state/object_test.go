package state

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// TestObjectsAsStored: an object is read as it is stored, whichever of its columns are
// empty, and whatever stood in the row before it.
func TestObjectsAsStored(t *testing.T) {
	s := storeOfOneJob(t)
	rapid.Check(t, func(t *rapid.T) {
		objects := drawObjects(t)
		q := ClaimQuery{Job: 1, Resource: sinks.User, Limit: len(objects), Scoped: rapid.Bool().Draw(t, "scoped")}
		for i := range objects {
			o := &objects[i].Object
			o.InScope = o.Filtered && (!q.Scoped || o.Assigned)
		}
		if err := s.soon(t.Context(), func(x *txn) error { return storeAll(x, objects) }); err != nil {
			t.Fatal(err)
		}
		got, err := s.objects(t.Context(), q, `WHERE o.job_id = 1 ORDER BY o.id`)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]Object, len(objects))
		for i := range objects {
			want[i] = objects[i].Object
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(Object{})); d != "" {
			t.Fatalf("(-stored +read):\n%s", d)
		}
	})
}

// TestMembersAsStored: a membership is read as it is stored, and its user likewise.
func TestMembersAsStored(t *testing.T) {
	s := storeOfOneJob(t)
	rapid.Check(t, func(t *rapid.T) {
		objects := drawObjects(t)
		group := roster{group: int64(objects[0].ID), woken: 3}
		var want []MemberChange
		for i := range objects {
			m := drawMember(t, &objects[i].Object, group.woken)
			if m.Want {
				group.want = append(group.want, int64(m.User))
			}
			if m.Have {
				group.have = append(group.have, int64(m.User))
			}
			if m.Want || m.Have {
				want = append(want, m)
			}
		}
		err := s.soon(t.Context(), func(x *txn) error {
			if err := storeAll(x, objects); err != nil {
				return err
			}
			return x.putRoster(&group)
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.MemberChanges(t.Context(), MemberQuery{Group: ObjectID(group.group), All: true, Limit: len(objects)})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(MemberChange{}, MemberResult{})); d != "" {
			t.Fatalf("(-stored +read):\n%s", d)
		}
	})
}

func drawMember(t *rapid.T, o *Object, woken int32) MemberChange {
	m := MemberChange{
		User: o.ID, SourceID: o.SourceID, SinkID: o.SinkID, Account: o.Account, Held: o.Staged != nil && o.Staged.Decision != Approved,
		Want: rapid.Bool().Draw(t, "want"), Have: rapid.Bool().Draw(t, "have"),
	}
	m.read = MemberResult{user: int64(o.ID), account: accountKey(o.SinkID), woken: woken, want: m.Want}
	return m
}

func storeOfOneJob(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Job(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	return s
}

// storedObject is an object and how it is stored.
type storedObject struct {
	Object
	synced bool
}

func drawObjects(t *rapid.T) []storedObject {
	out := make([]storedObject, rapid.IntRange(1, 6).Draw(t, "objects"))
	for i := range out {
		out[i] = drawObject(t, ObjectID(i+1))
	}
	for i := range out {
		o := &out[i]
		n := rapid.IntRange(0, len(out)).Draw(t, "manager")
		if n == 0 {
			continue
		}
		m := &out[n-1]
		o.Manager.ID, o.Manager.SinkID, o.Manager.Presence, o.Manager.Expected = m.ID, m.SinkID, m.Presence, m.Dirty > 0
	}
	return out
}

func drawObject(t *rapid.T, id ObjectID) storedObject {
	word := rapid.SampledFrom([]string{"", "ä", "a\x00b", "user"})
	number := rapid.SampledFrom([]int64{0, 1, 300, -1 << 62})
	blob := rapid.SampledFrom([][]byte{nil, {}, {1, 2}})
	moment := rapid.SampledFrom([]time.Time{{}, time.UnixMilli(1_800_000_000_123).UTC()})
	yes := rapid.Bool()
	name := word.Draw(t, "name") + string(rune('0'+id))
	o := storedObject{synced: yes.Draw(t, "synced"), Object: Object{
		ID: id, Resource: sinks.Resource(rapid.IntRange(1, 2).Draw(t, "resource")), SourceID: sources.ID(name),
		UserName: word.Draw(t, "user name"), Mail: word.Draw(t, "mail"), DisplayName: word.Draw(t, "display name"),
		Presence: plan.Presence(rapid.IntRange(0, 4).Draw(t, "presence")), Filtered: yes.Draw(t, "filtered"), Assigned: yes.Draw(t, "assigned"),
		Table: rapid.Int64Range(0, 2).Draw(t, "table"), Desired: blob.Draw(t, "desired"),
		AckedTable: rapid.Int64Range(0, 2).Draw(t, "acked table"), Acked: blob.Draw(t, "acked"), Manager: Manager{Acked: ObjectID(rapid.IntRange(-1, 3).Draw(t, "acked manager"))},
		Version: word.Draw(t, "version"), Account: plan.Account(rapid.IntRange(0, 2).Draw(t, "account")),
		DisabledAt: moment.Draw(t, "disabled"), Probed: yes.Draw(t, "probed"), Dirty: rapid.Int64Range(0, 2).Draw(t, "dirty"), Digest: number.Draw(t, "digest"),
		Unclear: yes.Draw(t, "unclear"), Attempts: rapid.IntRange(0, 2).Draw(t, "attempts"),
	}}
	if yes.Draw(t, "linked") {
		o.SinkID = sinks.ID("app-" + name)
	}
	if o.Attempts > 0 {
		o.FirstFailed = moment.Draw(t, "first failed")
	}
	if yes.Draw(t, "staged") {
		o.Staged = &Staged{
			Object: id, Resource: o.Resource, SourceID: o.SourceID, SinkID: o.SinkID, Name: o.DisplayName, Action: "delete", Reason: "deleted",
			At: moment.Draw(t, "staged at"), Decision: Decision(rapid.IntRange(0, 2).Draw(t, "decision")), Expires: moment.Draw(t, "expires"),
		}
	}
	if o.synced {
		o.AckedTable, o.Acked = o.Table, o.Desired
	}
	return o
}

// storeAll replaces all objects.
func storeAll(t *txn, objects []storedObject) error {
	if _, err := t.exec(`DELETE FROM objects`); err != nil {
		return err
	}
	for i := range objects {
		if err := store(t, &objects[i]); err != nil {
			return err
		}
	}
	return nil
}

func store(t *txn, o *storedObject) error {
	acked, ackedTable := any(o.Acked), o.AckedTable
	if o.synced {
		acked, ackedTable = nil, 0
	}
	_, err := t.exec(`INSERT INTO objects (id, job_id, resource, source_id, user_name, mail, display_name, presence, filtered, assigned,
			digest, table_id, desired, acked_table, acked, synced, manager_id, acked_manager, sink_id, version, account, disabled_at, probed, dirty)
		VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, 0), ?, NULLIF(?, 0), ?, ?, NULLIF(?, 0), NULLIF(?, 0), NULLIF(?, ''), NULLIF(?, ''), ?, ?, ?, ?)`,
		o.ID, o.Resource, string(o.SourceID), o.UserName, o.Mail, o.DisplayName, o.Presence, o.Filtered, o.Assigned,
		o.Digest, o.Table, o.Desired, ackedTable, acked, o.synced, o.Manager.ID, o.Manager.Acked, string(o.SinkID), o.Version,
		o.Account, millis(o.DisabledAt), o.Probed, o.Dirty)
	if err == nil && o.Unclear {
		_, err = t.exec(`INSERT INTO intents (object_id, holder, started_at) VALUES (?, 'dead', 0)`, o.ID)
	}
	if err == nil && o.Attempts > 0 {
		_, err = t.exec(`INSERT INTO escrow (object_id, attempts, first_failed_at, code, message) VALUES (?, ?, ?, '', '')`, o.ID, o.Attempts, millis(o.FirstFailed))
	}
	if st := o.Staged; err == nil && st != nil {
		_, err = t.exec(`INSERT INTO staged (object_id, action, reason, staged_at, decision, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
			o.ID, st.Action, st.Reason, millis(st.At), st.Decision, millis(st.Expires))
	}
	return err
}
