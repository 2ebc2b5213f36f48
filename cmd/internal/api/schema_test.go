package api_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// document is an OpenAPI document as decoded JSON, with the part of JSON Schema that the
// generated one uses. A keyword it does not know is a violation: nothing passes unread.
// Answers are held to be closed, though the document leaves room for more.
type document map[string]any

// at walks down a path of keys.
func (d document) at(keys ...string) any {
	var v any = map[string]any(d)
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// check returns how a value breaks a schema.
func (d document) check(where string, schema map[string]any, v any) []string {
	if ref, ok := schema["$ref"].(string); ok {
		target, ok := d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any)
		if !ok {
			return []string{where + ": dangling " + ref}
		}
		return d.check(where, target, v)
	}
	if options, ok := schema["oneOf"].([]any); ok {
		return d.checkOneOf(where, options, v)
	}
	var bad []string
	for keyword, rule := range schema {
		bad = append(bad, d.rule(where, rulePair{keyword, rule, schema}, v)...)
	}
	if schema["additionalProperties"] == nil && schema["properties"] != nil {
		bad = append(bad, checkClosed(where, rulePair{"additionalProperties", false, schema}, v)...)
	}
	return bad
}

func (d document) checkOneOf(where string, options []any, v any) []string {
	fits := 0
	var bad []string
	for _, o := range options {
		found := d.check(where, o.(map[string]any), v)
		if len(found) == 0 {
			fits++
		}
		bad = append(bad, found...)
	}
	if fits == 1 {
		return nil
	}
	return append(bad, fmt.Sprintf("%s: fits %d of oneOf", where, fits))
}

type rulePair struct {
	keyword string
	rule    any
	schema  map[string]any
}

func (d document) rule(where string, r rulePair, v any) []string {
	switch r.keyword {
	case "type":
		return checkType(where, r.rule, v)
	case "properties":
		return d.checkProperties(where, r, v)
	case "additionalProperties":
		if extra, ok := r.rule.(map[string]any); ok {
			var bad []string
			if m, ok := v.(map[string]any); ok {
				for k, value := range m {
					bad = append(bad, d.check(where+"."+k, extra, value)...)
				}
			}
			return bad
		}
		return checkClosed(where, r, v)
	case "required":
		return checkRequired(where, r.rule.([]any), v)
	case "items":
		var bad []string
		if list, ok := v.([]any); ok {
			for i, item := range list {
				bad = append(bad, d.check(fmt.Sprintf("%s[%d]", where, i), r.rule.(map[string]any), item)...)
			}
		}
		return bad
	case "enum":
		if v != nil && !slices.Contains(r.rule.([]any), v) {
			return []string{fmt.Sprintf("%s: %v is not one of %v", where, v, r.rule)}
		}
	case "format":
		if s, ok := v.(string); ok && r.rule == "date-time" {
			if _, err := time.Parse(time.RFC3339Nano, s); err != nil || !strings.HasSuffix(s, "Z") {
				return []string{where + ": not a time in UTC: " + s}
			}
		}
	case "description", "examples", "default", "minimum", "maximum", "maxLength", "maxItems":
	default:
		return []string{where + ": unknown keyword " + r.keyword}
	}
	return nil
}

func checkType(where string, rule, v any) []string {
	types, ok := rule.([]any)
	if !ok {
		types = []any{rule}
	}
	is := map[string]bool{}
	switch v := v.(type) {
	case nil:
		is["null"] = true
	case bool:
		is["boolean"] = true
	case string:
		is["string"] = true
	case float64:
		is["number"], is["integer"] = true, v == float64(int64(v))
	case []any:
		is["array"] = true
	case map[string]any:
		is["object"] = true
	}
	for _, t := range types {
		if is[t.(string)] {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %v is not %v", where, v, rule)}
}

func (d document) checkProperties(where string, r rulePair, v any) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	var bad []string
	for name, schema := range r.rule.(map[string]any) {
		if value, ok := m[name]; ok {
			bad = append(bad, d.check(where+"."+name, schema.(map[string]any), value)...)
		}
	}
	return bad
}

func checkClosed(where string, r rulePair, v any) []string {
	m, ok := v.(map[string]any)
	properties, _ := r.schema["properties"].(map[string]any)
	if !ok || r.rule != false {
		return nil
	}
	var bad []string
	for name := range m {
		if _, ok := properties[name]; !ok {
			bad = append(bad, where+": unexpected "+name)
		}
	}
	return bad
}

func checkRequired(where string, names []any, v any) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	var bad []string
	for _, name := range names {
		if _, ok := m[name.(string)]; !ok {
			bad = append(bad, where+": missing "+name.(string))
		}
	}
	return bad
}
