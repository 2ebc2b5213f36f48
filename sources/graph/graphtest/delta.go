package graphtest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// token is what the emulator's links hold. Everything a page needs is in it, so that a
// link answers the same again, in any order.
type token struct {
	Select []string `json:"s"`
	Epoch  int      `json:"e"`
	From   int      `json:"f"`           // incremental: the first event of the round
	Until  int      `json:"u"`           // the first event of the next round
	Total  int      `json:"t"`           // first round: objects when it began
	First  bool     `json:"1,omitempty"` // a first round
	Next   int      `json:"n"`           // the next object or change
	Slot   int      `json:"m,omitempty"` // the next member of that group
}

func (k token) encode() string {
	text, _ := json.Marshal(k) // strings and numbers always marshal
	return base64.RawURLEncoding.EncodeToString(text)
}

// delta answers a request to /users/delta or /groups/delta.
func (t *Tenant) delta(q request) response {
	k, bad := t.token(q)
	if bad != nil {
		return *bad
	}
	var entries [][]byte
	var more bool
	switch {
	case q.kind == "users" && k.First:
		entries, more = t.firstUsers(&k)
	case q.kind == "users":
		entries, more = t.changedUsers(&k)
	default:
		entries, more = t.groupPage(&k)
	}
	links := page{context: q.kind, value: join(entries)}
	if more {
		links.next = q.base + "/" + q.kind + "/delta?$skiptoken=" + k.encode()
	} else {
		links.delta = q.base + "/" + q.kind + "/delta?$deltatoken=" + token{Select: k.Select, Epoch: k.Epoch, From: k.Until}.encode()
	}
	return links.response(q)
}

// token finds out where a request continues. Query options count on the first request
// only; later they are in the token.
func (t *Tenant) token(q request) (token, *response) {
	given, fresh := q.query.Get("$skiptoken"), false
	if given == "" {
		given, fresh = q.query.Get("$deltatoken"), true
	}
	total := len(t.groups)
	if q.kind == "users" {
		total = t.crowd + len(t.users)
	}
	if given == "" || given == "latest" {
		names, bad := selected(q)
		if bad != nil {
			return token{}, bad
		}
		k := token{Select: names, Epoch: t.epoch, Until: len(t.log), Total: total, First: true}
		if given == "latest" {
			k.First, k.From = false, k.Until
		}
		return k, nil
	}
	var k token
	text, err := base64.RawURLEncoding.DecodeString(given)
	if err != nil || json.Unmarshal(text, &k) != nil {
		bad := fail(http.StatusBadRequest, "Request_BadRequest", "Badly formed token.")
		return k, &bad
	}
	if k.Epoch != t.epoch {
		bad := gone(q)
		return k, &bad
	}
	if fresh {
		k.Until = len(t.log)
	}
	return k, nil
}

// selected reads $select and refuses what delta queries can't do.
func selected(q request) ([]string, *response) {
	for _, option := range []string{"$filter", "$orderby", "$search"} {
		if q.query.Get(option) != "" {
			bad := fail(http.StatusBadRequest, "Request_UnsupportedQuery", option+" is not emulated for delta queries.")
			return nil, &bad
		}
	}
	names := strings.FieldsFunc(q.query.Get("$select"), func(r rune) bool { return r == ',' || r == ' ' })
	if len(names) == 0 && q.kind == "users" {
		return userDefaults(), nil
	}
	if len(names) == 0 {
		return groupDefaults(), nil
	}
	for _, name := range names {
		if !knownProperty(q.kind, name) {
			bad := fail(http.StatusBadRequest, "Request_BadRequest",
				"Invalid request for delta query: $select is not supported for the following properties: "+name)
			return nil, &bad
		}
	}
	return names, nil
}

// firstUsers returns a page of a first round: users as they are.
func (t *Tenant) firstUsers(k *token) (entries [][]byte, more bool) {
	start := k.Next
	k.Next = min(k.Next+t.options.PageSize, k.Total)
	if t.options.Replays && start > 0 {
		start--
	}
	manager, size := slices.Contains(k.Select, "manager"), 1
	for i := start; i < k.Next; i++ {
		u := t.user(i)
		if u.state != alive {
			continue
		}
		entry := u.properties(append(make([]byte, 0, size), '{'), k.Select, false)
		size = len(entry) + len(entry)/8 // the next one is about as long
		if manager && u.manager != "" {
			entry = append(entry, `,"manager@delta":[`...)
			entry = append(relation(entry, "user", u.manager, false), ']')
		}
		entries = append(entries, append(entry, '}'))
	}
	return entries, k.Next < k.Total
}

