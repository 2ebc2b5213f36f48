-- +goose Up
-- Times are Unix milliseconds; 0 or NULL means never. See the package comment for the words.
CREATE TABLE jobs (
  id                INTEGER PRIMARY KEY,
  name              TEXT    NOT NULL UNIQUE,
  quarantine        TEXT    NOT NULL DEFAULT '{}', -- quarantine.Status
  fingerprint       TEXT    NOT NULL DEFAULT '',   -- of the mapping and scope that the stored objects were mapped with
  cursor            TEXT    NOT NULL DEFAULT '',   -- how far the source is read; with round = 0, the watermark
  round             INTEGER NOT NULL DEFAULT 0,    -- the round under way, 0: none
  round_full        INTEGER NOT NULL DEFAULT 0,
  next_cycle_at     INTEGER NOT NULL DEFAULT 0,
  last_success_at   INTEGER NOT NULL DEFAULT 0,
  last_reconcile_at INTEGER NOT NULL DEFAULT 0
);

-- The attribute paths that stored values are aligned with.
CREATE TABLE tables (
  id       INTEGER PRIMARY KEY,
  job_id   INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  resource INTEGER NOT NULL,
  paths    TEXT    NOT NULL,
  UNIQUE (job_id, resource, paths)
);

-- One row per user or group of a job's source: what the source says, what the app should
-- hold (desired), what it last acknowledged (acked), and the link between the two ids.
CREATE TABLE objects (
  id            INTEGER PRIMARY KEY,
  job_id        INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  resource      INTEGER NOT NULL,               -- 1 user, 2 group
  source_id     TEXT    NOT NULL,
  user_name     TEXT    NOT NULL DEFAULT '',
  mail          TEXT    NOT NULL DEFAULT '',
  display_name  TEXT    NOT NULL DEFAULT '',
  presence      INTEGER NOT NULL DEFAULT 0,     -- 0 known by reference only, 1 active, 2 disabled, 3 deleted (restorable), 4 gone
  filtered      INTEGER NOT NULL DEFAULT 0,     -- 1: the scope filter keeps it
  assigned      INTEGER NOT NULL DEFAULT 0,     -- 1: directly assigned to the scope's application
  digest        INTEGER NOT NULL DEFAULT 0,     -- of everything imported, to see "unchanged" without comparing
  table_id      INTEGER,
  desired       BLOB,
  acked_table   INTEGER,
  acked         BLOB,                           -- NULL with synced = 1: equal to desired
  synced        INTEGER NOT NULL DEFAULT 0,
  manager_id    INTEGER,
  acked_manager INTEGER,                        -- -1: somebody we do not know (any more)
  sink_id       TEXT,                           -- the link
  account       INTEGER NOT NULL DEFAULT 0,     -- 0 none, 1 enabled, 2 disabled by us
  disabled_at   INTEGER NOT NULL DEFAULT 0,
  probed        INTEGER NOT NULL DEFAULT 0,     -- 1: an account was looked for while out of scope, and none was found
  dirty         INTEGER NOT NULL DEFAULT 0,     -- above 0: to be planned; counts the changes since
  UNIQUE (job_id, resource, source_id)
);
CREATE UNIQUE INDEX objects_sink ON objects (job_id, resource, sink_id) WHERE sink_id IS NOT NULL;
CREATE INDEX objects_dirty ON objects (job_id, resource, id) WHERE dirty > 0;
CREATE INDEX objects_manager ON objects (manager_id) WHERE manager_id IS NOT NULL;
CREATE INDEX objects_disabled ON objects (job_id, disabled_at) WHERE disabled_at > 0;

CREATE TABLE members (
  id       INTEGER PRIMARY KEY,
  group_id INTEGER NOT NULL REFERENCES objects(id) ON DELETE CASCADE,
  user_id  INTEGER NOT NULL REFERENCES objects(id) ON DELETE CASCADE,
  want     INTEGER NOT NULL,                    -- the source says so
  have     INTEGER NOT NULL DEFAULT 0,          -- the app acknowledged it
  dirty    INTEGER NOT NULL DEFAULT 1,
  UNIQUE (group_id, user_id)
);
CREATE INDEX members_user ON members (user_id);
CREATE INDEX members_dirty ON members (group_id, user_id) WHERE dirty > 0;

-- What the round under way has seen, as one blob of ids per page.
CREATE TABLE seen (
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  round  INTEGER NOT NULL,
  what   INTEGER NOT NULL,
  ids    BLOB    NOT NULL
);
CREATE INDEX seen_round ON seen (job_id, round);

CREATE TABLE escrow (
  object_id       INTEGER PRIMARY KEY REFERENCES objects(id) ON DELETE CASCADE,
  attempts        INTEGER NOT NULL,
  first_failed_at INTEGER NOT NULL,
  next_attempt_at INTEGER,                      -- NULL: given up until something changes
  code            TEXT    NOT NULL,
  message         TEXT    NOT NULL,
  advice          TEXT    NOT NULL DEFAULT ''
);

CREATE TABLE staged (
  object_id  INTEGER PRIMARY KEY REFERENCES objects(id) ON DELETE CASCADE,
  action     TEXT    NOT NULL,                  -- disable | delete | empty
  reason     TEXT    NOT NULL,                  -- out_of_scope | disabled | deleted | delete_after
  staged_at  INTEGER NOT NULL,
  decision   INTEGER NOT NULL DEFAULT 0,        -- 0 waiting, 1 approved, 2 rejected
  decided_at INTEGER NOT NULL DEFAULT 0,
  expires_at INTEGER NOT NULL DEFAULT 0
);

-- A row stands here from before a request is sent until its result is recorded.
CREATE TABLE intents (
  object_id  INTEGER PRIMARY KEY REFERENCES objects(id) ON DELETE CASCADE,
  holder     TEXT    NOT NULL,
  started_at INTEGER NOT NULL,
  unclear    INTEGER NOT NULL DEFAULT 0         -- 1: an earlier holder may have sent something
);

CREATE TABLE leases (
  holder     TEXT PRIMARY KEY,
  job_id     INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  what       TEXT    NOT NULL,                  -- cycle | provision
  process    TEXT    NOT NULL,                  -- host, pid and start time, to see a death at once
  started_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);

CREATE TABLE cycles (
  id         TEXT PRIMARY KEY,
  job_id     INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  status     TEXT    NOT NULL,
  started_at INTEGER NOT NULL,
  result     TEXT    NOT NULL
);
CREATE INDEX cycles_job ON cycles (job_id, started_at);

CREATE TABLE log (
  id        INTEGER PRIMARY KEY,
  job_id    INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  time      INTEGER NOT NULL,
  status    TEXT    NOT NULL,
  action    TEXT    NOT NULL,
  source_id TEXT    NOT NULL,
  body      BLOB    NOT NULL                    -- provlog.Record
);
-- One for each way to filter, in the order of the answer: each ends with the id. Schema 6
-- (migrate0006.go) has shorter ones.
CREATE INDEX log_job ON log (job_id, id);
CREATE INDEX log_source ON log (job_id, source_id, id);
CREATE INDEX log_status ON log (job_id, status, id);
CREATE INDEX log_action ON log (job_id, action, id);
CREATE INDEX log_both ON log (job_id, status, action, id);
CREATE INDEX log_time ON log (job_id, time);

-- +goose Down
DROP TABLE log; DROP TABLE cycles; DROP TABLE leases; DROP TABLE intents; DROP TABLE staged; DROP TABLE escrow;
DROP TABLE seen; DROP TABLE members; DROP TABLE objects; DROP TABLE tables; DROP TABLE jobs;
