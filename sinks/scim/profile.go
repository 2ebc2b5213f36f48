package scim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
)

// Profile is a dialect: how an application departs from RFC 7644, as data. The fields
// say what to do, not who needs it; docs/sinks.md gives the source of every setting.
//
// What counts, first to last: the configuration's override, the named profile, the
// application's ServiceProviderConfig. That document is known to lie in both directions,
// so it never switches a feature off; it only lowers the page size, offers bulk and
// versions and, when PATCH was just refused, may confirm that PUT has to be used.
type Profile struct {
	Name string

	// UserUpdate and GroupUpdate are the verbs of changes.
	UserUpdate, GroupUpdate UpdateVerb
	// PatchForm is the shape of a PATCH of plain attributes.
	PatchForm PatchForm
	// EntryOp is the first operation tried on one entry of a multi-valued attribute,
	// which may not exist yet: "replace" or "add".
	EntryOp string
	// MemberRemoval is the way a member leaves a group.
	MemberRemoval MemberRemoval
	// MembersPerRequest is the most member changes in one request.
	MembersPerRequest int
	// MembersOnCreate says whether members go into the POST of a group.
	MembersOnCreate bool
	// MembersUnreadable is set where the members of a group are never shown.
	MembersUnreadable bool

	// Paging is the style of lists, PageSize the count asked for.
	Paging   Paging
	PageSize int
	// Filterable are the attributes usable in `eq` filters, a group's with `group.`
	// before them; empty: all. Others are looked for by reading the list.
	Filterable []string
	// CaseExact are attributes whose values differ by letter case alone, over RFC 7643's
	// externalId and id; CaseIgnored are those whose case means nothing after all.
	CaseExact, CaseIgnored []string
	// NotFoundIsEmpty is set where a filter without hits is answered with a SCIM 404.
	NotFoundIsEmpty bool

	// DisableIsFinal is set where a disabled account can't be enabled again.
	DisableIsFinal bool
	// UserDelete says what DELETE does to a user.
	UserDelete DeleteEffect

	// NotClearable are attributes that can't be removed once set ("*": none can), Fixed
	// those that can't be changed after creation (`group.` before a group's).
	NotClearable, Fixed []string
	// Required are attributes of users without which a POST is refused.
	Required []string
	// SingleValued are multi-valued attributes of which one value is taken: the entry
	// of type work, or the primary one.
	SingleValued []string
	// Unechoed are attributes whose value in an answer says nothing, since the
	// application rewrites it or applies it later.
	Unechoed []string
	// RejectedConflicts are words in a 409 that mean something else than a duplicate.
	RejectedConflicts []string

	// ThrottleStatus are further status codes that mean "too many requests".
	ThrottleStatus []int
	// IfMatch says whether writes depend on the object's version.
	IfMatch IfMatch
	// NoBulk keeps from /Bulk (RFC 7644 section 3.7) though the application offers it.
	NoBulk bool
	// Concurrency is the most requests worth having under way; 0: no opinion.
	Concurrency int
	// Budgets are the application's published rates.
	Budgets []Budget
}

// UpdateVerb says how changes of an object are sent.
type UpdateVerb string

// The verbs of changes.
const (
	// UpdatePatch sends what changed.
	UpdatePatch UpdateVerb = "patch"
	// UpdatePut reads the object, merges the changes and sends it whole.
	UpdatePut UpdateVerb = "put"
	// UpdatePatchActive patches `active`, the only attribute the application can change.
	UpdatePatchActive UpdateVerb = "patch_active"
)

// PatchForm is the shape of PATCH operations on attributes without a value filter.
type PatchForm string

// The shapes of PATCH.
const (
	// FormPath sends one operation with a path per attribute (RFC 7644 section 3.5.2).
	FormPath PatchForm = "path"
	// FormObject sends top-level attributes in one operation without a path, as Okta does.
	FormObject PatchForm = "object"
)

// MemberRemoval is the way a member is taken out of a group.
type MemberRemoval string

// The ways to remove members.
const (
	// RemoveByFilter sends `members[value eq "id"]`, one operation per member.
	RemoveByFilter MemberRemoval = "filter"
	// RemoveByValue sends path `members` with the members as value. Strict servers
	// empty the whole group on it, so its first use is read back.
	RemoveByValue MemberRemoval = "value"
	// RemoveByPut sends the whole group with PUT.
	RemoveByPut MemberRemoval = "put"
)

// Paging is the style of a list.
type Paging string

// The styles of lists.
const (
	// PageByIndex: startIndex and count, RFC 7644 section 3.4.2.4.
	PageByIndex Paging = "index"
	// PageByCursor: cursor and count, RFC 9865.
	PageByCursor Paging = "cursor"
	// PageNone: one answer has everything.
	PageNone Paging = "none"
)

// DeleteEffect is what DELETE does to a user.
type DeleteEffect string

// The effects of DELETE.
const (
	// DeleteRemoves: the account is gone.
	DeleteRemoves DeleteEffect = "removes"
	// DeleteDeactivates: the account stays, disabled.
	DeleteDeactivates DeleteEffect = "deactivates"
	// DeleteUnsupported: users can't be deleted over SCIM.
	DeleteUnsupported DeleteEffect = "unsupported"
)

