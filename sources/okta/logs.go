package okta

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/sources"
)

// The events that the source follows.
// https://developer.okta.com/docs/reference/api/event-types/
const (
	eventUserDeleted   = "user.lifecycle.delete.completed"
	eventGroupDeleted  = "group.lifecycle.delete"
	eventMemberAdded   = "group.user_membership.add"
	eventMemberRemoved = "group.user_membership.remove"
)

// logFilter asks for those events.
func logFilter() string {
	types := []string{eventUserDeleted, eventGroupDeleted, eventMemberAdded, eventMemberRemoved}
	for i, t := range types {
		types[i] = equals("eventType", t)
	}
	return strings.Join(types, " or ")
}

// logs reads a page of the System Log as a polling request: without `until`, so that
// Okta orders by the time an event was stored and skips none, and always gives a next
// link, which is kept as the position. A first page starts at the round's mark less
// the overlap. Events may come twice; nothing here counts on once.
func (r *round) logs(ctx context.Context) error {
	req := Request{Call: ListLogs, Filter: logFilter(), Limit: logLimit, After: r.at.Log}
	if req.After == "" {
		req.Since = r.at.Mark.Add(-overlap)
	}
	a, err := fetch[logEntry](ctx, r, req)
	if r.logRefused(err) {
		if err := r.prove(ctx); err != nil {
			return err // everything is refused
		}
		r.source.log.WarnContext(ctx, "system log refused, deletions are found by full rounds only", "hint", sources.HintOf(err))
		r.at.NoLog, r.at.Log = true, ""
		r.advance()
		return nil
	}
	if err != nil {
		return err
	}
	if a.ended() {
		return incomplete(req, "the log's answer has no next link", nil)
	}
	if len(a.items) > 0 && a.next == r.at.Log {
		return incomplete(req, "the log does not move on", errCircle)
	}
	for _, b := range a.bad {
		r.source.log.WarnContext(ctx, "log event not understood", "uuid", string(b.ID)) // its words may quote a person
	}
	r.at.Log, r.at.NoLog = a.next, false
	r.events(a.items)
	if len(a.items)+len(a.bad) == 0 || r.pastMark(a.items) {
		r.advance()
	}
	return nil
}

// pastMark says that the log has been read up to this round's start, so that a busy org
// can't keep a round from ending.
func (r *round) pastMark(events []logEntry) bool {
	return len(events) > 0 && parseStamp(events[len(events)-1].Published) > r.at.Mark.Add(time.Second).UnixMilli()
}

// logRefused says that the log may not be read although the lists may. Once the log has
// been read, a refusal is a right lost, which must not pass in silence.
func (r *round) logRefused(err error) bool {
	e, ok := errors.AsType[*sources.Error](err)
	return ok && e.Status == http.StatusForbidden && r.at.Log == ""
}

// events turns events into removals, and queues the groups whose members they changed.
func (r *round) events(events []logEntry) {
	queued := map[sources.ID]bool{}
	for _, e := range events {
		if e.Outcome.Result != "SUCCESS" {
			continue
		}
		switch e.Type {
		case eventUserDeleted:
			for _, id := range e.targets("User") {
				r.page.Users = append(r.page.Users, sources.User{ID: id, Removal: sources.RemovedHard})
			}
		case eventGroupDeleted:
			for _, id := range e.targets("UserGroup") {
				r.page.Groups = append(r.page.Groups, sources.Group{ID: id, Removal: sources.RemovedHard})
			}
		case eventMemberAdded, eventMemberRemoved:
			for _, id := range e.targets("UserGroup") {
				r.changedGroup(id, e, queued)
			}
		}
	}
}

// changedGroup queues a group unless its members are known to have been read after the
// event, by their version or by the clock, or it waits already.
func (r *round) changedGroup(id sources.ID, e logEntry, waiting map[sources.ID]bool) {
	published := parseStamp(e.Published)
	if read, ok := r.at.Read[id]; ok && published > 0 && (published <= read.Version || published < read.At) {
		return
	}
	if !r.query.Groups || waiting[id] {
		return
	}
	waiting[id] = true
	r.at.Queue = append(r.at.Queue, queued{ID: id, Named: true})
}
