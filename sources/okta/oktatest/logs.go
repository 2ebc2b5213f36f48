package oktatest

import (
	"fmt"
	"net/http"
	"time"
)

// event is an entry of the System Log, kept in the order in which it was stored.
type event struct {
	published time.Time
	kind      string
	targets   []target
}

type target struct{ id, kind string }

// logSince is how far back a request without `since` reaches, and retention how long
// events are kept.
const (
	logSince  = 7 * 24 * time.Hour
	retention = 90 * 24 * time.Hour
	oldest    = 180 * 24 * time.Hour
)

func (o *Org) log(kind string, targets ...target) {
	o.events = append(o.events, event{published: o.now(), kind: kind, targets: targets})
}

// LogLate stores an event whose published time lies back by d, as events of a busy
// service do.
func (o *Org) LogLate(kind, targetKind, id string, d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, event{published: o.now().Add(-d), kind: kind, targets: []target{{id, targetKind}}})
}

func (e event) view(i int) map[string]any {
	targets := make([]map[string]any, len(e.targets))
	for n, t := range e.targets {
		targets[n] = map[string]any{"id": t.id, "type": t.kind, "alternateId": "unknown", "displayName": nil, "detailEntry": nil}
	}
	return map[string]any{
		"uuid": fmt.Sprintf("00000000-0000-4000-8000-%012d", i), "published": e.published.Format(stamp),
		"eventType": e.kind, "version": "0", "severity": "INFO", "displayMessage": e.kind,
		"actor":   map[string]any{"id": "00uadmin", "type": "User", "alternateId": "admin@example.com"},
		"outcome": map[string]any{"result": "SUCCESS", "reason": nil}, "target": targets,
	}
}

func (e event) get(attribute string) any {
	switch attribute {
	case "eventType":
		return e.kind
	case "outcome.result":
		return "SUCCESS"
	default:
		return nil
	}
}

// listLogs is GET /api/v1/logs: a polling request without `until`, else a bounded one.
// https://developer.okta.com/docs/reference/system-log-query/
func (o *Org) listLogs(w http.ResponseWriter, r *http.Request) {
	l, ok := o.list(w, r, sizes{100, 1000})
	if !ok {
		return
	}
	match, ok := criteria(w, r, map[string][]string{"filter": {"eventType", "outcome.result", "target.id", "actor.id"}})
	if !ok {
		return
	}
	since, until, err := o.window(r)
	if err != nil {
		fail(w, http.StatusBadRequest, "E0000001", "Api validation failed: "+err.Error())
		return
	}
	l.always = until.IsZero()
	fresh := o.now().Add(-retention)
	for i := l.start; i < len(o.events); i++ {
		e := o.events[i]
		outside := e.published.Before(fresh) || e.published.Before(since) || !until.IsZero() && !e.published.Before(until)
		if outside || match != nil && !match(e.get) {
			if l.always && len(l.items) < l.limit {
				l.next = i + 1
			}
			continue
		}
		if !l.take(i, e.view(i)) {
			break
		}
	}
	l.send()
}

// window reads `since` and `until`. A request that goes on from a cursor has no since.
func (o *Org) window(r *http.Request) (since, until time.Time, err error) {
	q := r.URL.Query()
	if v := q.Get("until"); v != "" {
		if until, err = time.Parse(time.RFC3339, v); err != nil {
			return since, until, fmt.Errorf("until: %w", err)
		}
	}
	v := q.Get("since")
	switch {
	case q.Get("after") != "" && v != "":
		return since, until, fmt.Errorf("since and after exclude each other")
	case v != "":
		if since, err = time.Parse(time.RFC3339, v); err != nil {
			return since, until, fmt.Errorf("since: %w", err)
		}
		if since.Before(o.now().Add(-oldest)) {
			return since, until, fmt.Errorf("since: too old")
		}
	case q.Get("after") == "":
		since = o.now().Add(-logSince)
	}
	return since, until, nil
}
