-- +goose Up
-- The end of a full round looks for who was not seen, and for rows that nobody needs any
-- more: without reading every row.
CREATE INDEX objects_presence ON objects (job_id, resource, presence);

-- +goose Down
DROP INDEX objects_presence;
