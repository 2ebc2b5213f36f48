-- +goose Up
-- The log is what an initial cycle writes most of. Status and action become one number
-- (logKind) with one index instead of three, and the order of time is the order of ids.
ALTER TABLE log ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
UPDATE log SET kind =
  10 * CASE status WHEN 'success' THEN 1 WHEN 'failure' THEN 2 WHEN 'skipped' THEN 3 WHEN 'warning' THEN 4 ELSE 0 END
  + CASE action WHEN 'create' THEN 1 WHEN 'update' THEN 2 WHEN 'disable' THEN 3 WHEN 'delete' THEN 4 WHEN 'none' THEN 5 ELSE 0 END;
DROP INDEX log_status; DROP INDEX log_action; DROP INDEX log_both; DROP INDEX log_time;
ALTER TABLE log DROP COLUMN status;
ALTER TABLE log DROP COLUMN action;
CREATE INDEX log_kind ON log (job_id, kind, id);

-- The version that the app gave to what it holds (RFC 7644 section 3.14); NULL: it gave none.
ALTER TABLE objects ADD COLUMN version TEXT;

-- +goose Down
ALTER TABLE objects DROP COLUMN version;
DROP INDEX log_kind;
ALTER TABLE log ADD COLUMN status TEXT NOT NULL DEFAULT '';
ALTER TABLE log ADD COLUMN action TEXT NOT NULL DEFAULT '';
UPDATE log SET
  status = CASE kind / 10 WHEN 1 THEN 'success' WHEN 2 THEN 'failure' WHEN 3 THEN 'skipped' WHEN 4 THEN 'warning' ELSE '' END,
  action = CASE kind % 10 WHEN 1 THEN 'create' WHEN 2 THEN 'update' WHEN 3 THEN 'disable' WHEN 4 THEN 'delete' WHEN 5 THEN 'none' ELSE '' END;
ALTER TABLE log DROP COLUMN kind;
CREATE INDEX log_status ON log (job_id, status, id);
CREATE INDEX log_action ON log (job_id, action, id);
CREATE INDEX log_both ON log (job_id, status, action, id);
CREATE INDEX log_time ON log (job_id, time);
