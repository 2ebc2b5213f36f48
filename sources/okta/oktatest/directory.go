package oktatest

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// The statuses of users.
const (
	Staged          = "STAGED"
	Provisioned     = "PROVISIONED"
	Active          = "ACTIVE"
	Recovery        = "RECOVERY"
	PasswordExpired = "PASSWORD_EXPIRED"
	LockedOut       = "LOCKED_OUT"
	Suspended       = "SUSPENDED"
	Deprovisioned   = "DEPROVISIONED"
)

// user is a person. Its index is its place in Org.users and the number in its id.
type user struct {
	index   int
	status  string
	created time.Time
	changed time.Time // statusChanged
	updated time.Time // lastUpdated
	profile map[string]any
	deleted bool
}

// seed is a range of users that are made when asked for.
type seed struct {
	first, count int
	profile      func(i int) map[string]any
}

// userID and its like give ids of Okta's shape whose number is the object's index, so
// that a million objects need no index by id.
func userID(i int) string  { return fmt.Sprintf("00u%017d", i) }
func groupID(i int) string { return fmt.Sprintf("00g%017d", i) }
func appID(i int) string   { return fmt.Sprintf("0oa%017d", i) }

// indexOf returns the number in an id of the given prefix, or -1.
func indexOf(id, prefix string) int {
	digits, ok := strings.CutPrefix(id, prefix)
	if !ok || len(digits) != 17 {
		return -1
	}
	i, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return i
}

// Seed adds n ACTIVE users that have been there for a month. profile gives the profile of
// the i-th of them, from 0, the same whenever it is asked; it is not kept.
func (o *Org) Seed(n int, profile func(i int) map[string]any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seeds = append(o.seeds, seed{first: len(o.users), count: n, profile: profile})
	o.users = append(o.users, make([]*user, n)...)
}

// UserID returns the id of the i-th user of the org, from 0, in order of creation.
func (o *Org) UserID(i int) string { return userID(i) }

// AddUser makes an ACTIVE user and returns its id.
func (o *Org) AddUser(profile map[string]any) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	u := &user{index: len(o.users), status: Active, created: now, changed: now, updated: now, profile: maps.Clone(profile)}
	o.users = append(o.users, u)
	o.index(u)
	o.groups[0].membership = now
	o.log("user.lifecycle.create", target{userID(u.index), "User"})
	o.log("user.lifecycle.activate", target{userID(u.index), "User"})
	return userID(u.index)
}

// UpdateUser changes attributes of a profile; nil makes one null.
func (o *Org) UpdateUser(id string, profile map[string]any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.own(id)
	o.unindex(u)
	maps.Copy(u.profile, profile)
	o.index(u)
	u.updated = o.now()
	o.log("user.account.update_profile", target{id, "User"})
}

// SetStatus gives a user a status, as suspending, deactivating, locking and so on do.
func (o *Org) SetStatus(id, status string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.own(id)
	events := map[string]string{
		Suspended: "user.lifecycle.suspend", Deprovisioned: "user.lifecycle.deactivate",
		Active: "user.lifecycle.activate", LockedOut: "user.account.lock",
	}
	u.status = status
	u.changed = o.now()
	u.updated = u.changed
	if e := events[status]; e != "" {
		o.log(e, target{id, "User"})
	}
}

// DeleteUser deactivates a user and deletes it for good.
func (o *Org) DeleteUser(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.own(id)
	o.log("user.lifecycle.deactivate", target{id, "User"})
	o.log("user.lifecycle.delete.initiated", target{id, "User"})
	o.unindex(u)
	o.users[u.index] = &user{index: u.index, deleted: true}
	for _, g := range o.groups {
		if g != nil && g.remove(u.index) {
			g.membership = o.now()
		}
	}
	for _, a := range o.apps {
		delete(a.users, u.index)
	}
	o.log("user.lifecycle.delete.completed", target{id, "User"})
}

// at returns the user at an index, or nil when there is none. The user is a copy if it
// is still as its seed made it.
func (o *Org) at(i int) *user {
	if i < 0 || i >= len(o.users) {
		return nil
	}
	if u := o.users[i]; u != nil {
		if u.deleted {
			return nil
		}
		return u
	}
	for _, s := range o.seeds {
		if i >= s.first && i < s.first+s.count {
			return &user{index: i, status: Active, created: o.birth, changed: o.birth, updated: o.birth, profile: s.profile(i - s.first)}
		}
	}
	return nil
}

// own returns the user with an id for a change. It panics when there is none: the
// directory's methods are called by programs that know what they made.
func (o *Org) own(id string) *user {
	u := o.at(indexOf(id, "00u"))
	if u == nil {
		panic("oktatest: no user " + id)
	}
	if o.users[u.index] == nil {
		o.users[u.index] = u
		o.index(u)
	}
	return u
}

func (o *Org) index(u *user) {
	if login, ok := u.profile["login"].(string); ok {
		o.logins[strings.ToLower(login)] = u.index
	}
}

func (o *Org) unindex(u *user) {
	if login, ok := u.profile["login"].(string); ok {
		delete(o.logins, strings.ToLower(login))
	}
}

// byRef finds a user by id, login, or the part of a login before the @ where that is
// unique; "me" is the token's owner, here the first user. Logins of untouched seeded users
// are searched for, and only as a whole.
func (o *Org) byRef(ref string) *user {
	if ref == "me" {
		return o.at(0)
	}
	if u := o.at(indexOf(ref, "00u")); u != nil {
		return u
	}
	ref = strings.ToLower(ref)
	if i := o.byShortName(ref); i >= 0 {
		return o.at(i)
	}
	if i, ok := o.logins[ref]; ok {
		return o.at(i)
	}
	for _, s := range o.seeds {
		for i := range s.count {
			if o.users[s.first+i] != nil {
				continue
			}
			if login, _ := s.profile(i)["login"].(string); strings.ToLower(login) == ref {
				return o.at(s.first + i)
			}
		}
	}
	return nil
}

func (o *Org) byShortName(ref string) int {
	found := -1
	for login, i := range o.logins {
		if name, _, _ := strings.Cut(login, "@"); name == ref {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// Exists says whether there is a user with an id, of any status.
func (o *Org) Exists(userID string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.at(indexOf(userID, "00u")) != nil
}