// changedUsers returns a page of an incremental round.
func (t *Tenant) changedUsers(k *token) (entries [][]byte, more bool) {
	changed, events := t.changed(k, "users")
	start := k.Next
	k.Next = min(k.Next+t.options.PageSize, len(changed))
	if t.options.Replays && start > 0 {
		start--
	}
	for _, u := range changed[start:k.Next] {
		if u.state != alive {
			entries = append(entries, u.removed(nil))
			continue
		}
		entry := u.properties([]byte{'{'}, k.Select, true)
		entries = append(entries, append(managerChange(entry, u, events[u]), '}'))
	}
	return entries, k.Next < len(changed)
}

// managerChange appends what happened to the manager: who it was, and who it is.
func managerChange(entry []byte, u *object, events []event) []byte {
	i := slices.IndexFunc(events, func(e event) bool { return e.property == "manager" })
	if i < 0 {
		return entry
	}
	entry = append(entry, `,"manager@delta":[`...)
	former := events[i].former
	if former != "" && former != u.manager {
		entry = relation(entry, "user", former, true)
	}
	if u.manager != "" {
		if entry[len(entry)-1] == '}' {
			entry = append(entry, ',')
		}
		entry = relation(entry, "user", u.manager, false)
	}
	return append(entry, ']')
}

// changed lists the objects of a kind with events that the selection tracks, in order of their
// first one, and those events.
func (t *Tenant) changed(k *token, kind string) ([]*object, map[*object][]event) {
	var order []*object
	events := map[*object][]event{}
	for _, e := range t.log[k.From:k.Until] {
		if e.object.kind != kind || e.property != "" && !slices.Contains(k.Select, e.property) {
			continue
		}
		if _, known := events[e.object]; !known {
			order = append(order, e.object)
		}
		events[e.object] = append(events[e.object], e)
	}
	return order, events
}

// groupPage returns a page of groups. A group whose members don't fit is continued on the
// next page, under the same id and with the same properties.
func (t *Tenant) groupPage(k *token) (entries [][]byte, more bool) {
	groups, changes := t.groups[:min(k.Total, len(t.groups))], func(g *object) []member { return t.present(g) }
	if !k.First {
		var events map[*object][]event
		groups, events = t.changed(k, "groups")
		changes = func(g *object) []member { return memberChanges(events[g]) }
	}
	members := slices.Contains(k.Select, "members")
	left := t.options.MembersPerPage
	if t.options.Replays && k.Next > 0 && k.Slot == 0 {
		entries = append(entries, t.groupEntry(groups[k.Next-1], k, nil)...)
	}
	for len(entries) < t.options.PageSize && k.Next < len(groups) && left > 0 {
		g := groups[k.Next]
		var slice []member
		all := 0
		if members && g.state == alive {
			list := changes(g)
			all = len(list)
			slice = list[min(k.Slot, all):min(k.Slot+left, all)]
		}
		entries = append(entries, t.groupEntry(g, k, slice)...)
		left -= len(slice)
		if k.Slot += len(slice); k.Slot >= all {
			k.Next, k.Slot = k.Next+1, 0
		}
	}
	return entries, k.Next < len(groups)
}

// groupEntry renders a group with some of its members; nothing for one that is not to be
// told of.
func (t *Tenant) groupEntry(g *object, k *token, members []member) [][]byte {
	if g.state != alive && k.First {
		return nil
	}
	if g.state != alive {
		return [][]byte{g.removed(nil)}
	}
	entry := g.properties([]byte{'{'}, k.Select, !k.First)
	told := 0
	for _, m := range members {
		if m.id == "" {
			continue
		}
		if told++; told == 1 {
			entry = append(entry, `,"members@delta":[`...)
		} else {
			entry = append(entry, ',')
		}
		entry = relation(entry, m.kind, m.id, m.gone)
	}
	if told > 0 {
		entry = append(entry, ']')
	}
	return [][]byte{append(entry, '}')}
}

// present lists a group's members in their slots; gaps and deleted users are empty, so
// that positions stay.
func (t *Tenant) present(g *object) []member {
	out := make([]member, len(g.members))
	for i, m := range g.members {
		if o := t.byID[m.id]; m.gone || o != nil && o.state != alive {
			continue
		}
		out[i] = m
	}
	return out
}

// memberChanges lists what became of each member, once.
func memberChanges(events []event) []member {
	var out []member
	at := map[string]int{}
	for _, e := range events {
		if e.property != "members" {
			continue
		}
		if i, known := at[e.member.id]; known {
			out[i] = e.member
			continue
		}
		at[e.member.id] = len(out)
		out = append(out, e.member)
	}
	return out
}
