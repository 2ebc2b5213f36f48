package scimtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// resource is one user or group. attrs has what a client may write, by canonical name;
// everything else is a field.
type resource struct {
	rt                *resourceType
	id                string
	attrs             map[string]any
	members           *memberList // groups only
	created, modified time.Time
	version           int
	managed           bool   // made by a client, not behind its back
	pos               int    // in table.order
	seq               uint64 // order of creation, from 1; never changes

	// Traces of quirks.
	staleName string    // what a filter by displayName still sees
	lost      bool      // accepted a change and is found no more
	wedged    bool      // answers 500 to the next addition of a member
	visible   time.Time // when a read can see it
	patching  int       // PATCHes under way
	mismatch  bool      // was answered 412 once
}

func (r *resource) text(name string) string {
	s, _ := r.attrs[name].(string)
	return s
}

// table is all resources of a type, in the order of their creation.
type table struct {
	rt     *resourceType
	byID   map[string]*resource
	order  []*resource // nil where one was deleted
	dead   int
	index  map[string]map[string][]*resource // attribute → folded value → resources
	gone   map[string]struct{}               // ids of the deleted
	number int                               // last id with IDNumber
	seq    uint64                            // last resource.seq
}

func newTable(rt *resourceType) *table {
	t := &table{rt: rt, byID: map[string]*resource{}, gone: map[string]struct{}{}, index: map[string]map[string][]*resource{}}
	for _, name := range []string{"userName", "externalId", "displayName", "emails"} {
		t.index[name] = map[string][]*resource{}
	}
	return t
}

// store holds everything. Its lock is taken by the request handlers and the inspection
// methods, never inside.
type store struct {
	sync.RWMutex
	q             *Quirks
	users, groups *table
	groupsOf      map[string][]*resource // member id → groups
}

func newStore(q *Quirks) *store {
	return &store{q: q, users: newTable(userType(q)), groups: newTable(groupType()), groupsOf: map[string][]*resource{}}
}

func (s *store) join(id string, g *resource) { s.groupsOf[id] = append(s.groupsOf[id], g) }

func (s *store) leave(id string, g *resource) {
	rest := slices.DeleteFunc(s.groupsOf[id], func(r *resource) bool { return r == g })
	if len(rest) == 0 {
		delete(s.groupsOf, id)
		return
	}
	s.groupsOf[id] = rest
}

// typeOf is the type of the resource with that id, "" when there is none.
func (s *store) typeOf(id string, now time.Time) string {
	if r := s.users.get(id, now); r != nil {
		return "User"
	}
	if r := s.groups.get(id, now); r != nil {
		return "Group"
	}
	return ""
}

// get returns a resource that can be seen now, or nil.
func (t *table) get(id string, now time.Time) *resource {
	r := t.byID[id]
	if r == nil || r.lost || now.Before(r.visible) {
		return nil
	}
	return r
}

func (t *table) insert(r *resource) {
	t.seq++
	r.seq, r.pos = t.seq, len(t.order)
	t.order = append(t.order, r)
	t.byID[r.id] = r
	delete(t.gone, r.id)
	t.reindex(r, nil)
}

func (t *table) delete(r *resource) {
	delete(t.byID, r.id)
	t.gone[r.id] = struct{}{}
	t.order[r.pos] = nil
	t.dead++
	t.unindex(r, r.attrs)
	if t.dead > 64 && t.dead > len(t.order)/4 {
		t.compact()
	}
}

func (t *table) compact() {
	t.order = slices.DeleteFunc(t.order, func(r *resource) bool { return r == nil })
	t.dead = 0
	for i, r := range t.order {
		r.pos = i
	}
}

// reindex files r under its values, having been filed under old.
func (t *table) reindex(r *resource, old map[string]any) {
	if old != nil {
		t.unindex(r, old)
	}
	for name, idx := range t.index {
		keys(r.attrs[name], func(key string) {
			if !slices.Contains(idx[key], r) {
				idx[key] = append(idx[key], r)
			}
		})
	}
}

func (t *table) unindex(r *resource, old map[string]any) {
	for name, idx := range t.index {
		keys(old[name], func(key string) {
			rest := slices.DeleteFunc(idx[key], func(o *resource) bool { return o == r })
			if idx[key] = rest; len(rest) == 0 {
				delete(idx, key)
			}
		})
	}
}

// keys calls f with the folded texts of a value: itself, or those of its elements' values.
func keys(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(fold(v))
	case []any:
		for _, e := range v {
			if m, ok := e.(map[string]any); ok {
				keys(m["value"], f)
			}
		}
	}
}

// fold makes texts that are equal but for letter case the same.
func fold(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return strings.ToLower(strings.ToUpper(s)) // ToUpper joins what ToLower keeps apart, as ſ and s
		}
	}
	return strings.ToLower(s)
}

// candidates are the resources that may match an index hint, in order.
func (s *store) candidates(t *table, index, value string) []*resource {
	switch index {
	case "id":
		if r := t.byID[value]; r != nil {
			return []*resource{r}
		}
		return nil
	case "members":
		found := slices.Clone(s.groupsOf[value])
		slices.SortFunc(found, func(a, b *resource) int { return a.pos - b.pos })
		return found
	default:
		found := slices.Clone(t.index[index][value])
		slices.SortFunc(found, func(a, b *resource) int { return a.pos - b.pos })
		return found
	}
}

// twin finds another resource that holds the value.
func (t *table) twin(r *resource, name, value string, exact bool) *resource {
	if value == "" {
		return nil
	}
	for _, o := range t.index[name][fold(value)] {
		if o != r && (!exact || o.text(name) == value) {
			return o
		}
	}
	return nil
}

// touch records a change.
func (r *resource) touch(now time.Time) {
	r.version++
	r.modified = now
}

func (r *resource) etag(q *Quirks) string {
	if q.ETagStrong {
		return fmt.Sprintf(`"%d"`, r.version)
	}
	return fmt.Sprintf(`W/"%d"`, r.version)
}
