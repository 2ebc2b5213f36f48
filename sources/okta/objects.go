package okta

import (
	"time"

	"github.com/idpbridge/idpbridge/sources"
)

// object is a User or Group of Okta's API, as text: attributes are decoded when somebody
// asks for them.
type object struct {
	id      sources.ID
	own     []member // what stands beside the profile and is a plain value
	profile []byte
}

// member is a member of an object: its name, and its value as text.
type member struct{ key, value []byte }

// plainMembers is how many plain values users and groups have beside the profile.
const plainMembers = 8

// parseObject cuts an object into its parts. own is given each member beside the profile.
func parseObject(raw []byte, own func(key, value []byte)) (object, error) {
	o := object{own: make([]member, 0, plainMembers)}
	for key, v := range members(raw) {
		if string(key) == "profile" {
			o.profile = v
			continue
		}
		if string(key) == "id" {
			o.id = sources.ID(text(v))
		}
		if v[0] != '{' && v[0] != '[' {
			o.own = append(o.own, member{key, v})
		}
		own(key, v)
	}
	if len(o.profile) == 0 || o.profile[0] != '{' {
		return o, errNoProfile
	}
	return o, nil
}

// attributes decodes the wanted ones. The object's own attributes hide those of the profile
// that have the same name.
func (o object) attributes(want wanted) map[string]any {
	got := make(map[string]any, len(want))
	for key, v := range members(o.profile) {
		if name, ok := want[string(key)]; ok {
			got[name] = value(v)
		}
	}
	for _, m := range o.own {
		if name, ok := want[string(m.key)]; ok {
			got[name] = value(m.value)
		}
	}
	return got
}

// wanted is a set of attribute names; the values are the names again, so that all objects
// of a page share one string.
type wanted map[string]string

func want(names []string) wanted {
	w := make(wanted, len(names))
	for _, n := range names {
		w[n] = n
	}
	return w
}

// userEntry is a User of Okta's API.
type userEntry struct {
	object
	status string
	kind   string // the user type's id
	named  struct{ login, email, display, first, last string }
}

func (e userEntry) entryID() sources.ID     { return e.id }
func (e userEntry) entryKind() sources.Kind { return sources.KindUser }

func (e userEntry) parse(raw []byte) (u userEntry, err error) {
	u.object, err = parseObject(raw, func(key, v []byte) {
		switch string(key) {
		case "status":
			u.status = text(v)
		case "type":
			id, _ := idEntry{}.parse(v)
			u.kind = string(id.id)
		}
	})
	if err != nil {
		return u, err
	}
	for key, v := range members(u.profile) {
		switch string(key) {
		case "login":
			u.named.login = text(v)
		case "email":
			u.named.email = text(v)
		case "displayName":
			u.named.display = text(v)
		case "firstName":
			u.named.first = text(v)
		case "lastName":
			u.named.last = text(v)
		}
	}
	if u.status == "" {
		return u, errNoStatus
	}
	return u, nil
}

// user turns an entry into the words of package sources.
func (e userEntry) user(rule statusRule, want wanted) sources.User {
	u := sources.User{
		ID:          e.id,
		UserName:    e.named.login,
		Mail:        e.named.email,
		DisplayName: e.named.display,
		Active:      rule.active(e.status),
		Attributes:  e.attributes(want),
	}
	if u.DisplayName == "" {
		u.DisplayName = joinName(e.named.first, e.named.last)
	}
	if name, ok := want["type"]; ok {
		u.Attributes[name] = e.kind
	}
	return u
}

func joinName(first, last string) string {
	if first == "" || last == "" {
		return first + last
	}
	return first + " " + last
}

// statusRule says which statuses are active.
type statusRule struct{ suspendedActive bool }

// active follows Okta's own provisioning: who is about to sign in for the first time
// (PROVISIONED) or has to reset a password is active; STAGED and DEPROVISIONED are not.
// https://developer.okta.com/docs/reference/user-lifecycle/
func (r statusRule) active(status string) bool {
	switch status {
	case "STAGED", "DEPROVISIONED":
		return false
	case "SUSPENDED":
		return r.suspendedActive
	default:
		return true
	}
}

// typeBuiltIn marks groups that Okta makes itself, such as Everyone.
const typeBuiltIn = "BUILT_IN"

// groupEntry is a Group of Okta's API.
type groupEntry struct {
	object
	kind    string
	name    string
	version int64 // lastMembershipUpdated in milliseconds; 0 when there is none
}

func (e groupEntry) entryID() sources.ID     { return e.id }
func (e groupEntry) entryKind() sources.Kind { return sources.KindGroup }

func (e groupEntry) parse(raw []byte) (g groupEntry, err error) {
	g.object, err = parseObject(raw, func(key, v []byte) {
		switch string(key) {
		case "type":
			g.kind = text(v)
		case "lastMembershipUpdated":
			g.version = parseStamp(text(v))
		}
	})
	if err != nil {
		return g, err
	}
	for key, v := range members(g.profile) {
		if string(key) == "name" {
			g.name = text(v)
		}
	}
	return g, nil
}

func (e groupEntry) group(want wanted) sources.Group {
	return sources.Group{ID: e.id, DisplayName: e.name, Attributes: e.attributes(want)}
}

// parseStamp reads a time of Okta's as Unix milliseconds, 0 if it can't be read: such an
// object counts as changed.
func parseStamp(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}
