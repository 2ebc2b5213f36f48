package scimtest

import (
	"maps"
	"reflect"
	"strings"
	"time"
)

// reader turns values as they came into values as the schema says: canonical attribute
// names, no read-only attributes, no nulls, the right types.
type reader struct {
	rt *resourceType
	q  *Quirks
}

// resource reads the body of a POST or PUT. Members are returned apart: they are kept in a
// structure of their own.
func (rd reader) resource(body map[string]any) (attrs map[string]any, members []any, err error) {
	attrs = make(map[string]any, len(body))
	for key, v := range body {
		if ext := rd.rt.extension(key); ext != nil {
			if err := rd.extension(attrs, ext, v); err != nil {
				return nil, nil, err
			}
			continue
		}
		a := rd.rt.core.find(key)
		if a == nil || a.readOnly {
			continue
		}
		value, err := rd.value(a, v)
		if err != nil {
			return nil, nil, err
		}
		if a.name == "members" {
			members, _ = value.([]any)
			continue
		}
		set(attrs, a.name, value, rd.q.EchoNulls)
	}
	return attrs, members, rd.check(attrs)
}

func (rd reader) extension(attrs map[string]any, ext *schema, v any) error {
	if v == nil {
		return nil
	}
	in, ok := v.(map[string]any)
	if !ok {
		return invalidValue("%s must be an object", ext.id)
	}
	out := map[string]any{}
	for key, v := range in {
		a := ext.find(key)
		if a == nil || a.readOnly {
			continue
		}
		value, err := rd.value(a, v)
		if err != nil {
			return err
		}
		set(out, a.name, value, rd.q.EchoNulls)
	}
	if len(out) > 0 {
		attrs[ext.id] = out
	}
	return nil
}

// set stores a value; null and the empty list mean that there is none (RFC 7643 section 2.5).
func set(attrs map[string]any, name string, v any, keepNull bool) {
	if list, ok := v.([]any); v == nil && !keepNull || ok && len(list) == 0 {
		delete(attrs, name)
		return
	}
	attrs[name] = v
}

// value checks and normalises one attribute's value.
func (rd reader) value(a *attribute, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	if !a.multi {
		return rd.single(a, v)
	}
	in, ok := v.([]any)
	if !ok {
		return nil, invalidValue("%s must be an array", a.name)
	}
	return rd.list(a, in)
}

func (rd reader) list(a *attribute, in []any) (any, error) {
	if rd.q.SingleValues && len(in) > 1 && (a.name == "emails" || a.name == "phoneNumbers" || a.name == "addresses") {
		return nil, invalidValue("%s may have one value only", a.name)
	}
	out := make([]any, 0, len(in))
	primaries := 0
	for _, e := range in {
		v, err := rd.single(a, e)
		if err != nil {
			return nil, err
		}
		m, _ := v.(map[string]any)
		if m["primary"] == true {
			primaries++
		}
		if v != nil && (m == nil || len(m) > 0) {
			out = append(out, v)
		}
	}
	if primaries > 1 {
		return nil, invalidValue("%s has more than one primary value", a.name)
	}
	return out, nil
}

// single checks one value: an element of a multi-valued attribute, or a singular one.
func (rd reader) single(a *attribute, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch a.typ {
	case typeComplex:
		return rd.complexValue(a, v)
	case typeBoolean:
		return rd.boolean(a, v)
	default:
		s, ok := v.(string)
		if !ok {
			return nil, invalidValue("%s must be a string", a.name)
		}
		return s, rd.checkText(a, s)
	}
}

func (rd reader) checkText(a *attribute, s string) error {
	if s == "" && rd.q.EmptyString == Refuse {
		return invalidValue("%s must not be empty", a.name)
	}
	if a.typ == typeDateTime {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			return invalidValue("%s must be a date and time", a.name)
		}
	}
	if a.name == "displayName" && rd.q.DisplayNameForbids != "" && strings.ContainsAny(s, rd.q.DisplayNameForbids) {
		return invalidValue("displayName must not contain any of %q", rd.q.DisplayNameForbids)
	}
	return nil
}

func (rd reader) complexValue(a *attribute, v any) (any, error) {
	in, ok := v.(map[string]any)
	if !ok {
		return rd.bare(a, v)
	}
	out := make(map[string]any, len(in))
	for key, v := range in {
		sub := a.sub.find(key)
		if sub == nil || sub.readOnly {
			continue
		}
		value, err := rd.value(sub, v)
		if err != nil {
			return nil, err
		}
		if _, skip := value.(ignored); !skip {
			set(out, sub.name, value, rd.q.EchoNulls)
		}
	}
	if a.name == "members" && out["value"] == nil {
		return nil, invalidValue("a member needs a value")
	}
	return out, nil
}

// bare is a plain value where an object belongs, such as a manager's bare id.
func (rd reader) bare(a *attribute, v any) (any, error) {
	s, ok := v.(string)
	if a.name == "manager" && ok {
		switch rd.q.ManagerText {
		case Coerce:
			return map[string]any{"value": s}, nil
		case Store:
			return s, nil
		default:
		}
	}
	return nil, invalidValue("%s must be an object", a.name)
}

func (rd reader) boolean(a *attribute, v any) (any, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	s, ok := v.(string)
	if ok && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false")) {
		switch rd.q.BooleanText {
		case Coerce:
			return strings.EqualFold(s, "true"), nil
		case Ignore:
			return ignored{}, nil
		case Store:
			return s, nil
		case NotFound:
			return nil, statusProblem(404, "no such value")
		default:
		}
	}
	return nil, invalidValue("%s must be true or false", a.name)
}

// ignored marks a value that is to be passed over: what was there stays.
type ignored struct{}

// check applies rules for whole users.
func (rd reader) check(attrs map[string]any) error {
	for name, v := range attrs {
		if _, skip := v.(ignored); skip {
			delete(attrs, name)
		}
	}
	for _, a := range rd.rt.core.attrs {
		if s, ok := attrs[a.name].(string); a.required && (!ok || s == "") {
			return rd.missing(a.name)
		}
	}
	if rd.rt.name != "User" {
		return nil
	}
	return rd.checkUser(attrs)
}

func (rd reader) missing(path string) error {
	if rd.q.RequiredConflict {
		return statusProblem(409, "REQUIRED_FIELD_MISSING: "+path)
	}
	return invalidValue("%s is required", path)
}

func (rd reader) checkUser(attrs map[string]any) error {
	name := attrs["userName"].(string)
	if rd.q.UserNameLowered {
		attrs["userName"] = strings.ToLower(name)
	}
	if rd.q.UserNameIsMail && !plainMail(name) {
		return invalidValue("userName must be an e-mail address")
	}
	if n := rd.q.UserNameLength; n > 0 && len([]rune(name)) > n {
		return invalidValue("userName has more than %d characters", n)
	}
	flat := map[string]any{}
	if len(rd.q.Required) > 0 {
		flat = flatten(attrs)
	}
	for _, path := range rd.q.Required {
		if _, ok := flat[path]; !ok && attrs[path] == nil {
			return rd.missing(path)
		}
	}
	return nil
}

func plainMail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || !strings.Contains(domain, ".") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// clone copies JSON values deeply.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneMap(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	default:
		return v
	}
}

func cloneMap(m map[string]any) map[string]any {
	out := maps.Clone(m)
	for k, v := range out {
		switch v.(type) {
		case map[string]any, []any:
			out[k] = clone(v)
		}
	}
	return out
}

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