// IfMatch says when a write carries the version of the object it changes (RFC 7644
// section 3.14).
type IfMatch string

// The uses of versions.
const (
	// IfMatchTold goes by the ServiceProviderConfig.
	IfMatchTold IfMatch = "told"
	// IfMatchAlways sends every version that the application told.
	IfMatchAlways IfMatch = "always"
	// IfMatchNever sends none.
	IfMatchNever IfMatch = "never"
)

// Budget is a rate an application allows: N requests per Per, with bursts of at most
// Burst (0: N).
type Budget struct {
	// Methods the budget covers; empty: all.
	Methods []string
	// Resource the budget covers; 0: both.
	Resource sinks.Resource
	// MinBytes is the smallest request body the budget covers.
	MinBytes int
	N        int
	Per      time.Duration
	Burst    int
}

// Covers reports whether a request to the application spends the budget. A Sink does not
// keep budgets itself: they are shared by all that send to the application.
func (b Budget) Covers(r *http.Request) bool {
	return (len(b.Methods) == 0 || slices.Contains(b.Methods, r.Method)) &&
		(b.Resource == 0 || b.Resource == resourceOf(r.URL.Path)) && r.ContentLength >= int64(b.MinBytes)
}

// resourceOf is the resource whose endpoint a path ends in, or in whose endpoint it lies;
// 0: neither.
func resourceOf(path string) sinks.Resource {
	parts := strings.Split(path, "/")
	for _, part := range parts[max(0, len(parts)-2):] {
		switch part {
		case "Users":
			return sinks.User
		case "Groups":
			return sinks.Group
		}
	}
	return 0
}

// problems lists the settings that make no sense.
func (p Profile) problems() []sinks.Problem {
	var out []sinks.Problem
	word := func(key, got string, allowed ...string) {
		if !slices.Contains(allowed, got) {
			out = append(out, sinks.Problem{Key: "override." + key, Message: fmt.Sprintf("%q is not one of %s", got, strings.Join(allowed, ", "))})
		}
	}
	word("user_update", string(p.UserUpdate), "patch", "put", "patch_active")
	word("group_update", string(p.GroupUpdate), "patch", "put")
	word("patch_form", string(p.PatchForm), "path", "object")
	word("entry_op", p.EntryOp, "replace", "add")
	word("member_removal", string(p.MemberRemoval), "filter", "value", "put")
	word("paging", string(p.Paging), "index", "cursor", "none")
	word("if_match", string(p.IfMatch), "told", "always", "never")
	word("user_delete", string(p.UserDelete), "removes", "deactivates", "unsupported")
	atLeastOne := func(key string, n int) {
		if n < 1 {
			out = append(out, sinks.Problem{Key: "override." + key, Message: "must be at least 1"})
		}
	}
	atLeastOne("members_per_request", p.MembersPerRequest)
	atLeastOne("page_size", p.PageSize)
	if p.MembersUnreadable && p.MemberRemoval == RemoveByPut {
		out = append(out, sinks.Problem{Key: "override.member_removal", Message: "put sends all members, which can't be known when members are unreadable"})
	}
	return out
}

// update is the verb for a resource.
func (p Profile) update(r sinks.Resource) UpdateVerb {
	if r == sinks.Group {
		return p.GroupUpdate
	}
	return p.UserUpdate
}

// filterable reports whether a filter on the attribute can be trusted.
func (p Profile) filterable(r sinks.Resource, a path) bool {
	return len(p.Filterable) == 0 || listedFor(r, p.Filterable, a)
}

// caseExact reports whether letter case tells values of the attribute apart.
func (p Profile) caseExact(a path) bool {
	if listed(p.CaseIgnored, a) {
		return false
	}
	return listed(p.CaseExact, a) || listed([]string{"id", sinks.PathExternalID}, a)
}

// fixed reports whether the attribute can't be changed after creation.
func (p Profile) fixed(r sinks.Resource, a path) bool {
	if p.update(r) == UpdatePatchActive && !strings.EqualFold(a.String(), sinks.PathActive) {
		return true
	}
	return listedFor(r, p.Fixed, a)
}

// listedFor is listed with `group.` before the attributes of groups.
func listedFor(r sinks.Resource, list []string, a path) bool {
	for _, entry := range list {
		name, group := strings.CutPrefix(entry, "group.")
		if group == (r == sinks.Group) && listed([]string{name}, a) {
			return true
		}
	}
	return false
}

// listed reports whether a list names the attribute: by its path, by its attribute
// alone, or by "*".
func listed(list []string, a path) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		return s == "*" || strings.EqualFold(s, a.String()) || strings.EqualFold(s, a.attr)
	})
}

// rfc7644 is the default profile.
func rfc7644() Profile {
	return Profile{
		Name:              "rfc7644",
		UserUpdate:        UpdatePatch,
		GroupUpdate:       UpdatePatch,
		PatchForm:         FormPath,
		EntryOp:           "replace",
		MemberRemoval:     RemoveByFilter,
		MembersPerRequest: 100,
		MembersOnCreate:   true,
		Paging:            PageByIndex,
		PageSize:          100,
		UserDelete:        DeleteRemoves,
		IfMatch:           IfMatchTold,
	}
}
