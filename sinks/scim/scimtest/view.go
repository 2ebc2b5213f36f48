package scimtest

import "time"

// resourceView shows a resource to filters.
type resourceView struct {
	s *store
	r *resource
	// base is the server's address, for meta.location.
	location string
}

func (v resourceView) each(t target, f func(any) bool) bool {
	switch {
	case t.ext != nil:
		ext, _ := v.r.attrs[t.ext.id].(map[string]any)
		if t.attr == nil {
			return len(ext) > 0 && f(ext)
		}
		return eachValue(ext[t.attr.name], t, f)
	case t.attr.name == "members" || t.attr.name == "groups" && v.r.members == nil:
		return v.elements(t, func(e viewer) bool { return e.each(t, f) })
	case t.attr.name == "displayName" && v.r.staleName != "":
		return f(v.r.staleName)
	default:
		if value, ok := v.own(t); ok {
			return f(value)
		}
		return eachValue(v.r.attrs[t.attr.name], t, f)
	}
}

// own are the attributes that are fields of the resource.
func (v resourceView) own(t target) (any, bool) {
	switch t.attr.name {
	case "id":
		return v.r.id, true
	case "schemas":
		return v.r.rt.core.id, true
	case "meta":
		if t.sub == nil {
			return nil, true
		}
		switch t.sub.name {
		case "created":
			return v.r.created.Format(time.RFC3339Nano), true
		case "lastModified":
			return v.r.modified.Format(time.RFC3339Nano), true
		case "version":
			return v.r.etag(v.s.q), true
		case "resourceType":
			return v.r.rt.name, true
		default:
			return v.location, true
		}
	default:
		return nil, false
	}
}

func (v resourceView) elements(t target, f func(viewer) bool) bool {
	if t.ext != nil {
		return false
	}
	found := false
	switch {
	case t.attr.name == "members":
		v.r.members.each(func(m member) bool {
			found = f(element{"value": m.value, "display": m.display, "type": m.typ})
			return !found
		})
	case t.attr.name == "groups" && v.r.members == nil:
		for _, g := range v.s.groupsOf[v.r.id] {
			if f(element{"value": g.id, "display": g.text("displayName"), "type": "direct"}) {
				return true
			}
		}
	default:
		return eachElement(v.r.attrs[t.attr.name], f)
	}
	return found
}

// element shows one complex value to filters inside brackets.
type element map[string]any

func (e element) each(t target, f func(any) bool) bool {
	name := "value"
	if t.sub != nil {
		name = t.sub.name
	}
	value := e[name]
	return value != nil && value != "" && f(value)
}

func (e element) elements(target, func(viewer) bool) bool { return false }

func eachElement(v any, f func(viewer) bool) bool {
	switch v := v.(type) {
	case map[string]any:
		return f(element(v))
	case []any:
		for _, e := range v {
			if m, ok := e.(map[string]any); ok && f(element(m)) {
				return true
			}
		}
	}
	return false
}

// eachValue walks a stored value down to the compared leaf.
func eachValue(v any, t target, f func(any) bool) bool {
	switch v := v.(type) {
	case nil:
		return false
	case []any:
		for _, e := range v {
			if eachValue(e, t, f) {
				return true
			}
		}
		return false
	case map[string]any:
		if t.sub == nil && !t.attr.multi {
			if inner, ok := v["value"]; ok { // a complex value stands for its value
				return f(inner)
			}
			return len(v) > 0 && f(v)
		}
		return element(v).each(t, f)
	case string:
		return v != "" && f(v)
	default:
		return f(v)
	}
}
