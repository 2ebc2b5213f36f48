package scimtest

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"
)

// resources answers requests to /Users and /Groups (RFC 7644 section 3).
func (s *Server) resources(ctx context.Context, c *call, t *table) (*reply, error) {
	if err := s.bodyType(c); err != nil {
		return nil, err
	}
	switch len(c.path) {
	case 1:
		return s.collection(ctx, c, t)
	case 2:
		return s.item(ctx, c, t)
	default:
		return nil, statusProblem(http.StatusNotFound, "unknown endpoint")
	}
}

func (s *Server) collection(ctx context.Context, c *call, t *table) (*reply, error) {
	switch c.method {
	case http.MethodGet:
		return s.list(c, t)
	case http.MethodPost:
		return s.create(ctx, c, t)
	default:
		return nil, statusProblem(http.StatusMethodNotAllowed, c.method+" is not allowed here")
	}
}

func (s *Server) item(ctx context.Context, c *call, t *table) (*reply, error) {
	id := c.path[1]
	if c.method == http.MethodDelete {
		return s.delete(c, t, id)
	}
	if c.method == http.MethodGet {
		return s.get(c, t, id)
	}
	switch c.method {
	case http.MethodPut:
		if err := refused(s.quirks.Put, "", "PUT is not supported"); err != nil {
			return nil, err
		}
		return s.put(c, t, id)
	case http.MethodPatch:
		if err := refused(s.quirks.Patch, "", "PATCH is not supported"); err != nil {
			return nil, err
		}
		return s.patch(ctx, c, t)
	default:
		return nil, statusProblem(http.StatusMethodNotAllowed, c.method+" is not allowed here")
	}
}

// bodyType checks the content type of a body: application/scim+json must and
// application/json should be accepted (RFC 7644 section 3.1).
func (s *Server) bodyType(c *call) error {
	if c.bulk || len(c.body) == 0 {
		return nil
	}
	kind, _, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	switch {
	case err == nil && kind == scimJSON:
		return nil
	case err == nil && kind == "application/json" && !s.quirks.RejectPlainJSON:
		return nil
	case s.quirks.RejectPlainJSON:
		return bad("invalidSyntax", "content type must be %s", scimJSON)
	default:
		return statusProblem(http.StatusUnsupportedMediaType, "content type must be "+scimJSON)
	}
}

func (s *Server) get(c *call, t *table, id string) (*reply, error) {
	s.store.RLock()
	defer s.store.RUnlock()
	r := t.get(id, time.Now())
	if r == nil {
		return nil, notFound(t.rt.name, id)
	}
	if !s.quirks.NoETag && c.header.Get("If-None-Match") == r.etag(s.quirks) {
		return answer(http.StatusNotModified, nil), nil
	}
	return s.show(c, r, http.StatusOK), nil
}

// show answers with a resource. The store's lock must be held.
func (s *Server) show(c *call, r *resource, status int) *reply {
	// Stored values come from JSON and are written as JSON: this cannot fail.
	raw, _ := json.Marshal(s.document(r, c.base, s.projection(r.rt, c.query)))
	rep := answer(status, json.RawMessage(raw))
	if at := s.location(r, c.base); at != "" {
		rep.header.Set("Location", at)
	}
	s.tag(rep, r)
	return rep
}

// tag tells the version in a header (RFC 7644 section 3.14).
func (s *Server) tag(rep *reply, r *resource) {
	if !s.quirks.NoETag && !s.quirks.ETagInMetaOnly {
		rep.header.Set("ETag", r.etag(s.quirks))
	}
}

func (s *Server) create(ctx context.Context, c *call, t *table) (*reply, error) {
	body, err := object(c.body)
	if err != nil {
		return nil, err
	}
	if err := s.named(body, t); err != nil {
		return nil, err
	}
	rd := reader{rt: t.rt, q: s.quirks}
	attrs, members, err := rd.resource(body)
	if err != nil {
		return nil, err
	}
	if s.quirks.MembersOnCreate == Ignore {
		members = nil
	}
	if err := s.fewMembers(members); err != nil {
		return nil, err
	}
	r := s.newResource(t, attrs, true)
	racing, err := s.raceGap(ctx, t, r)
	if err != nil {
		return nil, err
	}
	s.store.Lock()
	defer s.store.Unlock()
	if err := s.unique(t, r, r.attrs); err != nil && racing != Allow {
		if racing == Fail {
			return nil, statusProblem(http.StatusInternalServerError, "duplicate key")
		}
		return nil, err
	}
	return s.insert(c, t, r, members)
}

// named checks that a body names its schema.
func (s *Server) named(body map[string]any, t *table) error {
	want := t.rt.core.id
	if s.quirks.Version11 {
		want = version11URN
	}
	if !hasSchema(body, want) {
		return bad("invalidSyntax", "schemas must name %s", want)
	}
	return nil
}

// fewMembers is Quirks.MembersPerRequest for whole groups.
func (s *Server) fewMembers(members []any) error {
	if n := s.quirks.MembersPerRequest; n > 0 && len(members) > n {
		return invalidValue("more than %d members in one request", n)
	}
	return nil
}

