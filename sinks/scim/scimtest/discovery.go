package scimtest

import (
	"net/http"
	"slices"
	"strings"
)

// discovery answers /ServiceProviderConfig, /Schemas and /ResourceTypes (RFC 7644 section 4).
func (s *Server) discovery(c *call) (*reply, error) {
	name := c.path[0]
	plural := name == "ServiceProviderConfigs"
	old := s.quirks.Version11
	if s.quirks.NoDiscovery || strings.HasPrefix(name, "ServiceProvider") && plural != (s.quirks.ConfigPlural || old) {
		return nil, statusProblem(http.StatusNotFound, "unknown endpoint")
	}
	if c.method != http.MethodGet {
		return nil, statusProblem(http.StatusMethodNotAllowed, c.method+" is not allowed here")
	}
	if c.query.Has("filter") { // RFC 7644 section 4: SHALL be 403
		return nil, statusProblem(http.StatusForbidden, "filter is not allowed here")
	}
	switch name {
	case "Schemas":
		return s.several(c, s.schemaDocuments(c.base))
	case "ResourceTypes":
		return s.several(c, s.typeDocuments(c.base))
	default:
		doc := s.config(c.base)
		if old {
			doc["schemas"] = []any{version11URN}
		}
		return answer(http.StatusOK, doc), nil
	}
}

// several answers with all documents or with the one whose id was asked for.
func (s *Server) several(c *call, docs []any) (*reply, error) {
	if len(c.path) > 1 {
		for _, d := range docs {
			if m, ok := d.(map[string]any); ok && m["id"] == c.path[1] {
				return answer(http.StatusOK, m), nil
			}
		}
		return nil, notFound(c.path[0], c.path[1])
	}
	if s.quirks.DiscoveryArrays {
		return answer(http.StatusOK, docs), nil
	}
	list := map[string]any{
		"schemas": []any{listURN}, "Resources": docs, "itemsPerPage": len(docs), "startIndex": 1, "totalResults": len(docs),
	}
	if s.quirks.DiscoveryNoTotals {
		delete(list, "totalResults")
	}
	return answer(http.StatusOK, list), nil
}

// config is RFC 7643 section 5, with the pagination attribute of RFC 9865.
func (s *Server) config(base string) map[string]any {
	bulk := map[string]any{"supported": s.claims("bulk", s.opts.BulkOperations > 0), "maxOperations": s.opts.BulkOperations, "maxPayloadSize": s.opts.BulkPayload}
	filter := map[string]any{"supported": s.claims("filter", s.quirks.FilterAny == 0), "maxResults": s.opts.MaxResults}
	if s.quirks.ConfigNoLimits {
		delete(bulk, "maxOperations")
		delete(bulk, "maxPayloadSize")
		delete(filter, "maxResults")
	}
	supported := func(feature string, works bool) map[string]any {
		return map[string]any{"supported": s.claims(feature, works)}
	}
	doc := map[string]any{
		"schemas":               []any{configURN},
		"patch":                 supported("patch", s.quirks.Patch == 0),
		"bulk":                  bulk,
		"filter":                filter,
		"changePassword":        supported("changePassword", false),
		"sort":                  supported("sort", true),
		"etag":                  supported("etag", !s.quirks.NoETag),
		"authenticationSchemes": s.schemes(),
		"meta":                  map[string]any{"resourceType": "ServiceProviderConfig", "location": base + "/ServiceProviderConfig"},
	}
	if s.opts.Cursors {
		doc["pagination"] = map[string]any{
			"cursor": true, "index": !s.quirks.CursorOnly, "defaultPaginationMethod": "index",
			"defaultPageSize": s.opts.PageSize, "maxPageSize": s.opts.MaxResults, "cursorTimeout": 3600,
		}
	}
	for _, name := range s.quirks.ConfigOmits {
		delete(doc, name)
	}
	return doc
}

func (s *Server) claims(feature string, works bool) bool {
	switch {
	case slices.Contains(s.quirks.ConfigDenies, feature):
		return false
	case slices.Contains(s.quirks.ConfigClaims, feature):
		return true
	default:
		return works
	}
}

func (s *Server) schemes() []any {
	out := []any{}
	add := func(set bool, kind, name string) {
		if set {
			out = append(out, map[string]any{"type": kind, "name": name, "description": name})
		}
	}
	auth := s.opts.Auth
	add(auth.Bearer != "" || auth.OAuth.ClientID != "", "oauthbearertoken", "OAuth Bearer Token")
	add(auth.Username != "", "httpbasic", "HTTP Basic")
	return out
}

func (s *Server) schemaDocuments(base string) []any {
	var out []any
	for _, sc := range s.schemas() {
		attrs := []any{}
		for _, a := range sc.attrs {
			// The common attributes are not part of a schema (RFC 7643 section 3.1).
			if sc.id == enterpriseURN || common().find(a.name) == nil {
				attrs = append(attrs, a.document())
			}
		}
		out = append(out, map[string]any{
			"schemas": []any{schemaURN}, "id": sc.id, "name": sc.name, "description": sc.description, "attributes": attrs,
			"meta": map[string]any{"resourceType": "Schema", "location": base + "/Schemas/" + sc.id},
		})
	}
	return out
}

func (s *Server) schemas() []*schema {
	users, groups := s.store.users.rt, s.store.groups.rt
	return slices.Concat([]*schema{users.core}, users.extensions, []*schema{groups.core})
}

// document is the attribute's definition (RFC 7643 section 7).
func (a *attribute) document() map[string]any {
	doc := map[string]any{
		"name": a.name, "type": string(a.typ), "multiValued": a.multi, "description": a.name, "required": a.required,
		"caseExact": a.caseExact, "mutability": "readWrite", "returned": "default", "uniqueness": "none",
	}
	switch {
	case a.readOnly:
		doc["mutability"] = "readOnly"
	case a.immutable:
		doc["mutability"] = "immutable"
	case a.writeOnly:
		doc["mutability"], doc["returned"] = "writeOnly", "never"
	}
	if a.unique {
		doc["uniqueness"] = "server"
	}
	if len(a.canonical) > 0 {
		doc["canonicalValues"] = a.canonical
	}
	if a.typ == typeReference {
		doc["referenceTypes"] = []any{"uri"}
	}
	if len(a.sub) > 0 {
		subs := make([]any, len(a.sub))
		for i, sub := range a.sub {
			subs[i] = sub.document()
		}
		doc["subAttributes"] = subs
	}
	return doc
}

func (s *Server) typeDocuments(base string) []any {
	var out []any
	for _, rt := range []*resourceType{s.store.users.rt, s.store.groups.rt} {
		doc := map[string]any{
			"schemas": []any{typeURN}, "id": rt.name, "name": rt.name, "description": rt.core.description,
			"endpoint": "/" + rt.plural, "schema": rt.core.id,
			"meta": map[string]any{"resourceType": "ResourceType", "location": base + "/ResourceTypes/" + rt.name},
		}
		exts := []any{}
		for _, e := range rt.extensions {
			exts = append(exts, map[string]any{"schema": e.id, "required": false})
		}
		if len(exts) > 0 {
			doc["schemaExtensions"] = exts
		}
		out = append(out, doc)
	}
	return out
}
