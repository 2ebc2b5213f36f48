package state

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// goMigrations are the steps of the schema that SQL alone can't do, in files of their own
// with their number. The others are in migrations/.
func goMigrations() []*goose.Migration {
	return []*goose.Migration{
		goMigration(5, packMembers, unpackMembers),
		goMigration(6, shortenIndexes, lengthenIndexes),
	}
}

// goMigration is a step that goes up and down in one transaction each.
func goMigration(version int64, up, down func(context.Context, *sql.Tx) error) *goose.Migration {
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: up}, &goose.GoFunc{RunTx: down})
}

// migrator knows all steps of the schema.
func migrator(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, dir,
		goose.WithGoMigrations(goMigrations()...), goose.WithSlog(slog.New(slog.DiscardHandler)))
}

// migrateTries bounds how often the same step is tried because another process was at it,
// with a pause between.
const (
	migrateTries = 100
	migratePause = 50 * time.Millisecond
)

// migrate brings the schema up to date. Processes that start together on a new file
// stumble over each other here; whoever loses looks again.
func (s *Store) migrate(ctx context.Context) error {
	p, err := migrator(s.w)
	if err != nil {
		return classify(err)
	}
	all := p.ListSources()
	want := all[len(all)-1].Version
	for try, last := 1, int64(-1); ; try++ {
		have, err := s.version(ctx)
		if have != last {
			try, last = 1, have
		}
		switch {
		case busy(err) && try < migrateTries:
			time.Sleep(migratePause)
			continue
		case err != nil:
			return err
		case have > want:
			return fmt.Errorf("%w (file schema %d, this program %d)", ErrNewer, have, want)
		case have == want:
			return nil
		}
		if _, err := p.Up(ctx); err != nil && (try == migrateTries || ctx.Err() != nil) {
			return classify(err)
		} else if err != nil {
			time.Sleep(migratePause)
		}
	}
}

// busy says that another process is at the file. While one turns a new file to a
// write-ahead log, SQLite tells so at once, without waiting for its busy timeout.
func busy(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && e.Code == sqlite3.ErrBusy
}

// version returns the file's schema version, 0 for a new file. It is read here and not by
// the migrator, which would take an unreadable table for a missing one.
func (s *Store) version(ctx context.Context) (int64, error) {
	var made bool
	err := s.w.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'goose_db_version')`).Scan(&made)
	if err != nil || !made {
		return 0, classify(err)
	}
	var have sql.NullInt64
	err = s.w.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied = 1`).Scan(&have)
	return have.Int64, classify(err)
}
