package scimtest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// projection is what attributes and excludedAttributes leave of a resource (RFC 7644
// section 3.9).
type projection struct {
	only, except []target
	limited      bool // attributes was given
}

func (s *Server) projection(rt *resourceType, query url.Values) projection {
	var p projection
	if list := query.Get("attributes"); list != "" && !s.quirks.IgnoreAttributes {
		p.only, p.limited = targets(rt, list), true
	}
	if list := query.Get("excludedAttributes"); list != "" && !s.quirks.IgnoreExcluded {
		p.except = targets(rt, list)
	}
	return p
}

// targets resolves a list of attribute names; unknown ones are passed over.
func targets(rt *resourceType, list string) []target {
	var out []target
	for name := range strings.SplitSeq(list, ",") {
		if p, err := parsePath(strings.TrimSpace(name)); err == nil && p.filter == nil {
			if t, ok := rt.resolve(p.attr); ok {
				out = append(out, t)
			}
		}
	}
	return out
}

// wants says whether any of a core attribute is shown.
func (p projection) wants(name string) bool {
	named := func(t target) bool { return t.ext == nil && t.attr.name == name }
	if p.limited && !slices.ContainsFunc(p.only, named) {
		return false
	}
	return !slices.ContainsFunc(p.except, func(t target) bool { return named(t) && t.sub == nil })
}

// apply cuts a document down. id and schemas are always returned.
func (p projection) apply(doc map[string]any) map[string]any {
	if p.limited {
		out := map[string]any{}
		for _, t := range p.only {
			keep(doc, out, t)
		}
		out["id"], out["schemas"] = doc["id"], doc["schemas"]
		doc = out
	}
	for _, t := range p.except {
		if t.ext != nil || t.attr.name != "id" && t.attr.name != "schemas" {
			cut(doc, t)
		}
	}
	return doc
}

// keep copies what t names from one document to another.
func keep(from, to map[string]any, t target) {
	if t.ext != nil {
		inner, ok := from[t.ext.id].(map[string]any)
		if !ok {
			return
		}
		if t.attr == nil {
			to[t.ext.id] = inner
			return
		}
		into, ok := to[t.ext.id].(map[string]any)
		if !ok {
			into = map[string]any{}
			to[t.ext.id] = into
		}
		keep(inner, into, target{attr: t.attr, sub: t.sub})
		return
	}
	v, ok := from[t.attr.name]
	if !ok {
		return
	}
	if t.sub == nil {
		to[t.attr.name] = v
		return
	}
	to[t.attr.name] = pick(v, to[t.attr.name], t.sub.name)
}

// pick keeps one sub-attribute of a complex value or of each of several, beside those
// picked before.
func pick(v, before any, name string) any {
	switch v := v.(type) {
	case membersJSON:
		return pick(v.values(), before, name)
	case map[string]any:
		out, ok := before.(map[string]any)
		if !ok {
			out = map[string]any{}
		}
		if sub, ok := v[name]; ok {
			out[name] = sub
		}
		return out
	case []any:
		out, ok := before.([]any)
		if !ok {
			out = make([]any, len(v))
		}
		for i := range v {
			out[i] = pick(v[i], out[i], name)
		}
		return out
	default:
		return v
	}
}

// cut removes what t names. Values are shared with the store, so they are copied.
func cut(doc map[string]any, t target) {
	if t.ext != nil {
		inner, ok := doc[t.ext.id].(map[string]any)
		if !ok || t.attr == nil {
			delete(doc, t.ext.id)
			return
		}
		inner = cloneMap(inner)
		doc[t.ext.id] = inner
		cut(inner, target{attr: t.attr, sub: t.sub})
		return
	}
	if t.sub == nil {
		delete(doc, t.attr.name)
		return
	}
	if m, ok := doc[t.attr.name].(membersJSON); ok {
		doc[t.attr.name] = m.values()
	}
	switch v := clone(doc[t.attr.name]).(type) {
	case map[string]any:
		delete(v, t.sub.name)
		doc[t.attr.name] = v
	case []any:
		for _, e := range v {
			if m, ok := e.(map[string]any); ok {
				delete(m, t.sub.name)
			}
		}
		doc[t.attr.name] = v
	}
}

