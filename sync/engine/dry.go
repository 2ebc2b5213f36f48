package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

// dry is an app in a dry run: it is read for real, and writes are answered as an app that
// accepts everything would. The client below it refuses writes in any case.
//
// It remembers the matching attributes of what was written, so that a search finds
// accounts as they would be by then: somebody's new name may be the one that somebody else
// has just given up.
type dry struct {
	Sink
	match [3][]string // matching paths by resource

	mu      sync.Mutex
	made    int
	written map[sinks.ID]map[string]string // lower-case values by path; nil: deleted
	holders map[holding]map[sinks.ID]bool
}

// holding is a value of a matching attribute.
type holding struct {
	resource    sinks.Resource
	path, value string
}

func newDry(s Sink, m *mapping.Mapping) *dry {
	d := &dry{Sink: s, written: map[sinks.ID]map[string]string{}, holders: map[holding]map[sinks.ID]bool{}}
	for r, t := range map[sinks.Resource]*mapping.Table{sinks.User: m.Users(), sinks.Group: m.Groups()} {
		for _, i := range t.Match {
			d.match[r] = append(d.match[r], t.Paths[i])
		}
	}
	return d
}

// Do answers without sending anything.
func (d *dry) Do(_ context.Context, op sinks.Op) (sinks.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, receipt := op.ID, sinks.Receipt{}
	if op.Action == sinks.Create {
		d.made++
		id = sinks.ID(fmt.Sprintf("dry-run-%d", d.made))
		receipt = sinks.Receipt{ID: id, MembersDone: true}
	}
	if op.Action == sinks.Delete {
		d.written[id] = nil
		return receipt, nil
	}
	for _, path := range d.match[op.Resource] {
		for _, a := range op.Attributes {
			if a.Path == path {
				d.hold(id, holding{op.Resource, path, lower(a.Value)})
			}
		}
	}
	return receipt, nil
}

func (d *dry) hold(id sinks.ID, h holding) {
	if d.written[id] == nil {
		d.written[id] = map[string]string{}
	}
	d.written[id][h.path] = h.value
	if d.holders[h] == nil {
		d.holders[h] = map[sinks.ID]bool{}
	}
	d.holders[h][id] = true
}

func lower(v any) string {
	s, _ := v.(string)
	return strings.ToLower(s)
}

// Find searches the app, and corrects what it finds by what was written.
func (d *dry) Find(ctx context.Context, q sinks.Query, path, value string) ([]sinks.Object, error) {
	found, err := d.Sink.Find(ctx, q, path, value)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h := holding{q.Resource, path, strings.ToLower(value)}
	out, seen := found[:0], map[sinks.ID]bool{}
	for _, o := range found {
		values, touched := d.written[o.ID]
		now, changed := values[path]
		if touched && values == nil || changed && now != h.value {
			continue
		}
		seen[o.ID] = true
		out = append(out, o)
	}
	for id := range d.holders[h] {
		if d.written[id][path] == h.value && !seen[id] {
			out = append(out, sinks.Object{ID: id, Values: map[string]any{path: value}})
		}
	}
	return out, nil
}
