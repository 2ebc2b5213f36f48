package state_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/state"
)

func open(t *testing.T, file string) (*state.Store, error) {
	t.Helper()
	s, err := state.Open(t.Context(), state.Options{Path: file})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// TestFileIsPrivate: nobody else on the machine reads who works here.
func TestFileIsPrivate(t *testing.T) {
	r := newRig(t)
	r.read(people(3)...)
	backup := filepath.Join(t.TempDir(), "backup.db")
	must(t, r.s.Backup(t.Context(), backup))
	for _, f := range []string{r.file, r.file + "-wal", r.file + "-shm", backup} {
		info, err := os.Stat(f)
		must(t, err)
		equal(t, filepath.Base(f), info.Mode().Perm(), os.FileMode(0o600))
	}
}

// TestDamagedFile: a file that is no state is refused and left as it was.
func TestDamagedFile(t *testing.T) {
	r := newRig(t)
	r.read(people(500)...)
	must(t, r.s.Close())
	whole, err := os.ReadFile(r.file)
	must(t, err)
	overwritten := bytes.Clone(whole)
	copy(overwritten[4096:], bytes.Repeat([]byte("junk"), 3*1024))
	for name, data := range map[string][]byte{
		"text":        []byte("this is not a database, and somebody may want it back"),
		"no header":   whole[100:],
		"overwritten": overwritten,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "state.db")
			must(t, os.WriteFile(file, data, 0o600))
			if _, err := open(t, file); !errors.Is(err, state.ErrDamaged) {
				t.Errorf("error %v, want %v", err, state.ErrDamaged)
			}
			after, err := os.ReadFile(file)
			must(t, err)
			if !bytes.Equal(data, after) {
				t.Error("the file was changed")
			}
		})
	}
}

// TestNewerFile: a file of a later version is refused and left as it was.
func TestNewerFile(t *testing.T) {
	r := newRig(t)
	r.exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`)
	must(t, r.s.Close())
	if _, err := open(t, r.file); !errors.Is(err, state.ErrNewer) {
		t.Errorf("error %v, want %v", err, state.ErrNewer)
	}
}

// TestOpenTogether: processes that start at the same moment on a new file all get it.
func TestOpenTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			s, err := open(t, file)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Job(t.Context(), "job"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestBackup: a backup holds everything, is a state of its own, and never takes the place
// of an existing file.
func TestBackup(t *testing.T) {
	r := newRig(t)
	r.read(people(3)...)
	r.link()
	file := filepath.Join(t.TempDir(), "backup.db")
	must(t, r.s.Backup(t.Context(), file))
	if err := r.s.Backup(t.Context(), file); !errors.Is(err, os.ErrExist) {
		t.Errorf("error %v, want %v", err, os.ErrExist)
	}
	r.read(people(1)...) // goes on meanwhile
	r.s, r.file = nil, file
	r.s = r.open()
	equal(t, "link in the backup", r.find(2).SinkID, sinks.ID("app-u2"))
	found, err := r.s.Check(t.Context())
	must(t, err)
	equal(t, "faults", len(found), 0)
}

// TestCopy: a dry run's copy is worked on by nobody, and its changes stay in it.
func TestCopy(t *testing.T) {
	r := newRig(t)
	r.read(people(3)...)
	r.lease()
	copied, remove, err := r.s.Copy(t.Context())
	must(t, err)
	path := copied.Path()
	l, err := copied.LeaseCycle(t.Context(), r.job)
	must(t, err)
	objects, err := copied.Claim(t.Context(), r.query(l.Holder, sinks.User, state.Dirty))
	must(t, err)
	must(t, copied.Record(t.Context(), []state.Result{linked(&objects[0])}))
	must(t, l.Release(t.Context()))
	remove()
	equal(t, "link in the original", r.find(0).Linked(), false)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy is still there: %v", err)
	}
}
