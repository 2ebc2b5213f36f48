package scim

import (
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// newBody is the resource of a POST: core and extension schemas listed, entries of
// multi-valued attributes put together from their paths, one of them primary.
func newBody(kind sinks.Resource, changes []change) resource {
	core := schemaUser
	if kind == sinks.Group {
		core = schemaGroup
	}
	r := resource{}
	for _, c := range changes {
		r.set(c.path, c.value)
	}
	for _, attr := range []string{"emails", "phoneNumbers", "addresses"} {
		complete(r, attr)
	}
	r.setSchemas(core, changes)
	return r
}

// setSchemas lists the schemas of what is in the body (RFC 7643 section 3).
func (r resource) setSchemas(core string, changes []change) {
	schemas := texts(r["schemas"])
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
	r["schemas"] = schemas
}

// complete gives entries the type that many servers insist on, and makes at most one of
// them primary (RFC 7643 section 2.4); of e-mails exactly one, as Entra and Okta do.
func complete(r resource, attr string) {
	key, ok := keyOf(r, attr)
	if !ok {
		return
	}
	list := entries(r[key])
	primary := false
	for _, e := range list {
		if lookup(e, "primary") == true {
			if primary {
				put(e, "primary", false)
			}
			primary = true
		}
	}
	for _, e := range list {
		if lookup(e, "type") == nil {
			e["type"] = freeType(list, attr, lookup(e, "primary") == true)
		}
	}
	if attr == "emails" && !primary && len(list) > 0 {
		i := max(0, slices.IndexFunc(list, func(e map[string]any) bool { return lookup(e, "type") == "work" }))
		list[i]["primary"] = true
	}
	r[key] = list
}

// freeType is the type of an entry that was mapped by `primary` alone: work for the
// primary one; for the other what Okta's template gives it.
func freeType(list []map[string]any, attr string, primary bool) string {
	if primary && !slices.ContainsFunc(list, func(e map[string]any) bool { return lookup(e, "type") == "work" }) {
		return "work"
	}
	if attr == "phoneNumbers" {
		return "mobile"
	}
	return "other"
}
