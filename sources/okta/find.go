package okta

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/idpbridge/idpbridge/sources"
)

// Check asks for one entry of each list that the query needs. It fails where a cycle
// would. A refused System Log is no failure; see Warnings.
func (s *Source) Check(ctx context.Context, q sources.Query) error {
	r := &round{source: s, query: q, at: cursor{Full: true}}
	if err := r.prove(ctx); err != nil {
		return err
	}
	if q.Groups {
		req := Request{Call: ListGroups, Limit: 1}
		a, err := fetch[groupEntry](ctx, r, req)
		if err != nil {
			return err
		}
		if len(a.items)+len(a.bad) == 0 {
			return noPeople(req)
		}
	}
	if q.App == "" {
		return nil
	}
	_, err := fetch[assignedEntry](ctx, r, Request{Call: ListAppUsers, ID: q.App, Limit: 1})
	return appHint(err)
}

// Warnings says in plain words what works less well than it could with these credentials.
func (s *Source) Warnings(ctx context.Context, q sources.Query) ([]string, error) {
	r := &round{source: s, query: q, at: cursor{Full: true}}
	_, err := fetch[logEntry](ctx, r, Request{Call: ListLogs, Filter: logFilter(), Limit: 1})
	if r.logRefused(err) {
		return []string{"The System Log is refused, so deleted users and groups are noticed only by full rounds. Grant okta.logs.read."}, nil
	}
	return nil, err
}

func appHint(err error) error {
	if e, ok := errors.AsType[*sources.Error](err); ok && e.Class == sources.Missing {
		e.Hint = "Check scope.app: it is the app's id (0oa…), not its name."
	}
	return err
}

// User looks up one user by id, login or mail address. What Okta finds is compared with
// the reference: Okta also answers to the part of a login before the @, and to "me".
func (s *Source) User(ctx context.Context, q sources.Query, ref string) (sources.User, error) {
	req := Request{Call: GetUser, ID: ref}
	if ref == "" {
		return sources.User{}, missing(req)
	}
	e, err := one[userEntry](ctx, s, req)
	if err == nil && (string(e.id) == ref || strings.EqualFold(e.named.login, ref)) {
		return e.user(s.status, want(q.UserAttributes)), nil
	}
	if err != nil && !absent(err) {
		return sources.User{}, err
	}
	req = Request{Call: ListUsers, Limit: userLimit, Filter: equals("profile.email", ref)}
	found, err := matches(ctx, s, req, func(e userEntry) bool { return strings.EqualFold(e.named.email, ref) })
	if err != nil {
		return sources.User{}, err
	}
	return found.user(s.status, want(q.UserAttributes)), nil
}

// Group looks up one group with all its members, by id or name.
func (s *Source) Group(ctx context.Context, q sources.Query, ref string) (sources.Group, error) {
	req := Request{Call: GetGroup, ID: ref}
	if ref == "" {
		return sources.Group{}, missing(req)
	}
	e, err := one[groupEntry](ctx, s, req)
	if err != nil && !absent(err) {
		return sources.Group{}, err
	}
	if err != nil || string(e.id) != ref {
		req = Request{Call: ListGroups, Limit: groupLimit, Search: equals("profile.name", ref)}
		e, err = matches(ctx, s, req, func(e groupEntry) bool { return strings.EqualFold(e.name, ref) })
		if err != nil {
			return sources.Group{}, err
		}
	}
	g := e.group(want(q.GroupAttributes))
	g.Members, err = s.allMembers(ctx, q, e.id)
	return g, err
}

// allMembers reads a group's members by the same steps as a round does.
func (s *Source) allMembers(ctx context.Context, q sources.Query, id sources.ID) ([]sources.Member, error) {
	r := &round{source: s, query: q, at: cursor{Full: true, Queue: []queued{{ID: id}}}}
	var members []sources.Member
	for len(r.at.Queue) > 0 {
		r.page = sources.Page{}
		if err := r.members(ctx); err != nil {
			return nil, err
		}
		for _, g := range r.page.Groups {
			if g.Removal != sources.NotRemoved {
				return nil, missing(Request{Call: ListGroupUsers})
			}
			members = append(members, g.Members...)
		}
	}
	return members, nil
}

// Assigned says whether a user or group is assigned to the query's app, users also through
// a group.
func (s *Source) Assigned(ctx context.Context, q sources.Query, who sources.Assignment) (bool, error) {
	req := Request{Call: GetAppUser, ID: q.App, Member: string(who.ID)}
	if who.Kind == sources.KindGroup {
		req.Call = GetAppGroup
	}
	e, err := one[assignedEntry](ctx, s, req)
	if err == nil {
		return e.holds(), nil
	}
	if !absent(err) {
		return false, err
	}
	// The 404 may also be the app's.
	r := &round{source: s, query: q, at: cursor{Full: true}}
	_, err = fetch[assignedEntry](ctx, r, Request{Call: ListAppUsers, ID: q.App, Limit: 1})
	return false, appHint(err)
}

// matches returns the only entry of a list that really matches. Filters are exact and
// searches are not always; both lists are short.
func matches[T entry[T]](ctx context.Context, s *Source, req Request, match func(T) bool) (found T, err error) {
	r := &round{source: s, at: cursor{Full: true}}
	n := 0
	for at := (place{}); ; {
		a, err := list[T](ctx, r, req, &at)
		if err != nil {
			return found, err
		}
		for _, e := range a.items {
			if match(e) {
				found = e
				n++
			}
		}
		if a.ended() {
			break
		}
	}
	switch n {
	case 0:
		return found, missing(req)
	case 1:
		return found, nil
	default:
		var none T
		return none, &sources.Error{Class: sources.Ambiguous, Op: req.String(), Message: "the reference matches more than one object", Hint: "Use the id."}
	}
}

// absent says that Okta knows no such object. A reference that can't be an id or login
// gets a 400 from Okta.
func absent(err error) bool {
	e, ok := errors.AsType[*sources.Error](err)
	return ok && (e.Class == sources.Missing || e.Status == http.StatusBadRequest)
}

func missing(req Request) error {
	return &sources.Error{Class: sources.Missing, Op: req.String(), Message: "nothing matches the reference", Hint: hintMissing}
}
