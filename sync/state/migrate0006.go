package state

import (
	"context"
	"database/sql"
)

// shortenIndexes makes the log's indexes, which every record is written to, less than half
// as long. Source ids give way to keys (sourceKey), in the column
//
//	source_key INTEGER NOT NULL -- of source_id; different ids may have the same
//
// and no index names the id of the record, which SQLite puts at the end of each by itself.
func shortenIndexes(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `ALTER TABLE log ADD COLUMN source_key INTEGER NOT NULL DEFAULT 0;
		DROP INDEX log_job; DROP INDEX log_kind; DROP INDEX log_source`)
	if err != nil {
		return err
	}
	if err := keyRecords(ctx, tx); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `CREATE INDEX log_job ON log (job_id);
		CREATE INDEX log_source ON log (job_id, source_key);
		CREATE INDEX log_kind ON log (job_id, kind)`)
	return err
}

// lengthenIndexes is the way back from shortenIndexes.
func lengthenIndexes(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DROP INDEX log_job; DROP INDEX log_source; DROP INDEX log_kind;
		ALTER TABLE log DROP COLUMN source_key;
		CREATE INDEX log_job ON log (job_id, id);
		CREATE INDEX log_source ON log (job_id, source_id, id);
		CREATE INDEX log_kind ON log (job_id, kind, id)`)
	return err
}

// keyRecords gives every record of the log its key.
func keyRecords(ctx context.Context, tx *sql.Tx) error {
	set, err := tx.PrepareContext(ctx, `UPDATE log SET source_key = ? WHERE id = ?`)
	if err != nil {
		return err
	}
	defer func() { _ = set.Close() }()
	for last := int64(0); ; {
		records, err := keysAfter(ctx, tx, last)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			// A context that can end would cost a goroutine per record; the next batch minds it.
			if _, err := set.ExecContext(context.WithoutCancel(ctx), r.key, r.id); err != nil {
				return err
			}
		}
		last = records[len(records)-1].id
	}
}

// keyBatch bounds how many of a log's records, which may be millions, are in memory.
const keyBatch = 1000

type keyed struct {
	id  int64
	key int64
}

// keysAfter returns the keys of the next batch of records, none after the last one.
func keysAfter(ctx context.Context, tx *sql.Tx, id int64) ([]keyed, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, source_id FROM log WHERE id > ? ORDER BY id LIMIT ?`, id, keyBatch)
	if err != nil {
		return nil, err
	}
	out := make([]keyed, 0, keyBatch)
	err = drain(rows, func(r *sql.Rows) error {
		var id int64
		var source string
		err := r.Scan(&id, &source)
		out = append(out, keyed{id, sourceKey(source)})
		return err
	})
	return out, err
}
