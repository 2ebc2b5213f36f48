package graph

import (
	"errors"
	"fmt"

	"github.com/idpbridge/idpbridge/sources"
)

// groupReader reads entries of groups that hold what kept names.
type groupReader struct {
	unasked []string // properties that are kept though the query doesn't ask for them
}

func newGroupReader(q sources.Query) groupReader {
	return groupReader{unasked(kept(q, phaseGroups), q.GroupAttributes, "members")}
}

func (r groupReader) read(page *sources.Page, entries []map[string]any) error {
	page.Groups = make([]sources.Group, 0, len(entries))
	for i, entry := range entries {
		id, err := idOf(OpGroupsDelta, i, entry)
		if err != nil {
			return err
		}
		g, err := r.group(id, entry)
		if err != nil {
			page.Bad = append(page.Bad, sources.BadEntry{Kind: sources.KindGroup, ID: id, Err: fmt.Errorf("group entry %d: %w", i+1, err)})
			continue
		}
		page.Groups = append(page.Groups, g)
	}
	return nil
}

func (r groupReader) group(id sources.ID, m map[string]any) (sources.Group, error) {
	g := sources.Group{ID: id}
	var err error
	if g.Removal, err = removed(m); err != nil || g.Removal != sources.NotRemoved {
		return g, err
	}
	if g.Members, err = memberChanges(m["members@delta"]); err != nil {
		return g, err
	}
	if g.DisplayName, err = text(m, "displayName"); err != nil {
		return g, err
	}
	if _, told := m["displayName"]; !told {
		// Every group has a name, so an entry without one brings members alone.
		g.MembersOnly = true
		return g, nil
	}
	g.Attributes = only(m, r.unasked)
	return g, nil
}

// userType is the type of members that are users; groups, devices, contacts and service
// principals are left out, as in Entra's own provisioning.
const userType = "#microsoft.graph.user"

func memberChanges(v any) ([]sources.Member, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("members@delta is not a list")
	}
	out := make([]sources.Member, 0, len(list))
	for _, entry := range list {
		m, _ := entry.(map[string]any)
		member, isUser, err := readMember(m)
		if err != nil {
			return nil, err
		}
		if isUser {
			out = append(out, member)
		}
	}
	return out, nil
}

// readMember reads one member. One without a type is taken for a user: to leave out a user
// would remove a membership, to keep a stranger's id harms nothing.
func readMember(entry map[string]any) (m sources.Member, isUser bool, err error) {
	id, _ := entry["id"].(string)
	if id == "" {
		return m, false, errors.New("a member has no id")
	}
	if kind, told := entry["@odata.type"]; told && kind != userType {
		return m, false, nil
	}
	_, gone := entry["@removed"]
	return sources.Member{User: sources.ID(id), Removed: gone}, true, nil
}

// readAssignments reads a page of appRoleAssignedTo. A principal may be assigned several
// times, with different roles; that is one assignment here.
func readAssignments(page *sources.Page, entries []map[string]any) error {
	for i, entry := range entries {
		id, _ := entry["principalId"].(string)
		if id == "" {
			return incomplete(OpAssignments, fmt.Sprintf("entry %d has no principalId", i+1), nil)
		}
		switch entry["principalType"] {
		case "User":
			page.Assignments = append(page.Assignments, sources.Assignment{Kind: sources.KindUser, ID: sources.ID(id)})
		case "Group":
			page.Assignments = append(page.Assignments, sources.Assignment{Kind: sources.KindGroup, ID: sources.ID(id)})
		}
	}
	return nil
}
