package okta

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Call names one of the calls of Okta's API that the source makes.
type Call int

// The calls, all of them GET.
const (
	ListUsers Call = iota + 1
	GetUser
	ListGroups
	GetGroup
	ListGroupUsers
	ListAppUsers
	GetAppUser
	ListAppGroups
	GetAppGroup
	ListLogs
)

// Request is one call with its parameters. Which of them a call takes is said by Okta's
// API reference; a zero value is left out.
type Request struct {
	Call   Call
	ID     string // the user (id or login), group or app in the path
	Member string // the user or group in the path of GetAppUser and GetAppGroup
	Filter string // current data, few attributes
	Search string // every attribute, from an index that lags
	Limit  int32
	After  string    // the cursor out of a next link
	Since  time.Time // ListLogs
}

// pattern is the call's path with {id} and {member} for what identifies someone, so that
// it can be shown in errors and logs.
func (c Call) pattern() string {
	switch c {
	case ListUsers:
		return "/api/v1/users"
	case GetUser:
		return "/api/v1/users/{id}"
	case ListGroups:
		return "/api/v1/groups"
	case GetGroup:
		return "/api/v1/groups/{id}"
	case ListGroupUsers:
		return "/api/v1/groups/{id}/users"
	case ListAppUsers:
		return "/api/v1/apps/{id}/users"
	case GetAppUser:
		return "/api/v1/apps/{id}/users/{member}"
	case ListAppGroups:
		return "/api/v1/apps/{id}/groups"
	case GetAppGroup:
		return "/api/v1/apps/{id}/groups/{member}"
	case ListLogs:
		return "/api/v1/logs"
	default:
		return "/"
	}
}

// String returns the request as errors name it, without ids: "GET /api/v1/users/{id}".
func (r Request) String() string { return "GET " + r.Call.pattern() }

// URL returns the request's path and query below the org's base URL, for Clients that
// don't build requests through an SDK.
func (r Request) URL() string {
	path := strings.NewReplacer("{id}", url.PathEscape(r.ID), "{member}", url.PathEscape(r.Member)).Replace(r.Call.pattern())
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("filter", r.Filter)
	set("search", r.Search)
	set("after", r.After)
	if r.Limit > 0 {
		v.Set("limit", strconv.Itoa(int(r.Limit)))
	}
	if !r.Since.IsZero() {
		v.Set("since", r.Since.UTC().Format(time.RFC3339))
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}
