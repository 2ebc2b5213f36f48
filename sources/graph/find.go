package graph

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sources"
)

// User finds one user by id, user principal name or mail address. A guest is found by the
// address that guestName makes of its name, too. A user in the recycle bin comes back
// with Removal RemovedSoft. The error's class is Missing or Ambiguous when there is not
// exactly one.
func (s *Source) User(ctx context.Context, q sources.Query, ref string) (sources.User, error) {
	r := findUserRequest(q)
	r.Op, r.ID = OpUser, ref
	entry, err := s.object(ctx, r, kept(q, phaseUsers))
	if sources.ClassOf(err) == sources.Missing || sources.ClassOf(err) == sources.Rejected {
		// A reference that Graph refuses as a key, such as one with a blank, may
		// still be a mail address.
		r.Op, r.ID, r.Filter = OpUsers, "", userFilter(ref)
		entry, err = s.object(ctx, r, kept(q, phaseUsers))
	}
	if sources.ClassOf(err) == sources.Missing {
		return s.deletedUser(ctx, q, ref)
	}
	if err != nil {
		return sources.User{}, fmt.Errorf("look up user: %w", err)
	}
	u, err := foundUser(q, entry)
	if err != nil {
		return sources.User{}, fmt.Errorf("look up user: %w", err)
	}
	return u, nil
}

// deletedUser looks in the recycle bin. There the user principal name has the object id
// before it, without hyphens.
func (s *Source) deletedUser(ctx context.Context, q sources.Query, ref string) (sources.User, error) {
	r := Request{Op: OpDeletedUsers, Select: userProperties(q), Filter: "id eq " + quote(ref)}
	if !isID(ref) {
		r.Advanced = true
		r.Filter = "mail eq " + quote(ref) + " or endswith(userPrincipalName," + quote(ref) + ")"
	}
	entries, err := s.all(ctx, r, kept(q, phaseUsers))
	if err != nil {
		return sources.User{}, fmt.Errorf("look up deleted user: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(entry map[string]any) bool {
		mail, _ := entry["mail"].(string)
		return !isID(ref) && !strings.EqualFold(mail, ref) && !strings.EqualFold(formerName(entry), ref)
	})
	entry, err := exactlyOne(OpDeletedUsers, entries)
	if err != nil {
		return sources.User{}, fmt.Errorf("look up user: %w", err)
	}
	id, err := idOf(OpDeletedUsers, 0, entry)
	if err != nil {
		return sources.User{}, fmt.Errorf("look up deleted user: %w", err)
	}
	name, _ := entry["displayName"].(string)
	return sources.User{ID: id, UserName: formerName(entry), DisplayName: name, Removal: sources.RemovedSoft}, nil
}

// formerName returns the user principal name that a deleted user had.
func formerName(m map[string]any) string {
	upn, _ := m["userPrincipalName"].(string)
	if len(upn) > 32 && isHex(upn[:32]) {
		return upn[32:]
	}
	return upn
}

// Group finds one group by id or display name, with all its direct members that are
// users. The error's class is Missing or Ambiguous when there is not exactly one.
func (s *Source) Group(ctx context.Context, q sources.Query, ref string) (sources.Group, error) {
	properties := slices.DeleteFunc(groupSelect(q), func(name string) bool { return name == "members" })
	r := Request{Op: OpGroups, Filter: "displayName eq " + quote(ref), Select: properties}
	if isID(ref) {
		r = Request{Op: OpGroup, ID: ref, Select: properties}
	}
	entry, err := s.object(ctx, r, kept(q, phaseGroups))
	if err != nil {
		return sources.Group{}, fmt.Errorf("look up group: %w", err)
	}
	id, err := idOf(r.Op, 0, entry)
	if err != nil {
		return sources.Group{}, fmt.Errorf("look up group: %w", err)
	}
	g, err := newGroupReader(q).group(id, entry)
	if err != nil {
		return sources.Group{}, fmt.Errorf("look up group: %w", err)
	}
	members, err := s.all(ctx, Request{Op: OpMembers, ID: string(id), Select: []string{"id"}, Top: maxTop}, keep("id", "@odata.type", "@removed"))
	if err != nil {
		return sources.Group{}, fmt.Errorf("list members: %w", err)
	}
	for _, entry := range members {
		member, isUser, err := readMember(entry)
		if err != nil {
			return sources.Group{}, incomplete(OpMembers, "the list can't be read", err)
		}
		if isUser {
			g.Members = append(g.Members, member)
		}
	}
	return g, nil
}