// document renders a resource. The store's lock must be held.
func (s *Server) document(r *resource, base string, p projection) map[string]any {
	doc := make(map[string]any, len(r.attrs)+5)
	schemas := []any{r.rt.core.id}
	for name, v := range r.attrs {
		if r.rt.extension(name) != nil {
			schemas = append(schemas, name)
		}
		if name != "password" {
			doc[name] = v
		}
	}
	if active, ok := doc["active"].(bool); ok && s.quirks.ActiveAsText {
		doc["active"] = strconv.FormatBool(active)
	}
	doc["schemas"], doc["id"] = schemas, r.id
	if r.members != nil && p.wants("members") {
		s.showMembers(doc, r, base)
	}
	if r.members == nil && !s.quirks.NoUserGroups && p.wants("groups") {
		s.showGroups(doc, r, base)
	}
	if !s.quirks.NoMeta {
		doc["meta"] = s.meta(r, base)
	}
	if s.quirks.Version11 {
		doc["schemas"] = []any{version11URN}
	}
	return p.apply(doc)
}

func (s *Server) meta(r *resource, base string) map[string]any {
	m := map[string]any{
		"resourceType": r.rt.name,
		"created":      r.created.Format(time.RFC3339Nano),
		"lastModified": r.modified.Format(time.RFC3339Nano),
	}
	if at := s.location(r, base); at != "" {
		m["location"] = at
	}
	if !s.quirks.NoETag {
		m["version"] = r.etag(s.quirks)
	}
	return m
}

// location is the resource's address, "" when the server gives none.
func (s *Server) location(r *resource, base string) string {
	id := url.PathEscape(r.id)
	if s.quirks.IDs == IDUserName {
		id = r.id
	}
	at := r.rt.plural + "/" + id
	switch s.quirks.Location {
	case LocationNone:
		return ""
	case LocationRelative:
		return at
	case LocationOtherPath:
		return strings.TrimSuffix(base, s.opts.BasePath) + "/scim/v2/endpoints/" + at
	default:
		return base + "/" + at
	}
}

func (s *Server) showGroups(doc map[string]any, r *resource, base string) {
	var groups []any
	for _, g := range s.store.groupsOf[r.id] {
		groups = append(groups, map[string]any{
			"value": g.id, "display": g.text("displayName"), "type": "direct", "$ref": base + "/Groups/" + url.PathEscape(g.id),
		})
	}
	if groups != nil {
		doc["groups"] = groups
	}
}

func (s *Server) showMembers(doc map[string]any, r *resource, base string) {
	q := s.quirks
	switch {
	case q.MembersNeverShown:
	case q.MembersAlwaysEmpty:
		doc["members"] = []any{}
	case r.members.len() > 0:
		doc["members"] = membersJSON{list: r.members, base: base, most: q.MembersShown}
	}
}

// membersJSON writes a member list without a map for every member.
type membersJSON struct {
	list *memberList
	base string
	most int // 0: all
}

// MarshalJSON writes the members in their order.
func (m membersJSON) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	n := 0
	m.list.each(func(e member) bool {
		sep := byte(',')
		if n == 0 {
			sep = '['
		}
		b.WriteByte(sep)
		m.write(&b, e)
		n++
		return m.most == 0 || n < m.most
	})
	b.WriteByte(']')
	return b.Bytes(), nil
}

// values are the same members as plain values, for projections into them.
func (m membersJSON) values() []any {
	var out []any
	raw, _ := m.MarshalJSON()     // never fails
	_ = json.Unmarshal(raw, &out) // reads what was just written
	return out
}

func (m membersJSON) write(b *bytes.Buffer, e member) {
	b.WriteString(`{"value":`)
	b.Write(quoted(e.value))
	b.WriteString(`,"type":"` + e.typ + `","$ref":`)
	b.Write(quoted(m.base + "/" + e.typ + "s/" + url.PathEscape(e.value)))
	if e.display != "" {
		b.WriteString(`,"display":`)
		b.Write(quoted(e.display))
	}
	b.WriteByte('}')
}

func quoted(s string) []byte {
	out, _ := json.Marshal(s) // a string can always be written
	return out
}
