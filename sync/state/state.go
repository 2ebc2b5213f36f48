// Package state is what idpbridge remembers, in one SQLite file: for each job the links
// between source ids and sink ids, what each app last acknowledged, group memberships,
// the watermark, the escrow, staged deletions, quarantine, cycles and the provisioning
// log. migrations/ holds the schema, with a comment on each column that needs one; steps to
// it that SQL alone can't do are in Go (goMigrations).
//
// # Words
//
// An object is a user or group of one job. Its presence says what the source said last;
// desired is what the app should hold of it by the mapping; acked is what the app last
// acknowledged; dirty means that the two have to be compared. A round is one complete
// reading of the source or of its changes; seen collects what a full round met, so that
// its end can tell who is gone. A roster is the memberships of one group: sets of users,
// wanted by the source and had by the app. An intent stands from before a request is sent until its
// result is recorded.
//
// # Invariants
//
//   - A page's effects and the cursor behind it are one transaction (Import).
//   - Nothing is swept unless Import is told that the round is Done.
//   - No request is sent for an object whose intent is not stored (Claim), and an intent
//     left behind by a dead process comes back marked unclear: look before you send.
//   - At most one object of a job holds a given sink id.
//   - The link outlives scope, disabling and the deletion in the directory. Only Unlink,
//     a proven disappearance or our own DELETE removes it.
//
// There is one writer connection per process; other processes are kept apart by SQLite's
// own lock. Reads go through separate connections and see the last committed state.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3" // also registers the driver "sqlite3"
)

// Errors that callers branch on.
var (
	// ErrNewer means that the file was written by a later version of idpbridge.
	ErrNewer = errors.New("the state file was written by a newer idpbridge; use that version or a backup from before the upgrade")
	// ErrDamaged means that the file is not a readable SQLite database. It is never
	// overwritten.
	ErrDamaged = errors.New("the state file is damaged; put back a backup (idpbridge state backup makes them), the file was left as it is")
	// ErrNotFound means that nothing with that name or id is known.
	ErrNotFound = errors.New("not found")
)

// Store is an open state file. Its methods may be called concurrently.
type Store struct {
	path string
	log  *slog.Logger
	now  func() time.Time
	w, r *sql.DB

	mu    sync.Mutex // held by the one write transaction
	conn  *sql.Conn  // of w, for its whole life, so that statements stay prepared
	stmts map[string]*sql.Stmt
	mode  string // how conn commits
}

// Options open a Store.
type Options struct {
	Path string           // the file; made with mode 0600 when missing
	Log  *slog.Logger     // nil: discard
	Now  func() time.Time // nil: time.Now
}

// Open opens the state file, makes it when missing, and brings its schema up to date.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := touch(o.Path); err != nil {
		return nil, fmt.Errorf("state %s: %w", o.Path, err)
	}
	s := &Store{path: o.Path, log: o.Log, now: o.Now, stmts: map[string]*sql.Stmt{}}
	if err := s.open(ctx); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("state %s: %w", o.Path, err)
	}
	return s, nil
}

// touch makes the file readable by its owner alone before SQLite opens it, since the
// driver would make it with the process's umask.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if s.w, err = sql.Open("sqlite3", s.dsn(false)); err != nil {
		return err
	}
	s.w.SetMaxOpenConns(1)
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if s.conn, err = s.w.Conn(ctx); err != nil {
		return classify(err)
	}
	// Much of what an initial cycle writes goes to random pages of the indexes over ids. The
	// longer the log, the more often such a page is copied to the file once instead of twice.
	if _, err := s.conn.ExecContext(ctx, `PRAGMA wal_autocheckpoint = 8000`); err != nil {
		return classify(err)
	}
	if s.r, err = sql.Open("sqlite3", s.dsn(true)); err != nil {
		return err
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	s.r.SetMaxOpenConns(readers)
	s.r.SetMaxIdleConns(readers) // to open one costs more than most queries
	return nil
}

// dsn returns the driver's address of the file. synchronous=FULL makes an intent survive
// a power loss before its request is sent, as far as the disk keeps its promises; see soon.
func (s *Store) dsn(readOnly bool) string {
	q := url.Values{
		"_journal_mode": {"WAL"}, "_foreign_keys": {"1"}, "_busy_timeout": {"30000"}, "_mutex": {"no"}, // database/sql gives a connection to one goroutine at a time
		"_synchronous": {"FULL"}, "_txlock": {"immediate"}, "_cache_size": {"-16000"},
	}
	if readOnly {
		q.Set("_query_only", "1")
		q.Set("_txlock", "deferred")
		q.Set("_cache_size", "-1000") // it is empty again after each write: see https://sqlite.org/wal.html
	}
	return "file:" + (&url.URL{Path: s.path}).EscapedPath() + "?" + q.Encode()
}

// classify turns SQLite's "not a database" and "malformed" into ErrDamaged.
func classify(err error) error {
	if e, ok := errors.AsType[sqlite3.Error](err); ok && (e.Code == sqlite3.ErrNotADB || e.Code == sqlite3.ErrCorrupt) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Close closes the file.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, st := range s.stmts {
		errs = append(errs, st.Close())
	}
	s.stmts = map[string]*sql.Stmt{}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	for _, db := range []*sql.DB{s.r, s.w} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Path returns the file's path.
func (s *Store) Path() string { return s.path }

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// touchNew makes a new file readable by its owner alone and refuses an existing one.
func touchNew(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}
