package state

import (
	"context"
	"database/sql"
	"fmt"
)

// txn is a write transaction. Statements are prepared once per Store and kept, which is
// why transactions run on one fixed connection instead of sql.Tx.
type txn struct {
	ctx context.Context //nolint:containedctx // a transaction lives inside one call
	s   *Store

	jobName string // the job that was asked for last
	jobID   JobID
}

// job returns a job's number.
func (t *txn) job(name string) (JobID, error) {
	if t.jobName == name {
		return t.jobID, nil
	}
	err := t.one(`SELECT id FROM jobs WHERE name = ?`, []any{name}, &t.jobID)
	if err == nil {
		t.jobName = name
	}
	return t.jobID, err
}

// tx runs f in one write transaction, which survives a power loss from its end on. What f
// returns decides between commit and rollback.
func (s *Store) tx(ctx context.Context, f func(*txn) error) error {
	return s.commit(ctx, "PRAGMA synchronous = FULL", f)
}

// soon is tx for what the next Claim makes survive: a power loss takes the file back to an
// earlier commit, never to the middle of one. Then pages are read again, and objects whose
// results were lost are still intended: they are looked for before anything is sent.
func (s *Store) soon(ctx context.Context, f func(*txn) error) error {
	return s.commit(ctx, "PRAGMA synchronous = NORMAL", f)
}

func (s *Store) commit(ctx context.Context, mode string, f func(*txn) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	// Transactions are short. A context that can end would cost a goroutine per statement.
	t := &txn{ctx: context.WithoutCancel(ctx), s: s}
	if s.mode != mode {
		if _, err := t.exec(mode); err != nil {
			return classify(err)
		}
		s.mode = mode
	}
	if _, err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return classify(err)
	}
	if err := f(t); err != nil {
		t.rollback()
		return classify(err)
	}
	if _, err := t.exec("COMMIT"); err != nil {
		t.rollback()
		return classify(err)
	}
	return nil
}

func (t *txn) rollback() {
	_, _ = t.exec("ROLLBACK")
}

func (t *txn) stmt(query string) (*sql.Stmt, error) {
	if st, ok := t.s.stmts[query]; ok {
		return st, nil
	}
	st, err := t.s.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	t.s.stmts[query] = st
	return st, nil
}

func (t *txn) exec(query string, args ...any) (sql.Result, error) {
	st, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(t.ctx, args...)
}

// insert returns the new row's id.
func (t *txn) insert(query string, args ...any) (int64, error) {
	res, err := t.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// changed returns how many rows a statement touched.
func (t *txn) changed(query string, args ...any) (int64, error) {
	res, err := t.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// scan reads all rows of a query.
func (t *txn) scan(each func(*sql.Rows) error, query string, args ...any) error {
	st, err := t.stmt(query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(t.ctx, args...)
	if err != nil {
		return err
	}
	return drain(rows, each)
}

// one reads one row into dest; sql.ErrNoRows when there is none.
func (t *txn) one(query string, args []any, dest ...any) error {
	st, err := t.stmt(query)
	if err != nil {
		return err
	}
	return st.QueryRowContext(t.ctx, args...).Scan(dest...)
}

func drain(rows *sql.Rows, each func(*sql.Rows) error) error {
	defer func() { _ = rows.Close() }() // an error of the rows shows in Err
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// read runs a query on the last committed state.
func (s *Store) read(ctx context.Context, each func(*sql.Rows) error, query string, args ...any) error {
	rows, err := s.r.QueryContext(ctx, query, args...)
	if err != nil {
		return classify(err)
	}
	return classify(drain(rows, each))
}