// raceGap checks uniqueness ahead of time when the check and the insertion are not one
// step. What is left of a conflict afterwards was lost in a race.
func (s *Server) raceGap(ctx context.Context, t *table, r *resource) (Behaviour, error) {
	if s.quirks.Race == 0 {
		return 0, nil
	}
	s.store.RLock()
	err := s.unique(t, r, r.attrs)
	s.store.RUnlock()
	sleep(ctx, s.gap())
	return s.quirks.Race, err
}

func (s *Server) gap() time.Duration {
	if s.quirks.RaceGap > 0 {
		return s.quirks.RaceGap
	}
	return 5 * time.Millisecond
}

func (s *Server) newResource(t *table, attrs map[string]any, managed bool) *resource {
	now := time.Now().UTC()
	r := &resource{rt: t.rt, attrs: attrs, created: now, modified: now, version: 1, managed: managed}
	if managed && s.quirks.ReadLag > 0 {
		r.visible = now.Add(s.quirks.ReadLag)
	}
	if t.rt.name == "Group" {
		r.members = newMemberList()
	}
	return r
}

// insert files a checked resource with its members and answers 201.
func (s *Server) insert(c *call, t *table, r *resource, members []any) (*reply, error) {
	r.id = s.newID(t, r)
	if len(members) > 0 {
		d := newDraft(s.store, r, s.quirks, time.Now())
		err := d.addMembers(members)
		if err == nil {
			_, err = d.finish()
		}
		if err != nil || c.dry {
			d.members.rollback()
		}
		if err != nil {
			return nil, err
		}
	}
	if !c.dry {
		t.insert(r)
	}
	rep := s.show(c, r, http.StatusCreated)
	if s.unsafe(r) {
		withoutID(rep)
	}
	return rep, nil
}

// unsafe is Quirks.UnsafeIDLost.
func (s *Server) unsafe(r *resource) bool {
	return s.quirks.UnsafeIDLost && r.members == nil && strings.ContainsAny(r.text("userName"), "/?")
}

// unique checks the unique attributes of a resource with the given values.
func (s *Server) unique(t *table, r *resource, attrs map[string]any) error {
	taken := func(name string, exact bool) bool {
		value, _ := attrs[name].(string)
		return t.twin(r, name, value, exact) != nil
	}
	conflict := func(name string) error {
		return &problem{status: http.StatusConflict, scimType: "uniqueness", detail: name + " is already in use"}
	}
	q, isUser := s.quirks, r.members == nil
	switch {
	case isUser && !q.UserNameNotUnique && taken("userName", q.UserNameCaseExact):
		return conflict("userName")
	case !isUser && q.GroupNameUnique && taken("displayName", false):
		return conflict("displayName")
	case q.ExternalIDUnique && taken("externalId", true):
		return conflict("externalId")
	default:
		return nil
	}
}

func (s *Server) delete(c *call, t *table, id string) (*reply, error) {
	s.store.Lock()
	defer s.store.Unlock()
	r := t.get(id, time.Now())
	if r == nil {
		if _, was := t.gone[id]; was && s.quirks.DeleteTwice == Fail {
			return nil, statusProblem(http.StatusInternalServerError, "no such row")
		}
		return nil, notFound(t.rt.name, id)
	}
	if err := s.precondition(c, r); err != nil {
		return nil, err
	}
	if s.unsafe(r) {
		return nil, statusProblem(http.StatusInternalServerError, "no such row")
	}
	rep := answer(http.StatusNoContent, nil)
	if s.quirks.DeleteBody {
		rep = s.show(c, r, http.StatusOK)
	}
	if c.dry {
		return rep, nil
	}
	if t.rt.name == "User" {
		if err := refused(s.quirks.DeleteUser, "", "users can't be deleted"); err != nil {
			return nil, err
		}
		if s.quirks.DeleteUser == Deactivate {
			s.write1(t, r, with(r.attrs, "active", false))
			return rep, nil
		}
	}
	s.remove(t, r)
	return rep, nil
}

func with(attrs map[string]any, name string, v any) map[string]any {
	out := cloneMap(attrs)
	out[name] = v
	return out
}

// write1 puts new attributes in place. The store's lock must be held.
func (s *Server) write1(t *table, r *resource, attrs map[string]any) {
	old := r.attrs
	r.attrs = attrs
	t.reindex(r, old)
	r.touch(time.Now().UTC())
}

// remove takes a resource out, and out of its groups. The store's lock must be held.
func (s *Server) remove(t *table, r *resource) {
	t.delete(r)
	if r.members != nil {
		for id := range r.members.pos {
			s.store.leave(id, r)
		}
	}
	if s.quirks.KeepDeletedMembers {
		return
	}
	for _, g := range s.store.groupsOf[r.id] {
		g.members.remove(r.id)
		g.touch(time.Now().UTC())
	}
	delete(s.store.groupsOf, r.id)
}

// precondition checks If-Match (RFC 7644 section 3.14).
func (s *Server) precondition(c *call, r *resource) error {
	want := c.header.Get("If-Match")
	q := s.quirks
	if want == "" || want == "*" || q.NoETag || q.IgnoreIfMatch || q.IgnoreIfMatchOnPatch && c.method == http.MethodPatch {
		return nil
	}
	fails := q.IfMatchFails == Precondition || q.IfMatchFails == First && !r.mismatch
	r.mismatch = true
	if want != r.etag(q) || fails {
		return statusProblem(http.StatusPreconditionFailed, "the resource has changed")
	}
	return nil
}
