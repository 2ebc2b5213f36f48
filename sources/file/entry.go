package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/idpbridge/idpbridge/sources"
)

// The columns of a groups file.
const (
	groupID      = "id"
	groupName    = "displayName"
	groupMember  = "member"  // CSV: one person's id
	groupMembers = "members" // JSON: a list of people's ids
)

// user reads a person from a row.
func (b *builder) user(r row) (sources.User, error) {
	columns := b.cfg.Columns
	u := sources.User{ID: sources.ID(r.id)}
	var manager string
	for _, f := range []struct {
		into *string
		name string
	}{
		{&u.UserName, columns.UserName},
		{&u.Mail, columns.Mail},
		{&u.DisplayName, columns.DisplayName},
		{&manager, columns.Manager},
	} {
		var err error
		if *f.into, err = r.text(f.name); err != nil {
			return u, err
		}
	}
	var err error
	if u.Active, err = r.truth(columns.Active); err != nil {
		return u, err
	}
	u.Manager = sources.Reference{Known: b.scan.hasManager, ID: sources.ID(manager)}
	u.Attributes = b.userAttributes(r, u)
	return u, nil
}

// userAttributes gives what the job asked for, the well-known fields under their own
// names.
func (b *builder) userAttributes(r row, u sources.User) map[string]any {
	out := make(map[string]any, len(b.query.UserAttributes))
	for _, name := range b.query.UserAttributes {
		switch name {
		case "id":
			out[name] = string(u.ID)
		case "userName":
			out[name] = orNil(u.UserName)
		case "mail":
			out[name] = orNil(u.Mail)
		case "displayName":
			out[name] = orNil(u.DisplayName)
		case "active":
			out[name] = u.Active
		case "manager":
			out[name] = orNil(string(u.Manager.ID))
		default:
			if v, present := r.value(name); present {
				out[name] = v
			}
		}
	}
	return out
}

// group reads a group, or one member of it, from a row.
func (b *builder) group(r row) (sources.Group, error) {
	g := sources.Group{ID: sources.ID(r.id)}
	var err error
	if g.DisplayName, err = r.text(groupName); err != nil {
		return g, err
	}
	if g.DisplayName == "" {
		return g, fmt.Errorf("%s is missing", groupName)
	}
	if g.Members, err = membersOf(r); err != nil {
		return g, err
	}
	g.Attributes = make(map[string]any, len(b.query.GroupAttributes))
	for _, name := range b.query.GroupAttributes {
		switch name {
		case groupID:
			g.Attributes[name] = r.id
		case groupName:
			g.Attributes[name] = g.DisplayName
		default:
			if v, present := r.value(name); present {
				g.Attributes[name] = v
			}
		}
	}
	return g, nil
}

// membersOf reads the list of members of a JSON row, or the one member of a CSV row.
func membersOf(r row) ([]sources.Member, error) {
	if r.object == nil {
		id, err := r.text(groupMember)
		if err != nil || id == "" {
			return nil, err
		}
		return []sources.Member{{User: sources.ID(id)}}, nil
	}
	raw, ok := r.object[groupMembers]
	if !ok {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errors.New("members is not a list of ids")
	}
	out := make([]sources.Member, 0, len(list))
	for _, one := range list {
		entry := row{object: map[string]json.RawMessage{groupMember: one}}
		id, err := entry.text(groupMember)
		if err != nil || id == "" {
			return nil, errors.New("members is not a list of ids")
		}
		out = append(out, sources.Member{User: sources.ID(id)})
	}
	return out, nil
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// listOf writes line numbers, at most five of them.
func listOf(lines []int) string {
	words := make([]string, 0, 6)
	for i, n := range lines {
		if i == 5 {
			words = append(words, "…")
			break
		}
		words = append(words, strconv.Itoa(n))
	}
	return strings.Join(words, ", ")
}
