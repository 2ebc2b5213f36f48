package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Copy opens a private copy of the state, for a run that must change nothing: all that
// planning reads, without leases (whoever works on the original does not work on the
// copy), and without the history, which may be many times as big. The function it returns
// closes and removes the copy.
func (s *Store) Copy(ctx context.Context) (*Store, func(), error) {
	dir, err := os.MkdirTemp("", "idpbridge-dry-run-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	c, err := Open(ctx, Options{Path: filepath.Join(dir, "state.db"), Log: s.log, Now: s.now})
	if err != nil {
		remove()
		return nil, nil, fmt.Errorf("copy of the state: %w", err)
	}
	closeAll := func() { _ = c.Close(); remove() }
	if err := c.copyFrom(ctx, s); err != nil {
		closeAll()
		return nil, nil, fmt.Errorf("copy of the state: %w", classify(err))
	}
	return c, closeAll, nil
}

// copyFrom fills an empty state with another one's tables, at one moment of it.
func (s *Store) copyFrom(ctx context.Context, from *Store) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Without foreign keys whole tables are copied page by page, and without syncs: nobody
	// misses the copy after a crash.
	if _, err := s.conn.ExecContext(ctx, `PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF`); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, `ATTACH DATABASE ? AS original`, from.path); err != nil {
		return err
	}
	err := s.copyTables(ctx)
	_, detach := s.conn.ExecContext(context.WithoutCancel(ctx), `DETACH DATABASE original; PRAGMA foreign_keys = ON`)
	return errors.Join(err, detach)
}

// uncopied are the tables that stay behind: the history, whose turn it is, and goose's own.
const uncopied = `'log', 'cycles', 'leases', 'outbox', 'receivers', 'deliveries', 'goose_db_version'`

func (s *Store) copyTables(ctx context.Context) error {
	rows, err := s.conn.QueryContext(ctx, `SELECT name FROM original.sqlite_master WHERE type = 'table'
		AND name NOT LIKE 'sqlite_%' AND name NOT IN (`+uncopied+`)`)
	if err != nil {
		return err
	}
	copies := []string{"BEGIN"}
	err = drain(rows, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		copies = append(copies, fmt.Sprintf("INSERT INTO main.%[1]s SELECT * FROM original.%[1]s", name))
		return err
	})
	for _, query := range append(copies, "COMMIT") {
		if err == nil {
			_, err = s.conn.ExecContext(ctx, query)
		}
	}
	if err != nil {
		_, _ = s.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}
