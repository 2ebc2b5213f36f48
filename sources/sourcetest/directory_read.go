package sourcetest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sources"
)

// place is what the directory's cursors hold.
type place struct {
	Full  bool `json:"full,omitempty"`
	From  int  `json:"from"`  // first line of the log that the round reads
	Until int  `json:"until"` // the log's length when the round began
	Users int  `json:"users"` // a full round reads this many users, and Groups groups
	Group int  `json:"groups"`
	Pos   int  `json:"pos"`            // the next user, then the next group or change
	Slot  int  `json:"slot,omitempty"` // the next member of the group at Pos
	Begun bool `json:"begun,omitempty"`
}

// Check succeeds unless the next Read was made to fail.
func (d *Directory) Check(_ context.Context, _ sources.Query) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.faults[d.reads+1]
}

// Read returns the page at a cursor.
func (d *Directory) Read(ctx context.Context, q sources.Query, at sources.Cursor) (*sources.Page, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	if err := d.faults[d.reads]; err != nil {
		return nil, err
	}
	p, err := d.place(at)
	if err != nil {
		return nil, err
	}
	w := &pageWriter{d: d, q: q, left: d.pageSize(), page: &sources.Page{Full: p.Full}}
	switch {
	case d.empty:
		w.page.Done = true
	case p.Full:
		w.page.Done = w.full(&p)
	default:
		w.page.Done = w.changes(&p)
	}
	w.finish(&p)
	return w.page, nil
}

func (d *Directory) pageSize() int {
	if d.PageSize == 0 {
		return 100
	}
	return d.PageSize
}

// place reads a cursor; on a round's first page it fixes what the round covers.
func (d *Directory) place(at sources.Cursor) (place, error) {
	p := place{Full: true}
	if at != "" {
		p = place{}
		if err := json.Unmarshal([]byte(at), &p); err != nil {
			return p, &sources.Error{Class: sources.Expired, Op: "read cursor", Err: err}
		}
	}
	if !p.Begun {
		p.Begun, p.Until = true, len(d.log)
		p.Users, p.Group = d.CrowdSize+len(d.users), len(d.groups)
	}
	return p, nil
}

// pageWriter fills one page.
type pageWriter struct {
	d    *Directory
	q    sources.Query
	page *sources.Page
	left int
}

// full goes through users, then groups. It reports whether the end was reached.
func (w *pageWriter) full(p *place) bool {
	for ; p.Pos < p.Users && w.left > 0; p.Pos++ {
		if p.Pos < w.d.CrowdSize {
			w.user(w.d.Crowd(p.Pos))
		} else if u := w.d.users[p.Pos-w.d.CrowdSize]; u.Removal == sources.NotRemoved {
			w.user(u.User)
		}
	}
	if !w.wantGroups() {
		return p.Pos >= p.Users
	}
	for p.Pos >= p.Users && p.Pos-p.Users < p.Group && w.left > 0 {
		g := w.d.groups[p.Pos-p.Users]
		if g.Removal != sources.NotRemoved || w.members(g, p) {
			p.Pos, p.Slot = p.Pos+1, 0
		}
	}
	return p.Pos >= p.Users+p.Group
}

// members writes an entry of a group with the members that still fit. It reports whether
// the group is through.
func (w *pageWriter) members(g *dirGroup, p *place) bool {
	entry := w.group(g)
	for ; p.Slot < len(g.slots) && w.left > 0; p.Slot++ {
		if m := g.slots[p.Slot]; !m.Removed {
			entry.Members = append(entry.Members, m)
			w.left--
		}
	}
	w.page.Groups = append(w.page.Groups, entry)
	return p.Slot >= len(g.slots)
}

// changes goes through the log: users once each as they are now, then groups.
func (w *pageWriter) changes(p *place) bool {
	items := w.d.collapse(p.From, p.Until, w.wantGroups())
	for ; p.Pos < len(items) && w.left > 0; p.Pos++ {
		item := items[p.Pos]
		if item.kind == sources.KindUser {
			w.user(w.d.user(item.id).User)
			continue
		}
		entry := w.group(w.d.group(item.id))
		if item.member.User != "" && entry.Removal == sources.NotRemoved {
			entry.Members = []sources.Member{item.member}
		}
		w.page.Groups = append(w.page.Groups, entry)
	}
	return p.Pos >= len(items)
}

// collapse lists what happened in lines from … until-1: each user once, then every line
// about groups.
func (d *Directory) collapse(from, until int, groups bool) []change {
	var users, rest []change
	seen := map[sources.ID]bool{}
	for _, c := range d.log[from:until] {
		switch {
		case c.kind == sources.KindGroup && groups:
			rest = append(rest, c)
		case c.kind == sources.KindUser && !seen[c.id]:
			seen[c.id] = true
			users = append(users, c)
		}
	}
	return slices.Concat(users, rest)
}

func (w *pageWriter) wantGroups() bool { return w.q.Groups || w.q.App != "" }

func (w *pageWriter) user(u sources.User) {
	w.left--
	if u.Removal != sources.NotRemoved {
		u = sources.User{ID: u.ID, Removal: u.Removal}
	}
	u.Attributes = only(u.Attributes, w.q.UserAttributes)
	w.page.Users = append(w.page.Users, u)
}

func (w *pageWriter) group(g *dirGroup) sources.Group {
	w.left--
	if g.Removal != sources.NotRemoved {
		return sources.Group{ID: g.ID, Removal: g.Removal}
	}
	entry := g.Group
	entry.Attributes = only(g.Attributes, w.q.GroupAttributes)
	return entry
}

// finish adds the assignments to a Done page and writes the cursor.
func (w *pageWriter) finish(p *place) {
	if w.page.Done && w.d.endless {
		w.page.Done = false
	}
	next := *p
	if w.page.Done {
		next = place{From: p.Until}
		if w.q.App != "" {
			who := slices.Collect(maps.Keys(w.d.assigned[w.q.App]))
			slices.SortFunc(who, func(a, b sources.Assignment) int {
				return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
			})
			w.page.Assignments, w.page.CompleteAssignments = who, true
		}
	}
	// A struct of numbers and booleans always marshals.
	text, _ := json.Marshal(next)
	w.page.Cursor = sources.Cursor(text)
}

// only returns the wanted attributes.
func only(all map[string]any, want []string) map[string]any {
	if len(want) == 0 || all == nil {
		return nil
	}
	out := make(map[string]any, len(want))
	for _, name := range want {
		if v, ok := all[name]; ok {
			out[name] = v
		}
	}
	return out
}
