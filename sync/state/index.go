package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/idpbridge/idpbridge/sinks"
)

// Index is the list of an app's users or groups that a cycle has read, to find matches
// and drift without asking for each object. It is a private temporary database: SQLite
// keeps it in memory while it is small and on disk when it isn't, and it is gone after
// the cycle.
type Index struct {
	db    *sql.DB
	conn  *sql.Conn
	match []string
	q     sinks.Query

	// mu is held from a statement's beginning to its last row: workers ask at the same time,
	// and a statement that is run anew while its rows are read gives wrong ones.
	mu sync.Mutex

	find, get, put, key *sql.Stmt
	// filled is set by the first object. Before, nobody has to ask SQLite: the app of an
	// initial cycle is often empty.
	filled atomic.Bool
}

// NewIndex returns an empty index of objects that are found by the paths in match.
func NewIndex(ctx context.Context, q sinks.Query, match []string) (*Index, error) {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	x := &Index{db: db, match: match, q: q}
	if x.conn, err = db.Conn(ctx); err != nil {
		return nil, err
	}
	_, err = x.conn.ExecContext(ctx, `PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000;
		CREATE TABLE accounts (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
		CREATE TABLE keys (path INTEGER NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (path, value, id)) WITHOUT ROWID;`)
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	for query, st := range map[string]**sql.Stmt{
		`SELECT a.body FROM keys k JOIN accounts a ON a.id = k.id WHERE k.path = ? AND k.value = ?`: &x.find,
		`SELECT body FROM accounts WHERE id = ?`:                                                    &x.get,
		`INSERT OR REPLACE INTO accounts (id, body) VALUES (?, ?)`:                                  &x.put,
		`INSERT OR REPLACE INTO keys (path, value, id) VALUES (?, ?, ?)`:                            &x.key,
	} {
		if *st, err = x.conn.PrepareContext(ctx, query); err != nil {
			return nil, errors.Join(err, x.Close())
		}
	}
	return x, nil
}

// Close removes the index.
func (x *Index) Close() error {
	for _, st := range []*sql.Stmt{x.find, x.get, x.put, x.key} {
		if st != nil {
			_ = st.Close()
		}
	}
	_ = x.conn.Close()
	return x.db.Close()
}

// Add stores a page of objects. One that is there already is replaced.
func (x *Index) Add(ctx context.Context, objects []sinks.Object) error {
	if len(objects) == 0 {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, err := x.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	x.filled.Store(true)
	for i := range objects {
		if err := x.add(ctx, &objects[i]); err != nil {
			_, _ = x.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			return fmt.Errorf("index of the app: %w", err)
		}
	}
	_, err := x.conn.ExecContext(ctx, "COMMIT")
	return err
}

func (x *Index) add(ctx context.Context, o *sinks.Object) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err := x.put.ExecContext(ctx, string(o.ID), string(body)); err != nil {
		return err
	}
	for i, p := range x.match {
		v, ok := o.Values[p].(string)
		if !ok || v == "" {
			continue
		}
		if _, err := x.key.ExecContext(ctx, i, strings.ToLower(v), string(o.ID)); err != nil {
			return err
		}
	}
	return nil
}

// Find returns the objects whose value at a matching path equals the one given; case
// doesn't matter.
func (x *Index) Find(ctx context.Context, path, value string) ([]sinks.Object, error) {
	for i, p := range x.match {
		if p == path {
			if !x.filled.Load() {
				return nil, nil
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			return objectsOf(x.find.QueryContext(ctx, i, strings.ToLower(value)))
		}
	}
	return nil, fmt.Errorf("index of the app: %s is not a matching attribute", path)
}

// Get returns one object, or nil.
func (x *Index) Get(ctx context.Context, id sinks.ID) (*sinks.Object, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	found, err := objectsOf(x.get.QueryContext(ctx, string(id)))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// Drop forgets objects.
func (x *Index) Drop(ctx context.Context, ids []sinks.ID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		if _, err := x.conn.ExecContext(ctx, `DELETE FROM accounts WHERE id = ?`, string(id)); err != nil {
			return fmt.Errorf("index of the app: %w", err)
		}
	}
	return nil
}

// Some returns up to n objects, in the order of their ids.
func (x *Index) Some(ctx context.Context, n int) ([]sinks.Object, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return objectsOf(x.conn.QueryContext(ctx, `SELECT body FROM accounts ORDER BY id LIMIT ?`, n))
}

// Len returns how many objects the index holds.
func (x *Index) Len(ctx context.Context) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var n int
	err := x.conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM accounts`).Scan(&n)
	return n, err
}

func objectsOf(rows *sql.Rows, err error) ([]sinks.Object, error) {
	if err != nil {
		return nil, err
	}
	var out []sinks.Object
	err = drain(rows, func(r *sql.Rows) error {
		var body []byte
		var o sinks.Object
		if err := r.Scan(&body); err != nil {
			return err
		}
		if err := json.Unmarshal(body, &o); err != nil {
			return err
		}
		out = append(out, o)
		return nil
	})
	return out, err
}
