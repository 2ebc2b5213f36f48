-- +goose Up
-- What people have to be told. A row is written in the transaction that changes what it
-- tells of, so that no crash and no second process loses or repeats it.
CREATE TABLE outbox (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: receivers know a notice by it
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  event  TEXT    NOT NULL,
  time   INTEGER NOT NULL,
  mark   INTEGER,                             -- of held deletions: when the newest was staged; NULL: none
  body   TEXT    NOT NULL,                    -- Notice
  UNIQUE (job_id, event, mark)
);

-- Who is told, by a stable name, and after which notice they were first heard of: nobody
-- is told of what was before.
CREATE TABLE receivers (
  name  TEXT PRIMARY KEY,
  after INTEGER NOT NULL
);

CREATE TABLE deliveries (
  outbox_id       INTEGER NOT NULL REFERENCES outbox(id) ON DELETE CASCADE,
  receiver        TEXT    NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL DEFAULT 0, -- while one is under way, when it counts as lost
  delivered_at    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (outbox_id, receiver)
);

-- +goose Down
DROP TABLE deliveries; DROP TABLE receivers; DROP TABLE outbox;