// Assigned says whether a user or group is in the scope of q.App: assigned itself or, for
// a user, a direct member of an assigned group.
func (s *Source) Assigned(ctx context.Context, q sources.Query, who sources.Assignment) (bool, error) {
	entries, err := s.all(ctx, Request{Op: OpAssignments, ID: q.App, Top: maxTop}, kept(q, phaseAssignments))
	if err != nil {
		return false, fmt.Errorf("list assignments: %w", err)
	}
	var page sources.Page
	if err := readAssignments(&page, entries); err != nil {
		return false, fmt.Errorf("list assignments: %w", err)
	}
	groups := map[sources.ID]bool{}
	for _, a := range page.Assignments {
		if a == who {
			return true, nil
		}
		groups[a.ID] = a.Kind == sources.KindGroup
	}
	if who.Kind != sources.KindUser || !slices.ContainsFunc(page.Assignments, isGroup) {
		return false, nil
	}
	memberOf, err := s.all(ctx, Request{Op: OpMemberOf, ID: string(who.ID), Select: []string{"id"}, Top: maxTop}, keep("id"))
	if err != nil {
		return false, fmt.Errorf("list groups of user: %w", err)
	}
	for _, entry := range memberOf {
		if id, _ := entry["id"].(string); groups[sources.ID(id)] {
			return true, nil
		}
	}
	return false, nil
}

func isGroup(a sources.Assignment) bool { return a.Kind == sources.KindGroup }

// findUserRequest asks for what a round would bring. Outside delta queries the manager is
// no property and must be expanded.
func findUserRequest(q sources.Query) Request {
	r := Request{Select: userProperties(q)}
	if slices.Contains(q.UserAttributes, "manager") {
		r.Expand = "manager($select=id)"
	}
	return r
}

func userProperties(q sources.Query) []string {
	return slices.DeleteFunc(userSelect(q), func(name string) bool { return name == "manager" })
}

// foundUser reads a user as GET returns it: whole, with the manager expanded, so that an
// absent manager means nobody.
func foundUser(q sources.Query, entry map[string]any) (sources.User, error) {
	id, err := idOf(OpUser, 0, entry)
	if err != nil {
		return sources.User{}, err
	}
	expanded, _ := entry["manager"].(map[string]any)
	delete(entry, "manager")
	r := newUserReader(q)
	u, err := r.user(id, entry)
	if err == nil && r.manager {
		manager, _ := expanded["id"].(string)
		u.Manager = sources.Reference{Known: true, ID: sources.ID(manager)}
	}
	return u, err
}

// userFilter finds users by name or address. A guest's principal name is built from its
// address; "alias@theirdomain" is looked for as "alias_theirdomain#EXT#…", too.
func userFilter(ref string) string {
	filter := "userPrincipalName eq " + quote(ref) + " or mail eq " + quote(ref)
	if i := strings.LastIndexByte(ref, '@'); i > 0 {
		filter += " or startswith(userPrincipalName," + quote(ref[:i]+"_"+ref[i+1:]+"#EXT#") + ")"
	}
	return filter
}

// object fetches the one object that a request asks for: by its id, or as the only hit of
// a list.
func (s *Source) object(ctx context.Context, r Request, keep names) (map[string]any, error) {
	if r.ID == "" {
		entries, err := s.all(ctx, r, keep)
		if err != nil {
			return nil, err
		}
		return exactlyOne(r.Op, entries)
	}
	answer, err := s.get(ctx, r)
	if err != nil {
		return nil, err
	}
	return parseEntry(r.Op, answer.Body, keep)
}

// all fetches a list to its end.
func (s *Source) all(ctx context.Context, r Request, keep names) ([]map[string]any, error) {
	var entries []map[string]any
	seen := map[string]bool{}
	for {
		answer, err := s.get(ctx, r)
		if err != nil {
			return nil, err
		}
		page, err := parsePage(r.Op, answer.Body, keep)
		if err != nil {
			return nil, err
		}
		entries = append(entries, page.value...)
		if page.next == "" {
			return entries, nil
		}
		if seen[page.next] {
			return nil, incomplete(r.Op, "the next link leads back to an earlier page", nil)
		}
		seen[page.next] = true
		r.Link = page.next
	}
}

func exactlyOne(op Op, entries []map[string]any) (map[string]any, error) {
	switch len(entries) {
	case 0:
		return nil, &sources.Error{Class: sources.Missing, Op: op.String(), Message: "no such object in the directory"}
	case 1:
		return entries[0], nil
	default:
		return nil, &sources.Error{
			Class: sources.Ambiguous, Op: op.String(), Hint: "use the object's id",
			Message: fmt.Sprintf("%d objects match this reference", len(entries)),
		}
	}
}

// quote writes an OData string literal, in which a quote is doubled.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func isID(ref string) bool {
	plain := strings.ReplaceAll(ref, "-", "")
	return len(ref) == 36 && len(plain) == 32 && isHex(plain)
}

func isHex(text string) bool {
	return strings.Trim(text, "0123456789abcdefABCDEF") == ""
}
