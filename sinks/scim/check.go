package scim

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// Report is what Check found out. It reads like a checklist; the profile in force is
// beside what the application says of itself.
type Report struct {
	Claims Claims  `json:"claims"`
	Used   Profile `json:"used"`
	Steps  []Step  `json:"steps"`
}

// Step is one thing that was tried.
type Step struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
}

// Status is how a step went.
type Status int

// The statuses. A warning is something to know that stops nothing.
const (
	Passed Status = iota + 1
	Warned
	Failed
)

// String returns the status's word.
func (s Status) String() string {
	switch s {
	case Passed:
		return "success"
	case Warned:
		return "warning"
	case Failed:
		return "failure"
	default:
		return "unknown"
	}
}

// MarshalText writes the status as its word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Needs are the attribute paths that a mapping writes.
type Needs struct{ Users, Groups []string }

// Probe is the cheapest proof that the application is there and takes the credentials:
// a filter that finds nothing. It writes nothing.
func (s *Sink) Probe(ctx context.Context) error {
	_, err := s.probe(ctx, sinks.User, s.searchable(sinks.User))
	return err
}

// searchable is an attribute to probe filters with.
func (s *Sink) searchable(r sinks.Resource) string {
	names := []string{sinks.PathUserName, sinks.PathExternalID, "id"}
	if r == sinks.Group {
		names[0] = sinks.PathDisplayName
	}
	for _, name := range names {
		if s.profile.filterable(r, path{attr: name}) {
			return name
		}
	}
	return names[0]
}

// probe asks for an object that can't exist, and returns how many were shown for it.
func (s *Sink) probe(ctx context.Context, r sinks.Resource, attribute string) (int, error) {
	p, err := parsePath(attribute)
	if err != nil {
		return 0, err
	}
	l, err := s.filter(ctx, sinks.Query{Resource: r}, wanted{path: p, value: "idpbridge-probe-" + rand.Text()})
	return len(l.resources), err
}

// Check tries everything that can be tried without writing. The error is that of the
// first failed step; the report has all of them.
func (s *Sink) Check(ctx context.Context, needs Needs) (*Report, error) {
	c := &checkup{s: s, report: &Report{Used: s.profile}}
	c.filter(ctx, "connect and filter users", sinks.User)
	if c.err != nil {
		return c.report, c.err
	}
	c.filter(ctx, "filter groups", sinks.Group)
	c.config(ctx)
	c.schemas(ctx, needs)
	c.resourceTypes(ctx)
	c.paging(ctx, sinks.User)
	c.paging(ctx, sinks.Group)
	return c.report, c.err
}

type checkup struct {
	s      *Sink
	report *Report
	err    error
}

func (c *checkup) add(name string, status Status, format string, args ...any) {
	c.report.Steps = append(c.report.Steps, Step{Name: name, Status: status, Detail: fmt.Sprintf(format, args...)})
}

func (c *checkup) fail(name string, err error) {
	detail := err.Error()
	if hint := sinks.HintOf(err); hint != "" {
		detail += ". " + hint
	}
	c.add(name, Failed, "%s", detail)
	if c.err == nil {
		c.err = err
	}
}

func (c *checkup) filter(ctx context.Context, name string, r sinks.Resource) {
	attribute := c.s.searchable(r)
	shown, err := c.s.probe(ctx, r, attribute)
	switch {
	case err != nil:
		c.fail(name, err)
	case shown > 0:
		c.add(name, Warned, "a filter for a %s that does not exist shows %d objects: filters are ignored, and searches read the whole list", attribute, shown)
	default:
		c.add(name, Passed, "a filter for a %s that does not exist finds nothing", attribute)
	}
}

func (c *checkup) config(ctx context.Context) {
	const name = "ServiceProviderConfig"
	claims := c.s.claims(ctx)
	c.report.Claims = claims
	if !claims.Read {
		c.add(name, Warned, "not readable (%s); the profile %q counts alone", claims.Problem, c.s.profile.Name)
		return
	}
	c.add(name, Passed, "patch: %s, bulk: %s, filter: %s, etag: %s, at most %d results; used: users by %s, groups by %s, paging by %s, pages of %d",
		claims.Patch, claims.Bulk, claims.Filter, claims.ETag, claims.MaxResults,
		c.s.profile.UserUpdate, c.s.profile.GroupUpdate, c.s.paging(claims), c.s.pageSize(claims))
	if claims.Patch == No && c.s.profile.UserUpdate == UpdatePatch {
		c.add(name, Warned, "it says that PATCH is not supported, and the profile uses it; PUT takes over when the first PATCH is refused (override.user_update: put does so at once)")
	}
}

