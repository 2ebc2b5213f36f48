package graphtest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// list answers GET /users and GET /groups.
func (t *Tenant) list(q request) response {
	match, err := parseFilter(q.query.Get("$filter"))
	if err != nil {
		return fail(http.StatusBadRequest, "Request_UnsupportedQuery", err.Error())
	}
	total := len(t.groups)
	at := func(i int) *object { return t.groups[i] }
	if q.kind == "users" {
		total, at = t.crowd+len(t.users), t.user
	}
	var hits []*object
	for i := range total {
		if o := at(i); o.state == alive && match(o) {
			hits = append(hits, o)
		}
	}
	return t.objects(q, hits)
}

// deleted answers GET /directory/deletedItems/microsoft.graph.user: there the user
// principal name has the id before it.
func (t *Tenant) deleted(q request) response {
	match, err := parseFilter(q.query.Get("$filter"))
	if err != nil {
		return fail(http.StatusBadRequest, "Request_UnsupportedQuery", err.Error())
	}
	if strings.Contains(q.query.Get("$filter"), "endswith") && q.http.Header.Get("ConsistencyLevel") != "eventual" {
		return fail(http.StatusBadRequest, "Request_UnsupportedQuery", "endswith needs ConsistencyLevel: eventual and $count=true.")
	}
	var hits []*object
	for i := range t.crowd + len(t.users) {
		u := t.user(i)
		if u.state != binned {
			continue
		}
		shown := &object{id: u.id, props: Props{}}
		for name, v := range u.props {
			shown.props[name] = v
		}
		upn, _ := u.props["userPrincipalName"].(string)
		shown.props["userPrincipalName"] = strings.ReplaceAll(u.id, "-", "") + upn
		if match(shown) {
			hits = append(hits, shown)
		}
	}
	q.kind = "users"
	return t.objects(q, hits)
}

// get answers GET /users/{id}, by id or user principal name, and GET /groups/{id}.
func (t *Tenant) get(q request) response {
	o := t.byID[q.id]
	if i, ok := t.crowdIndex(q.id); ok && o == nil {
		o = t.user(i)
	}
	if o == nil && q.kind == "users" {
		for i := range t.crowd + len(t.users) {
			u := t.user(i)
			if upn, _ := u.props["userPrincipalName"].(string); strings.EqualFold(upn, q.id) {
				o = u
				break
			}
		}
	}
	if o == nil || o.state != alive || o.kind != q.kind {
		return fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+q.id+"' does not exist or one of its queried reference-property objects are not present.")
	}
	entry, bad := t.whole(q, o)
	if bad != nil {
		return *bad
	}
	return response{status: http.StatusOK, header: jsonHeader(), body: entry}
}

// whole renders an object as GET returns it: cleared and never set properties are null.
func (t *Tenant) whole(q request, o *object) ([]byte, *response) {
	names, bad := selected(request{kind: q.kind, query: url.Values{"$select": q.query["$select"]}})
	if bad != nil {
		return nil, bad
	}
	shown := &object{id: o.id, props: Props{}}
	for _, name := range names {
		shown.props[name] = o.props[name]
	}
	if o.props["businessPhones"] == nil {
		delete(shown.props, "businessPhones")
	}
	entry := shown.properties([]byte{'{'}, names, true)
	if strings.HasPrefix(q.query.Get("$expand"), "manager") && o.manager != "" {
		entry = append(entry, `,"manager":`...)
		entry = relation(entry, "user", o.manager, false)
	}
	return append(entry, '}'), nil
}

// objects answers with a page of whole objects.
func (t *Tenant) objects(q request, hits []*object) response {
	start, end, next := pageOf(q, len(hits))
	entries := make([][]byte, 0, end-start)
	for _, o := range hits[start:end] {
		entry, bad := t.whole(q, o)
		if bad != nil {
			return *bad
		}
		entries = append(entries, entry)
	}
	p := page{context: q.kind, value: join(entries), next: next}
	if q.query.Get("$count") == "true" {
		p.count = len(hits)
	}
	return p.response(q)
}

// pageOf cuts a list: $top at most 999, 100 by default.
func pageOf(q request, total int) (start, end int, next string) {
	top, err := strconv.Atoi(q.query.Get("$top"))
	if err != nil || top < 1 || top > 999 {
		top = 100
	}
	start, _ = strconv.Atoi(strings.TrimPrefix(q.query.Get("$skiptoken"), "at")) // 0 without one
	start = min(start, total)
	end = min(start+top, total)
	if end < total {
		query := url.Values{}
		for name, values := range q.query {
			query[name] = values
		}
		query.Set("$skiptoken", "at"+strconv.Itoa(end))
		next = q.base + q.path + "?" + strings.ReplaceAll(query.Encode(), "%24", "$")
	}
	return start, end, next
}

// assignedTo answers GET /servicePrincipals/{id}/appRoleAssignedTo.
func (t *Tenant) assignedTo(q request) response {
	all, known := t.apps[q.id]
	if !known {
		return fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+q.id+"' does not exist.")
	}
	start, end, next := pageOf(q, len(all))
	var entries [][]byte
	for i, a := range all[start:end] {
		entry := append([]byte{}, `{"id":"role-assignment-`+strconv.Itoa(start+i)+`","deletedDateTime":null,`...)
		entry = append(entry, `"appRoleId":"00000000-0000-0000-0000-000000000000","createdDateTime":"2026-01-01T00:00:00Z",`...)
		entry = append(entry, `"principalId":"`+a.principal+`","principalType":"`+a.kind+`","resourceId":"`+q.id+`"}`...)
		entries = append(entries, entry)
	}
	return page{context: "appRoleAssignments", value: join(entries), next: next}.response(q)
}

// membersOf answers GET /groups/{id}/members: direct members that are present.
func (t *Tenant) membersOf(q request) response {
	g := t.byID[q.id]
	if g == nil || g.state != alive || g.kind != "groups" {
		return fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+q.id+"' does not exist.")
	}
	usersOnly := strings.HasSuffix(q.path, "/microsoft.graph.user")
	members := slices.DeleteFunc(t.present(g), func(m member) bool {
		return m.id == "" || usersOnly && m.kind != "user"
	})
	start, end, next := pageOf(q, len(members))
	var entries [][]byte
	for _, m := range members[start:end] {
		entries = append(entries, relation(nil, m.kind, m.id, false))
	}
	return page{context: "directoryObjects", value: join(entries), next: next}.response(q)
}

// memberOf answers GET /users/{id}/memberOf: the groups that a user is a direct member of.
func (t *Tenant) memberOf(q request) response {
	if u := t.byID[q.id]; u == nil || u.state != alive {
		return fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+q.id+"' does not exist.")
	}
	var groups []*object
	for _, g := range t.groups {
		if g.state == alive && g.index(q.id) >= 0 {
			groups = append(groups, g)
		}
	}
	start, end, next := pageOf(q, len(groups))
	var entries [][]byte
	for _, g := range groups[start:end] {
		entries = append(entries, relation(nil, "group", g.id, false))
	}
	return page{context: "directoryObjects", value: join(entries), next: next}.response(q)
}
