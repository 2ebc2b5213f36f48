package scim

import (
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// newBody is the resource of a POST: core and extension schemas listed, entries of
// multi-valued attributes put together from their paths, one of them primary.
func newBody(kind sinks.Resource, changes []change) *object {
	core := schemaUser
	if kind == sinks.Group {
		core = schemaGroup
	}
	o := &object{make([]member, 0, min(len(changes)+2, 16))}
	for _, c := range changes {
		o.set(c.path, c.value)
	}
	for _, attr := range []string{"emails", "phoneNumbers", "addresses"} {
		o.complete(attr)
	}
	o.setSchemas(core, changes)
	return o
}

// setSchemas lists the schemas of what is in the body (RFC 7643 section 3).
func (o *object) setSchemas(core string, changes []change) {
	schemas := texts(o.get("schemas"))
	if len(schemas) == 0 {
		schemas = []string{core}
	}
	for _, c := range changes {
		if c.path.schema == "" || c.value == nil {
			continue
		}
		if !slices.ContainsFunc(schemas, func(s string) bool { return strings.EqualFold(s, c.path.schema) }) {
			schemas = append(schemas, c.path.schema)
		}
	}
	o.put("schemas", schemas)
}

// complete gives entries the type that many servers insist on, and makes at most one of
// them primary (RFC 7643 section 2.4); of e-mails exactly one, as Entra and Okta do.
func (o *object) complete(attr string) {
	if o.find(attr) < 0 {
		return
	}
	list := entries(o.get(attr))
	primary := false
	for _, e := range list {
		if e.get("primary") == true {
			if primary {
				e.put("primary", false)
			}
			primary = true
		}
	}
	for _, e := range list {
		if e.get("type") == nil {
			e.put("type", freeType(list, attr, e.get("primary") == true))
		}
	}
	if attr == "emails" && !primary && len(list) > 0 {
		list[max(0, slices.IndexFunc(list, isWork))].put("primary", true)
	}
	o.put(attr, list)
}

// freeType is the type of an entry that was mapped by `primary` alone: work for the
// primary one; for the other what Okta's template gives it.
func freeType(list []*object, attr string, primary bool) string {
	if primary && !slices.ContainsFunc(list, isWork) {
		return "work"
	}
	if attr == "phoneNumbers" {
		return "mobile"
	}
	return "other"
}

func isWork(e *object) bool { return e.get("type") == "work" }
