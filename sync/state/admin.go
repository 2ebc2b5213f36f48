package state

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// FindObjects returns the objects of a job that a reference names: the source's id, a
// user name, a mail address or, for groups, a display name. Case doesn't matter.
func (s *Store) FindObjects(ctx context.Context, q ClaimQuery, ref string) ([]Object, error) {
	return s.objects(ctx, q, `WHERE o.job_id = ?1 AND o.resource = ?2 AND
		(o.source_id = ?3 OR lower(o.user_name) = ?4 OR lower(o.mail) = ?4 OR (o.resource = 2 AND lower(o.display_name) = ?4))`,
		q.Job, q.Resource, ref, strings.ToLower(ref))
}

// Object returns one object without claiming it, or ErrNotFound.
func (s *Store) Object(ctx context.Context, q ClaimQuery, id ObjectID) (*Object, error) {
	found, err := s.objects(ctx, q, `WHERE o.job_id = ? AND o.id = ?`, q.Job, id)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &found[0], nil
}

// Linked returns which object holds a sink id, or nil.
func (s *Store) Linked(ctx context.Context, q ClaimQuery, id sinks.ID) (*Object, error) {
	found, err := s.objects(ctx, ClaimQuery{}, `WHERE o.job_id = ? AND o.resource = ? AND o.sink_id = ?`, q.Job, q.Resource, string(id))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (s *Store) objects(ctx context.Context, q ClaimQuery, where string, args ...any) ([]Object, error) {
	return readObjects(s.scan(ctx), q, objectQuery+where, args...)
}

// Unlink drops the link of one object, which is then matched anew. Nothing is sent.
func (s *Store) Unlink(ctx context.Context, id ObjectID) error {
	return s.tx(ctx, func(t *txn) error {
		if err := dropLinks(t, []ObjectID{id}); err != nil {
			return err
		}
		_, err := t.exec(`DELETE FROM escrow WHERE object_id = ?`, id)
		return err
	})
}

// Restart says what a restart forgets. Links always stay.
type Restart struct {
	Watermark bool // the next cycle reads everything
	Escrows   bool // all objects in escrow are due now
}

// Restart forgets what r names.
func (s *Store) Restart(ctx context.Context, job JobID, r Restart) error {
	if r.Watermark {
		if err := s.AbandonRound(ctx, job); err != nil {
			return fmt.Errorf("restart watermark: %w", err)
		}
	}
	if r.Escrows {
		if err := s.WakeEscrow(ctx, job, true); err != nil {
			return fmt.Errorf("restart escrows: %w", err)
		}
	}
	return nil
}

// Backup writes a consistent copy of the state to a new file while others go on working.
func (s *Store) Backup(ctx context.Context, file string) error {
	if err := touchNew(file); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	// A connection of its own: the readers' are query_only, which VACUUM INTO is refused on.
	db, err := sql.Open("sqlite3", s.dsn(false))
	if err == nil {
		defer func() { _ = db.Close() }()
		_, err = db.ExecContext(ctx, `VACUUM INTO ?`, file)
	}
	if err != nil {
		_ = os.Remove(file)
		return fmt.Errorf("backup: %w", classify(err))
	}
	return nil
}

// Check reads the whole file and returns what SQLite finds wrong in it; nothing: sound.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var out []string
	each := func(r *sql.Rows) error {
		var line string
		if err := r.Scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			out = append(out, line)
		}
		return nil
	}
	if err := s.read(ctx, each, `PRAGMA integrity_check`); err != nil {
		return nil, err
	}
	err := s.read(ctx, func(r *sql.Rows) error {
		var table, parent string
		var rowid, fk sql.NullInt64
		if err := r.Scan(&table, &rowid, &parent, &fk); err != nil {
			return err
		}
		out = append(out, fmt.Sprintf("%s row %d refers to a missing row of %s", table, rowid.Int64, parent))
		return nil
	}, `PRAGMA foreign_key_check`)
	return out, err
}
