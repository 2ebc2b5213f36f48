package state

import (
	"context"
	"database/sql"
)

// packMembers makes the rosters out of a row for each membership. What a round under way
// has seen of members can't be carried over: such a round begins anew.
func packMembers(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `CREATE TABLE rosters (
			group_id INTEGER PRIMARY KEY REFERENCES objects(id) ON DELETE CASCADE,
			job_id   INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
			woken    INTEGER NOT NULL DEFAULT 0, -- counts the changes of members' accounts
			settled  INTEGER NOT NULL,           -- how many users of want and have are not pending
			want     BLOB,                       -- users (objects.id) as idSet.pack writes them: the source says so
			have     BLOB,                       -- the app acknowledged it
			pending  BLOB                        -- to be compared; NULL: none
		);
		CREATE INDEX rosters_job ON rosters (job_id);
		CREATE INDEX rosters_settled ON rosters (job_id) WHERE settled > 0;
		CREATE INDEX rosters_pending ON rosters (group_id) WHERE pending IS NOT NULL;
		CREATE INDEX objects_assigned ON objects (job_id, resource) WHERE assigned = 1;
		DELETE FROM seen;
		DROP INDEX seen_round;
		ALTER TABLE seen ADD COLUMN group_id INTEGER NOT NULL DEFAULT 0; -- whose members ids are; 0: they are none
		CREATE INDEX seen_round ON seen (job_id, round, group_id);
		UPDATE jobs SET cursor = '', round = 0, round_full = 0 WHERE round <> 0`)
	if err != nil {
		return err
	}
	groups, err := column(ctx, tx, `SELECT DISTINCT group_id FROM members`)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if err := packGroup(ctx, tx, group); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `DROP TABLE members`)
	return err
}

func packGroup(ctx context.Context, tx *sql.Tx, group int64) error {
	var sets [4]idSet // want, have, pending, all
	for i, which := range []string{`want = 1`, `have = 1`, `dirty > 0 AND (want = 1 OR have = 1)`, `want = 1 OR have = 1`} {
		var err error
		if sets[i], err = column(ctx, tx, `SELECT user_id FROM members WHERE group_id = ? AND (`+which+`) ORDER BY user_id`, group); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO rosters (group_id, job_id, settled, want, have, pending) SELECT id, job_id, ?, ?, ?, ? FROM objects WHERE id = ?`,
		len(sets[3])-len(sets[2]), sets[0].pack(), sets[1].pack(), sets[2].pack(), group)
	return err
}

// unpackMembers is the way back from packMembers.
func unpackMembers(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `CREATE TABLE members (
			id       INTEGER PRIMARY KEY,
			group_id INTEGER NOT NULL REFERENCES objects(id) ON DELETE CASCADE,
			user_id  INTEGER NOT NULL REFERENCES objects(id) ON DELETE CASCADE,
			want     INTEGER NOT NULL,
			have     INTEGER NOT NULL DEFAULT 0,
			dirty    INTEGER NOT NULL DEFAULT 1,
			UNIQUE (group_id, user_id)
		);
		CREATE INDEX members_user ON members (user_id);
		CREATE INDEX members_dirty ON members (group_id, user_id) WHERE dirty > 0;
		DELETE FROM seen;
		DROP INDEX seen_round;
		ALTER TABLE seen DROP COLUMN group_id;
		CREATE INDEX seen_round ON seen (job_id, round);
		UPDATE jobs SET cursor = '', round = 0, round_full = 0 WHERE round <> 0`)
	if err != nil {
		return err
	}
	groups, err := column(ctx, tx, `SELECT group_id FROM rosters`)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if err := unpackGroup(ctx, tx, group); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `DROP TABLE rosters; DROP INDEX objects_assigned`)
	return err
}

func unpackGroup(ctx context.Context, tx *sql.Tx, group int64) error {
	r, err := rosterOf(func(each func(*sql.Rows) error, query string, args ...any) error {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		return drain(rows, each)
	}, group)
	if err != nil {
		return err
	}
	for _, user := range r.all() {
		_, err := tx.ExecContext(ctx, `INSERT INTO members (group_id, user_id, want, have, dirty) VALUES (?, ?, ?, ?, ?)`,
			group, user, r.want.has(user), r.have.has(user), r.pending.has(user))
		if err != nil {
			return err
		}
	}
	return nil
}

// column reads the numbers of a query.
func column(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	var out []int64
	err = drain(rows, func(r *sql.Rows) error {
		var n int64
		err := r.Scan(&n)
		out = append(out, n)
		return err
	})
	return out, err
}
