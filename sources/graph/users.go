package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sources"
)

// originalUPN is the name under which Entra's provisioning offers the unchanged user
// principal name of a guest.
const originalUPN = "originalUserPrincipalName"

// userReader reads entries of users that hold what kept names.
type userReader struct {
	unasked  []string // properties that are kept though the query doesn't ask for them
	manager  bool
	original bool
}

func newUserReader(q sources.Query) userReader {
	return userReader{
		unasked:  unasked(kept(q, phaseUsers), q.UserAttributes, "manager"),
		manager:  slices.Contains(q.UserAttributes, "manager"),
		original: slices.Contains(q.UserAttributes, originalUPN),
	}
}

func (r userReader) read(page *sources.Page, entries []map[string]any) error {
	page.Users = make([]sources.User, 0, len(entries))
	for i, entry := range entries {
		id, err := idOf(OpUsersDelta, i, entry)
		if err != nil {
			return err
		}
		u, err := r.user(id, entry)
		if err != nil {
			page.Bad = append(page.Bad, sources.BadEntry{Kind: sources.KindUser, ID: id, Err: fmt.Errorf("user entry %d: %w", i+1, err)})
			continue
		}
		page.Users = append(page.Users, u)
	}
	return nil
}

var errNotWhole = errors.New("it has no userPrincipalName, which every user has: the entry is not whole")

// user reads one entry. It takes the map over and leaves the attributes asked for in it.
func (r userReader) user(id sources.ID, m map[string]any) (sources.User, error) {
	u := sources.User{ID: id, Active: true}
	removal, err := removed(m)
	if err != nil || removal != sources.NotRemoved {
		u.Removal = removal
		return u, err
	}
	if u.UserName, err = text(m, "userPrincipalName"); err != nil {
		return u, err
	}
	if u.UserName == "" {
		return u, errNotWhole
	}
	if u.Mail, err = text(m, "mail"); err != nil {
		return u, err
	}
	if u.DisplayName, err = text(m, "displayName"); err != nil {
		return u, err
	}
	switch enabled := m["accountEnabled"].(type) {
	case nil:
	case bool:
		u.Active = enabled
	default:
		return u, fmt.Errorf("accountEnabled is %v, not a boolean", enabled)
	}
	if r.manager {
		if u.Manager, err = manager(m["manager@delta"]); err != nil {
			return u, err
		}
	}
	if r.original {
		m[originalUPN] = u.UserName
	}
	if name := guestName(u.UserName); name != u.UserName {
		u.UserName = name
		m["userPrincipalName"] = name
	}
	u.Attributes = only(m, r.unasked)
	return u, nil
}

// guestName turns the user principal name of a guest, "alias_theirdomain#EXT#@ourdomain",
// into "alias@theirdomain", and leaves others alone. Rule: "How Application Provisioning
// works", B2B users. A domain name has no underscore, so the last one is the joint.
func guestName(upn string) string {
	local, domain, guest := strings.Cut(upn, "#EXT#")
	if !guest {
		return upn
	}
	if i := strings.LastIndexByte(local, '_'); i > 0 {
		return local[:i] + "@" + local[i+1:]
	}
	return local + domain
}

// manager reads a change of the manager: the last entry that is not a removal, or nobody
// when there are only removals. A change usually tells both.
func manager(v any) (sources.Reference, error) {
	if v == nil {
		return sources.Reference{}, nil
	}
	list, ok := v.([]any)
	if !ok {
		return sources.Reference{}, errors.New("manager@delta is not a list")
	}
	ref := sources.Reference{Known: len(list) > 0}
	for _, entry := range list {
		m, _ := entry.(map[string]any)
		id, _ := m["id"].(string)
		if id == "" {
			return sources.Reference{}, errors.New("manager@delta has an entry without id")
		}
		if _, gone := m["@removed"]; !gone {
			ref.ID = sources.ID(id)
		}
	}
	return ref, nil
}
