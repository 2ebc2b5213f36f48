package oktatest

import (
	"net/http"
	"strings"
	"time"
)

// stamp is how Okta writes times.
const stamp = "2006-01-02T15:04:05.000Z"

// userView is a User as the API shows it.
type userView struct {
	ID              string         `json:"id"`
	Status          string         `json:"status"`
	Created         string         `json:"created"`
	Activated       *string        `json:"activated"`
	StatusChanged   string         `json:"statusChanged"`
	LastLogin       *string        `json:"lastLogin"`
	LastUpdated     string         `json:"lastUpdated"`
	PasswordChanged *string        `json:"passwordChanged"`
	Type            map[string]any `json:"type"`
	Profile         map[string]any `json:"profile"`
	Credentials     map[string]any `json:"credentials,omitempty"`
	Links           map[string]any `json:"_links"`
}

// view renders a user. omit leaves credentials out, as the okta-response parameter asks.
func (u *user) view(base string, omit bool) userView {
	created := u.created.Format(stamp)
	v := userView{
		ID: userID(u.index), Status: u.status, Created: created, Activated: &created,
		StatusChanged: u.changed.Format(stamp), LastUpdated: u.updated.Format(stamp),
		Type: map[string]any{"id": "oty00000000000000000"}, Profile: u.profile,
		Links: map[string]any{"self": map[string]any{"href": base + "/api/v1/users/" + userID(u.index)}},
	}
	if u.status == Staged {
		v.Activated = nil
	}
	if !omit {
		v.Credentials = map[string]any{"provider": map[string]any{"type": "OKTA", "name": "OKTA"}}
	}
	return v
}

// get returns an attribute for filters.
func (u *user) get(attribute string) any {
	switch attribute {
	case "id":
		return userID(u.index)
	case "status":
		return u.status
	case "created", "activated":
		return u.created
	case "statusChanged":
		return u.changed
	case "lastUpdated":
		return u.updated
	case "type.id":
		return "oty00000000000000000"
	}
	return u.profile[strings.TrimPrefix(attribute, "profile.")]
}

// listUsers is GET /api/v1/users. Without filter and search it leaves DEPROVISIONED
// users out.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/
func (o *Org) listUsers(w http.ResponseWriter, r *http.Request) {
	l, ok := o.list(w, r, sizes{200, 200})
	if !ok {
		return
	}
	match, ok := criteria(w, r, map[string][]string{
		"filter": {"status", "lastUpdated", "id", "profile.login", "profile.email", "profile.firstName", "profile.lastName"},
		"search": {"id", "status", "created", "activated", "statusChanged", "lastUpdated", "type.id", "profile."},
	})
	if !ok {
		return
	}
	if match == nil {
		match = func(get func(string) any) bool { return get("status") != Deprovisioned }
	}
	seeded := (&user{status: Active, created: o.birth, changed: o.birth, updated: o.birth}).get
	plain := !strings.Contains(r.URL.RawQuery, "profile") && !strings.Contains(r.URL.RawQuery, "id+eq")
	skipSeeded := plain && !match(seeded)
	omit := strings.Contains(r.Header.Get("Content-Type"), "omitCredentials")
	for i := l.start; i < len(o.users); i++ {
		if o.users[i] == nil && skipSeeded {
			continue
		}
		u := o.at(i)
		if u == nil || !match(u.get) {
			continue
		}
		if !l.take(i, u.view(baseOf(r), omit)) {
			break
		}
	}
	l.send()
}

// criteria reads `filter` and `search`; the map says which attributes each may name. It
// returns nil when neither is given, and answers the request itself when one is wrong.
func criteria(w http.ResponseWriter, r *http.Request, attributes map[string][]string) (predicate, bool) {
	for name, allowed := range attributes {
		v := r.URL.Query().Get(name)
		if v == "" {
			continue
		}
		p, err := parseFilter(v, allowed)
		if err != nil {
			fail(w, http.StatusBadRequest, "E0000031", "Invalid search criteria.")
			return nil, false
		}
		return p, true
	}
	return nil, true
}

// getUser is GET /api/v1/users/{id or login}.
func (o *Org) getUser(w http.ResponseWriter, r *http.Request) {
	u := o.byRef(r.PathValue("id"))
	if u == nil {
		notFound(w, r.PathValue("id"), "User")
		return
	}
	send(w, u.view(baseOf(r), false))
}

// optional formats a time that may be missing.
func optional(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(stamp)
}
