package scimtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// put replaces a resource (RFC 7644 section 3.5.1): what is not given is removed.
func (s *Server) put(c *call, t *table, id string) (*reply, error) {
	body, err := object(c.body)
	if err != nil {
		return nil, err
	}
	if err := s.named(body, t); err != nil {
		return nil, err
	}
	if given, ok := field(body, "id").(string); ok && given != id {
		return nil, bad("mutability", "id can't be changed")
	}
	attrs, members, err := reader{rt: t.rt, q: s.quirks}.resource(body)
	if err == nil {
		err = s.fewMembers(members)
	}
	if err != nil {
		return nil, err
	}
	s.store.Lock()
	defer s.store.Unlock()
	r := t.get(id, time.Now())
	if r == nil {
		return nil, notFound(t.rt.name, id)
	}
	if err := s.precondition(c, r); err != nil {
		return nil, err
	}
	d := newDraft(s.store, r, s.quirks, time.Now())
	if d.attrs = attrs; d.members != nil {
		d.members.clear()
		if err := d.addMembers(members); err != nil {
			d.rollback()
			return nil, err
		}
	}
	return s.commit(c, t, d)
}

func (s *Server) patch(ctx context.Context, c *call, t *table) (*reply, error) {
	body, err := object(c.body)
	if err != nil {
		return nil, err
	}
	ops, err := parsePatch(body, s.quirks)
	if err != nil {
		return nil, err
	}
	id := c.path[1]
	leave, err := s.enter(ctx, t, id)
	if err != nil {
		return nil, err
	}
	defer leave()
	s.store.Lock()
	defer s.store.Unlock()
	r := t.get(id, time.Now())
	if r == nil {
		return nil, notFound(t.rt.name, id)
	}
	if err := s.precondition(c, r); err != nil {
		return nil, err
	}
	d := newDraft(s.store, r, s.quirks, time.Now())
	if err := d.apply(ops); err != nil {
		if s.quirks.PatchNotAtomic {
			_, _ = s.commit(c, t, d) // the operations before the failed one stay
		}
		return nil, err
	}
	return s.commit(c, t, d)
}

// enter is Quirks.ConcurrentGroupPatch: one PATCH of a group at a time, each taking a while.
func (s *Server) enter(ctx context.Context, t *table, id string) (leave func(), err error) {
	if s.quirks.ConcurrentGroupPatch == 0 || t.rt.name != "Group" {
		return func() {}, nil
	}
	s.store.Lock()
	defer s.store.Unlock()
	r := t.byID[id]
	if r == nil {
		return nil, notFound(t.rt.name, id)
	}
	if r.patching > 0 {
		return nil, refused(s.quirks.ConcurrentGroupPatch, "", "another change is under way")
	}
	r.patching++
	return func() {
		sleep(ctx, s.gap())
		s.store.Lock()
		defer s.store.Unlock()
		r.patching--
	}, nil
}

// commit checks a draft against the other resources, puts it in place and answers.
func (s *Server) commit(c *call, t *table, d *draft) (*reply, error) {
	changed, err := d.finish()
	if err != nil {
		return nil, err
	}
	if err := s.renamed(t, d); err != nil {
		d.rollback()
		return nil, err
	}
	if c.dry {
		d.rollback()
		return s.show(c, d.res, http.StatusOK), nil
	}
	if d.members != nil {
		d.members.commit()
	}
	if changed {
		s.write1(t, d.res, d.attrs)
	}
	if d.res.members == nil && s.quirks.DisableDeletes && d.attrs["active"] == false {
		s.remove(t, d.res)
		return answer(http.StatusNoContent, nil), nil
	}
	if s.noContent(c, d, changed) {
		rep := answer(http.StatusNoContent, nil)
		if !s.quirks.NoContentNoETag {
			s.tag(rep, d.res)
		}
		return rep, nil
	}
	return s.show(c, d.res, http.StatusOK), nil
}

// renamed checks uniqueness after a change.
func (s *Server) renamed(t *table, d *draft) error {
	err := s.unique(t, d.res, d.attrs)
	switch {
	case err == nil || s.quirks.RenameConflict == Allow:
		return nil
	case s.quirks.RenameConflict == Fail:
		return statusProblem(http.StatusInternalServerError, "duplicate key")
	default:
		return err
	}
}

// noContent says whether a change is answered with 204. A very large group is, unless the
// request leaves its members out.
func (s *Server) noContent(c *call, d *draft, changed bool) bool {
	q, isGroup := s.quirks, d.res.members != nil
	switch {
	case c.method != http.MethodPatch:
		return false
	case q.PatchUnchangedNoContent && !changed:
		return true
	case !isGroup:
		return q.PatchUserNoContent
	case q.PatchGroupNoContent:
		return true
	default:
		return d.res.members.len() > s.opts.PatchBodyMembers && !q.MembersNeverShown && !q.MembersAlwaysEmpty &&
			s.projection(d.res.rt, c.query).wants("members")
	}
}

// newID makes an id in the server's style. The store's lock must be held.
func (s *Server) newID(t *table, r *resource) string {
	switch s.quirks.IDs {
	case IDUserName:
		name := r.text("userName")
		if r.members != nil {
			name = r.text("displayName")
		}
		if _, taken := t.byID[name]; !taken {
			return name
		}
		return randomHex(8)
	case IDNumber:
		t.number++
		return strconv.Itoa(t.number)
	case IDHex:
		return randomHex(8)
	case IDLetters:
		return rand.Text() + rand.Text()[:6]
	default:
		u := randomHex(16)
		return fmt.Sprintf("%s-%s-4%s-a%s-%s", u[:8], u[8:12], u[13:16], u[17:20], u[20:])
	}
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