// schemas compares the mapping's paths with the published schemas.
func (c *checkup) schemas(ctx context.Context, needs Needs) {
	const name = "Schemas"
	items, err := c.s.documents(ctx, "Schemas")
	if err != nil {
		c.add(name, Warned, "not readable (%s); whether the mapping's attributes exist is not known", err)
		return
	}
	known := make(map[string]*object, len(items))
	for _, item := range items {
		id, _ := item.get("id").(string)
		known[strings.ToLower(id)] = item
	}
	missing := append(lacking(known, schemaUser, needs.Users), lacking(known, schemaGroup, needs.Groups)...)
	if len(missing) > 0 {
		c.add(name, Warned, "%d schemas; the mapping writes attributes they don't have: %s", len(items), strings.Join(missing, ", "))
		return
	}
	c.add(name, Passed, "%d schemas; all mapped attributes are in them", len(items))
}

func lacking(known map[string]*object, core string, paths []string) []string {
	var out []string
	for _, s := range paths {
		p, err := parsePath(s)
		if err != nil {
			out = append(out, s)
			continue
		}
		schema := p.schema
		if schema == "" {
			schema = core
		}
		switch {
		case p.schema == "" && (strings.EqualFold(p.attr, "externalId") || strings.EqualFold(p.attr, "id")):
			// common attributes of RFC 7643 section 3.1, in no schema
		case !hasAttribute(known[strings.ToLower(schema)], p):
			out = append(out, s)
		}
	}
	return out
}

func hasAttribute(schema *object, p path) bool {
	for _, a := range entries(schema.get("attributes")) {
		if name, _ := a.get("name").(string); !strings.EqualFold(name, p.attr) {
			continue
		}
		if p.sub == "" {
			return true
		}
		for _, sub := range entries(a.get("subAttributes")) {
			if name, _ := sub.get("name").(string); strings.EqualFold(name, p.sub) {
				return true
			}
		}
	}
	return false
}

func (c *checkup) resourceTypes(ctx context.Context) {
	const name = "ResourceTypes"
	items, err := c.s.documents(ctx, "ResourceTypes")
	if err != nil {
		c.add(name, Warned, "not readable (%s); /Users and /Groups are assumed", err)
		return
	}
	endpoints := make([]string, 0, len(items))
	for _, item := range items {
		if endpoint, ok := item.get("endpoint").(string); ok {
			endpoints = append(endpoints, "/"+strings.TrimLeft(endpoint, "/"))
		}
	}
	status := Passed
	if all := strings.Join(endpoints, " "); !strings.Contains(all, "/Users") || !strings.Contains(all, "/Groups") {
		status = Warned
	}
	c.add(name, status, "endpoints: %s", strings.Join(endpoints, ", "))
}

// documents reads a discovery list: a ListResponse, or the bare array some servers send.
func (s *Sink) documents(ctx context.Context, endpoint string) ([]*object, error) {
	req := request{method: http.MethodGet, endpoint: endpoint}
	a, err := s.send(ctx, req)
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		return nil, garbage(req, a, "the answer is not JSON")
	}
	if list, ok := v.([]any); ok {
		return entries(list), nil
	}
	return entries(objectOf(v).get("Resources")), nil
}

// paging reads two small pages and judges whether the list can be walked.
func (c *checkup) paging(ctx context.Context, r sinks.Resource) {
	name := "list " + r.String() + "s"
	w := newWalk()
	w.size, w.paging, w.next = min(2, c.s.profile.PageSize), c.s.paging(c.report.Claims), 1
	fresh, done, err := c.s.page(ctx, sinks.Query{Resource: r}, w)
	if err == nil && !done {
		_, _, err = c.s.page(ctx, sinks.Query{Resource: r}, w) // must go on where the first ended
	}
	if err != nil {
		c.fail(name, err)
		return
	}
	total := "a total that is not told"
	if w.total >= 0 {
		total = strconv.Itoa(w.total)
	}
	c.add(name, Passed, "%d of %s on the first page, complete: %t", len(fresh), total, done)
	if r == sinks.Group && !c.s.profile.MembersUnreadable {
		for _, g := range fresh {
			c.members(ctx, g.id())
			return
		}
	}
}

// members tells whether a group shows its members, which a reconcile depends on.
func (c *checkup) members(ctx context.Context, id sinks.ID) {
	const name = "members of a group"
	ids, shown, err := c.s.membersOf(ctx, id)
	switch {
	case err != nil:
		c.fail(name, err)
	case !shown:
		c.add(name, Warned, "group %s shows no members attribute; if none ever does, set override.members_unreadable: true", id)
	case len(ids) == 0 && c.s.hides(ctx, id, ""):
		c.add(name, Warned, "group %s shows an empty list, and a user names it: members are not read back, as with override.members_unreadable: true", id)
	default:
		c.add(name, Passed, "group %s shows %d", id, len(ids))
	}
}
