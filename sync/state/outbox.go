package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
)

// NoticeEvent is something that people are told about.
type NoticeEvent int

// The events, with the words of the configuration.
const (
	// NoticeEntered: a job's automatic cycles stopped.
	NoticeEntered NoticeEvent = iota + 1
	// NoticeChanged: the quarantine has another reason, or disabled the job.
	NoticeChanged
	// NoticeLeft: the job's automatic cycles run again.
	NoticeLeft
	// NoticeHeld: the deletion guard holds something that it did not hold before.
	NoticeHeld
)

var noticeWords = [...]string{"", "quarantine_entered", "quarantine_changed", "quarantine_left", "deletions_held"}

// String returns the event's word.
func (e NoticeEvent) String() string {
	if e < 1 || int(e) >= len(noticeWords) {
		return fmt.Sprintf("unknown(%d)", int(e))
	}
	return noticeWords[e]
}

// MarshalText writes the event's word.
func (e NoticeEvent) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads an event's word.
func (e *NoticeEvent) UnmarshalText(text []byte) error {
	i := slices.Index(noticeWords[1:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is not an event that people are told about", text)
	}
	*e = NoticeEvent(i + 1)
	return nil
}

// Notice is what a receiver is told. It holds no personal data.
type Notice struct {
	ID    int64       `json:"-"`
	Job   string      `json:"-"`
	Event NoticeEvent `json:"-"`
	At    time.Time   `json:"-"`
	// Attempts is how often the receiver was tried before.
	Attempts int `json:"-"`

	State quarantine.State `json:"state"`
	// Reason is why the job is in quarantine; of NoticeLeft, why it was. Was is the
	// reason before a NoticeChanged.
	Reason quarantine.Reason `json:"reason,omitzero"`
	Was    quarantine.Reason `json:"was,omitzero"`
	Since  time.Time         `json:"since,omitzero"`
	// Held is the number of deletions that wait for a person.
	Held int `json:"held,omitempty"`
}

const (
	// NoticeLife is how long a receiver that does not answer is tried.
	NoticeLife = 24 * time.Hour
	// noticeKept is how long a notice is remembered, so that held deletions are told of
	// once; who still has not decided is told again.
	noticeKept = 30 * 24 * time.Hour
)

// noticeOf returns what people are told of a change, or nil.
func noticeOf(before, after quarantine.Status) *Notice {
	n := &Notice{State: after.State, Reason: after.Reason, Since: after.Since}
	switch was, is := stopped(before), stopped(after); {
	case !was && is:
		n.Event = NoticeEntered
	case was && !is:
		n.Event, n.Reason, n.Since = NoticeLeft, before.Reason, before.Since
	case was && (before.State != after.State || before.Reason != after.Reason):
		n.Event, n.Was = NoticeChanged, before.Reason
	default:
		return nil
	}
	return n
}

func stopped(s quarantine.Status) bool {
	return s.State == quarantine.StateQuarantined || s.State == quarantine.StateDisabled
}

// putHeld leaves a notice that a cycle's deletions are held, unless the newest of them was
// told of before.
func putHeld(t *txn, job JobID, held int) error {
	var newest sql.NullInt64
	var status string
	err := t.one(`SELECT (SELECT MAX(s.staged_at) FROM staged s JOIN objects o ON o.id = s.object_id
		WHERE o.job_id = ?1 AND s.decision = 0), quarantine FROM jobs WHERE id = ?1`, []any{job}, &newest, &status)
	if err != nil || !newest.Valid {
		return err
	}
	var q quarantine.Status
	if err := json.Unmarshal([]byte(status), &q); err != nil {
		return err
	}
	return putNotice(t, job, newest, &Notice{Event: NoticeHeld, State: q.State, Held: held})
}

func putNotice(t *txn, job JobID, mark sql.NullInt64, n *Notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	now := t.s.now()
	if _, err := t.exec(`DELETE FROM outbox WHERE time < ?`, millis(now.Add(-noticeKept))); err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO outbox (job_id, event, time, mark, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		job, n.Event.String(), millis(now), mark, string(body))
	return err
}

// AddReceiver makes a receiver known by a name that stays the same over restarts. It is
// told of what happens from then on.
func (s *Store) AddReceiver(ctx context.Context, name string) error {
	return s.set(ctx, `INSERT INTO receivers (name, after) SELECT ?, COALESCE(MAX(id), 0) FROM outbox WHERE true ON CONFLICT DO NOTHING`, name)
}

// DueNotices returns what a receiver has to be told now, of each job the oldest notice
// alone, so that it hears of them in their order. Who could not be reached for a day is
// not told any more.
func (s *Store) DueNotices(ctx context.Context, receiver string) ([]Notice, error) {
	now := s.now()
	var out []Notice
	err := s.read(ctx, func(r *sql.Rows) error {
		n, err := scanNotice(r)
		out = append(out, n)
		return err
	}, `WITH pending AS (
			SELECT o.id, o.job_id, o.event, o.time, o.body, COALESCE(d.attempts, 0) AS attempts, COALESCE(d.next_attempt_at, 0) AS due
			FROM receivers r JOIN outbox o ON o.id > r.after
			LEFT JOIN deliveries d ON d.outbox_id = o.id AND d.receiver = r.name
			WHERE r.name = ?1 AND o.time >= ?2 AND COALESCE(d.delivered_at, 0) = 0)
		SELECT p.id, j.name, p.event, p.time, p.body, p.attempts FROM pending p JOIN jobs j ON j.id = p.job_id
		WHERE p.due <= ?3 AND p.id = (SELECT MIN(id) FROM pending WHERE job_id = p.job_id) ORDER BY p.id`,
		receiver, millis(now.Add(-NoticeLife)), millis(now))
	return out, err
}

func scanNotice(r *sql.Rows) (Notice, error) {
	var n Notice
	var at int64
	var event, body string
	if err := r.Scan(&n.ID, &n.Job, &event, &at, &body, &n.Attempts); err != nil {
		return n, err
	}
	n.At = fromMillis(at)
	if err := n.Event.UnmarshalText([]byte(event)); err != nil {
		return n, err
	}
	return n, json.Unmarshal([]byte(body), &n)
}

// Delivery is one receiver's copy of a notice.
type Delivery struct {
	Notice   int64
	Receiver string
}

// ClaimDelivery marks an attempt as under way until a time, and says whether it was free:
// of several processes one tells the receiver. An attempt whose process dies is made again
// after that time.
func (s *Store) ClaimDelivery(ctx context.Context, d Delivery, until time.Time) (bool, error) {
	var n int64
	err := s.tx(ctx, func(t *txn) error {
		var err error
		n, err = t.changed(`INSERT INTO deliveries (outbox_id, receiver, attempts, next_attempt_at) VALUES (?1, ?2, 1, ?3)
			ON CONFLICT (outbox_id, receiver) DO UPDATE SET attempts = attempts + 1, next_attempt_at = excluded.next_attempt_at
			WHERE delivered_at = 0 AND next_attempt_at <= ?4`, d.Notice, d.Receiver, millis(until), millis(s.now()))
		return err
	})
	return n == 1, err
}

// EndDelivery ends a claimed attempt: delivered, or to be made again at a later time.
func (s *Store) EndDelivery(ctx context.Context, d Delivery, again time.Time) error {
	delivered := int64(0)
	if again.IsZero() {
		delivered = millis(s.now())
	}
	return s.set(context.WithoutCancel(ctx), `UPDATE deliveries SET delivered_at = ?, next_attempt_at = ? WHERE outbox_id = ? AND receiver = ?`,
		delivered, millis(again), d.Notice, d.Receiver)
}
