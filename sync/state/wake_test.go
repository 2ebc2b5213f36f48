package state

import (
	"path/filepath"
	"testing"
)

// BenchmarkWake notes that one account has changed in a directory of 5,000 groups with 100
// settled members each.
func BenchmarkWake(b *testing.B) {
	s, err := Open(b.Context(), Options{Path: filepath.Join(b.TempDir(), "state.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const groups, members, people = 5000, 100, 100_000
	err = s.tx(b.Context(), func(t *txn) error {
		if _, err := t.exec(`INSERT INTO jobs (id, name) VALUES (1, 'wiki')`); err != nil {
			return err
		}
		for g := range int64(groups) {
			if _, err := t.exec(`INSERT INTO objects (id, job_id, resource, source_id) VALUES (?1, 1, 2, 'g' || ?1)`, g+1); err != nil {
				return err
			}
			var ids []int64
			for m := range int64(members) {
				ids = append(ids, groups+1+(g*37+m*997)%people)
			}
			in := newIDSet(ids)
			if err := t.putRoster(&roster{group: g + 1, want: in, have: in}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.soon(b.Context(), func(t *txn) error { return wakeMembers(t, 1, idSet{groups + people}) }); err != nil {
			b.Fatal(err)
		}
	}
}
