package scimtest

import "time"

// Quirks are standing habits of real servers. Each field is one habit; the zero value
// follows the RFCs. A field of type Behaviour names in its tag what it can be set to.
type Quirks struct {
	// Discovery.

	// NoDiscovery answers 404 to /ServiceProviderConfig, /Schemas and /ResourceTypes.
	NoDiscovery bool
	// DiscoveryArrays answers /Schemas and /ResourceTypes with a bare array.
	DiscoveryArrays bool
	// DiscoveryNoTotals leaves totalResults out of /Schemas and /ResourceTypes.
	DiscoveryNoTotals bool
	// ConfigPlural has /ServiceProviderConfigs (as in SCIM 1.1) and 404 for the singular.
	ConfigPlural bool
	// ConfigNoLimits leaves maxResults, maxOperations and maxPayloadSize out.
	ConfigNoLimits bool
	// ConfigDenies are features said to be unsupported though they work: patch, bulk,
	// filter, sort, etag, changePassword.
	ConfigDenies []string
	// ConfigClaims are features said to be supported though they don't work.
	ConfigClaims []string
	// ConfigOmits are top-level attributes left out of the configuration.
	ConfigOmits []string
	// Version11 is a server of SCIM 1.1: its schemas, and /ServiceProviderConfigs only.
	Version11 bool
	// NoEnterprise has no enterprise extension: its paths are refused, its values ignored.
	NoEnterprise bool

	// Uniqueness.

	// UserNameNotUnique lets users share a userName.
	UserNameNotUnique bool
	// UserNameCaseExact lets users share a userName but for its letter case.
	UserNameCaseExact bool
	// ExternalIDUnique refuses a second object of a kind with the same externalId (409).
	ExternalIDUnique bool
	// GroupNameUnique refuses a second group of the same displayName (409), ignoring case.
	GroupNameUnique bool
	// Race opens a gap of RaceGap between the check of uniqueness and the insertion: allow
	// inserts all racers, fail answers 500 to the losers.
	Race Behaviour `can:"allow,fail"`
	// RaceGap is the length of that gap, default 5ms.
	RaceGap time.Duration
	// RenameConflict is the answer to a change of userName to a taken one.
	RenameConflict Behaviour `can:"allow,fail"`
	// ConflictNoScimType leaves scimType out of 409 answers.
	ConflictNoScimType bool

	// Filters.

	// FilterUserNameCaseExact compares userName in filters with regard to letter case.
	FilterUserNameCaseExact bool
	// FilterExternalID is what a filter of users by externalId does.
	FilterExternalID Behaviour `can:"ignore-case,nothing"`
	// FilterGroupExternalID is what a filter of groups by externalId does.
	FilterGroupExternalID Behaviour `can:"nothing"`
	// FilterEmails is what a filter by an e-mail address does.
	FilterEmails Behaviour `can:"nothing,everything"`
	// FilterUnknown is what a filter by an unknown attribute or operator does.
	FilterUnknown Behaviour `can:"nothing,everything,fail"`
	// FilterAny is what every filter does.
	FilterAny Behaviour `can:"refuse,everything,not-implemented"`
	// FilterEqOnly knows `eq` joined by `and` only and refuses the rest.
	FilterEqOnly bool
	// FilterNoHit is the answer to a filter that finds nothing.
	FilterNoHit Behaviour `can:"not-found,html"`
	// FilterHidesUnmanaged hides objects that no client created from every list, though
	// their names are taken.
	FilterHidesUnmanaged bool

	// Lists.

	// CountZeroReturnsAll answers count=0 with objects.
	CountZeroReturnsAll bool
	// PastEndReturnsAll answers a startIndex past the end with the whole list.
	PastEndReturnsAll bool
	// ItemsPerPageWrong tells the asked count instead of the number of objects given.
	ItemsPerPageWrong bool
	// OmitEmptyResources leaves Resources out of an empty list.
	OmitEmptyResources bool
	// OmitTotalResults leaves totalResults out.
	OmitTotalResults bool
	// TotalResultsOff is added to totalResults of unfiltered lists.
	TotalResultsOff int
	// TotalResultsOfPage tells the number of objects on the page instead of all.
	TotalResultsOfPage bool
	// PagesOverlap makes each page after the first begin with the last object of the one
	// before, so that the last object of the list is never given.
	PagesOverlap bool
	// IgnorePaging answers with the whole list whatever startIndex and count say.
	IgnorePaging bool
	// IgnoreStartIndex answers every page with the first one.
	IgnoreStartIndex bool
	// CursorOnly pages by cursor only and refuses startIndex. It needs Options.Cursors.
	CursorOnly bool
	// TooMany refuses (400 tooMany) a list without count when more objects match than this.
	TooMany int
	// IgnoreAttributes ignores the attributes parameter.
	IgnoreAttributes bool
	// IgnoreExcluded ignores the excludedAttributes parameter.
	IgnoreExcluded bool

	// Answers.

	// PatchUserNoContent answers 204 to a PATCH of a user.
	PatchUserNoContent bool
	// PatchGroupNoContent answers 204 to a PATCH of a group.
	PatchGroupNoContent bool
	// PatchUnchangedNoContent answers 204 to a PATCH that changed nothing.
	PatchUnchangedNoContent bool
	// NoETag gives no versions.
	NoETag bool
	// ETagStrong gives strong versions ("1") instead of weak ones (W/"1").
	ETagStrong bool
	// ETagInMetaOnly tells versions in meta.version and in no header.
	ETagInMetaOnly bool
	// NoContentNoETag leaves the version out of a 204 to a change.
	NoContentNoETag bool
	// IfMatchFails answers 412 though the version is the present one: first to the first
	// such write of each object, precondition to all.
	IfMatchFails Behaviour `can:"first,precondition"`
	// IgnoreIfMatch ignores If-Match.
	IgnoreIfMatch bool
	// IgnoreIfMatchOnPatch ignores If-Match on PATCH only.
	IgnoreIfMatchOnPatch bool
	// DeleteBody answers DELETE with 200 and the object deleted.
	DeleteBody bool
	// DeleteTwice is the answer to the second DELETE of an object.
	DeleteTwice Behaviour `can:"fail"`
	// Location says how Location and meta.location look.
	Location LocationStyle
	// NoMeta gives no meta.
	NoMeta bool
	// IDs says how ids look.
	IDs IDStyle
	// UnsafeIDLost answers 201 without an id when the userName has a `/` or a `?`; the
	// object can then not be deleted (500).
	UnsafeIDLost bool
	// RejectPlainJSON refuses application/json bodies (400).
	RejectPlainJSON bool
	// AnswerType is the content type of answers, default application/scim+json.
	AnswerType string
	// ErrorStatusNumber gives an error's status as a number.
	ErrorStatusNumber bool
	// ErrorNoStatus leaves status out of errors.
	ErrorNoStatus bool
	// UnauthorizedText answers 401 with plain text.
	UnauthorizedText bool
	// UnauthorizedEmpty answers 401 with no body.
	UnauthorizedEmpty bool
	// EchoNulls stores and shows null values.
	EchoNulls bool
	// ActiveAsText shows active as "true" and "false".
	ActiveAsText bool
	// ReadLag is how long after its creation an object cannot be seen (404, not in lists,
	// unknown as a member), though its name is taken.
	ReadLag time.Duration

	// Members.

	// UnknownMember is what an unknown member does: store keeps it, ignore drops it
	// silently, not-found answers 404. The default is 400.
	UnknownMember Behaviour `can:"store,ignore,not-found"`
	// MembersOnCreate is what happens to members in a POST of a group.
	MembersOnCreate Behaviour `can:"ignore"`
	// MembersAlwaysEmpty shows every group with an empty list of members.
	MembersAlwaysEmpty bool
	// MembersNeverShown leaves members out of every answer.
	MembersNeverShown bool
	// MembersShown shows at most this many members of a group; 0: all.
	MembersShown int
	// KeepDeletedMembers leaves deleted users in their groups.
	KeepDeletedMembers bool
	// NoUserGroups gives users no groups attribute.
	NoUserGroups bool
	// MemberAddAgain is the second addition of a member: append makes a duplicate.
	MemberAddAgain Behaviour `can:"append"`
	// MemberAddNoPath is `add` without path and with {members:[…]}.
	MemberAddNoPath Behaviour `can:"refuse,replace,ignore"`
	// MemberAddSingle is `add` of an object instead of an array.
	MemberAddSingle Behaviour `can:"refuse,fail,ignore"`
	// MemberRemoveFilter is `remove` of members[value eq "x"].
	MemberRemoveFilter Behaviour `can:"not-implemented,refuse,ignore"`
	// MemberRemoveValues is `remove` of path members with a value array. The RFCs clear the
	// whole list; select removes the given members only.
	MemberRemoveValues Behaviour `can:"select,refuse,ignore"`
	// MemberRemoveOr is `remove` of members[value eq "a" or value eq "b"].
	MemberRemoveOr Behaviour `can:"refuse,ignore,first,not-implemented"`
	// MemberReplace is `replace` of path members.
	MemberReplace Behaviour `can:"append,not-implemented,refuse"`
	// MemberReplaceEmpty is `replace` of path members with [].
	MemberReplaceEmpty Behaviour `can:"ignore,wedge,not-implemented,refuse"`
	// MemberClear is `remove` of path members without value.
	MemberClear Behaviour `can:"refuse,ignore"`
	// GroupRename is a change of a group's displayName.
	GroupRename Behaviour `can:"refuse,ignore,stale"`
	// GroupRenameNoPath is the same without path.
	GroupRenameNoPath Behaviour `can:"not-implemented,lose,stale,ignore"`
	// MembersPerOp is the most members in one operation; more is 400 invalidValue.
	MembersPerOp int
	// MembersPerRequest is the most members in one request; more is 400.
	MembersPerRequest int
	// MembersPerGroup is the most members of a group; more is 413.
	MembersPerGroup int
	// ConcurrentGroupPatch is the answer to a PATCH of a group while another runs; each
	// PATCH of a group then takes RaceGap.
	ConcurrentGroupPatch Behaviour `can:"precondition,fail"`

	// PATCH and values of users.

	// AbsentValue is `replace` or `add` of a path such as emails[type eq "work"].value when
	// there is no such value. The RFCs answer 400 noTarget.
	AbsentValue Behaviour `can:"create,ignore,not-implemented"`
	// AbsentValueAdd is the same for `add` only, and wins.
	AbsentValueAdd Behaviour `can:"create,ignore,not-implemented"`
	// DottedKey is a key such as "name.familyName" in a value without path; the default
	// refuses it.
	DottedKey Behaviour `can:"coerce,ignore,store"`
	// EnterprisePath is a path into the enterprise extension.
	EnterprisePath Behaviour `can:"ignore,refuse,not-implemented"`
	// EnterpriseKey is a "urn:…:department" key in a value without path; the default takes
	// it as the attribute.
	EnterpriseKey Behaviour `can:"refuse,ignore"`
	// ExtensionObject is a whole extension in a value without path.
	ExtensionObject Behaviour `can:"replace"`
	// BooleanText is "True" or "False" where a boolean belongs; the default refuses it.
	BooleanText Behaviour `can:"coerce,ignore,store,not-found"`
	// ManagerText is a bare id where manager belongs; the default refuses it.
	ManagerText Behaviour `can:"coerce,store"`
	// CapitalOp is an op such as "Replace".
	CapitalOp Behaviour `can:"refuse,not-implemented"`
	// RemoveAbsent is `remove` of an attribute without value.
	RemoveAbsent Behaviour `can:"refuse"`
	// MalformedPath is a path that can't be parsed.
	MalformedPath Behaviour `can:"drop,ignore"`
	// PatchNotAtomic keeps the operations before a failed one.
	PatchNotAtomic bool
	// EmptyString is a string without characters; the default stores it.
	EmptyString Behaviour `can:"refuse"`
	// Clear is the removal of an attribute or its replacement by null.
	Clear Behaviour `can:"refuse,ignore"`
	// UserNameIsMail refuses a userName that is not an ASCII e-mail address.
	UserNameIsMail bool
	// UserNameLowered stores userName in lower case.
	UserNameLowered bool
	// UserNameLength is the longest userName; 0: any.
	UserNameLength int
	// DisplayNameForbids are characters refused in displayName.
	DisplayNameForbids string
	// Required are paths that a user must have, beside userName.
	Required []string
	// RequiredConflict answers 409 instead of 400 when one of Required is missing.
	RequiredConflict bool
	// SingleValues refuses a second e-mail address, phone number or postal address.
	SingleValues bool
	// OpsPerPatch is the most operations in one PATCH; 0: any.
	OpsPerPatch int

	// Verbs.

	// Put is the answer to PUT.
	Put Behaviour `can:"not-allowed,not-implemented,html"`
	// Patch is the answer to PATCH.
	Patch Behaviour `can:"not-allowed,not-implemented,html"`
	// PatchActiveOnly refuses a PATCH of a user's other attributes.
	PatchActiveOnly bool
	// DeleteUser is what DELETE of a user does.
	DeleteUser Behaviour `can:"not-allowed,not-implemented,deactivate"`
	// DisableDeletes deletes a user whose active becomes false.
	DisableDeletes bool
	// BulkBroken is the answer to /Bulk when it is offered.
	BulkBroken Behaviour `can:"refuse,fail,not-implemented,html,ignore"`

	// BulkRefs is what a reference to another operation's bulkId in /Bulk does: refuse
	// answers that operation with 400, store takes it for an id, ignore leaves the value
	// out, first resolves one in each operation and takes the others for ids.
	BulkRefs Behaviour `can:"refuse,store,ignore,first"`

	// Transport.

	// Inactive answers 200 and {} to everything and does nothing.
	Inactive bool
	// RequireQuery is a query that must be part of every request, as when a base URL ends
	// in "?aadOptscim062020"; without it the answer is 404.
	RequireQuery string
	// RequireUserAgent answers 403 to requests without User-Agent.
	RequireUserAgent bool
	// IdleDrop drops the first request on a connection that was idle for longer.
	IdleDrop time.Duration
}

// LocationStyle is how the address of an object looks.
type LocationStyle int

// The styles of locations. The zero value is an absolute URL.
const (
	// LocationOtherPath is an absolute URL below another path than the base path.
	LocationOtherPath LocationStyle = iota + 1
	// LocationRelative is "Users/ID".
	LocationRelative
	// LocationNone gives no Location header and no meta.location.
	LocationNone
)

// IDStyle is how ids look.
type IDStyle int

// The styles of ids. The zero value is a UUID.
const (
	// IDUserName is the userName as it is, unescaped; groups get their displayName.
	IDUserName IDStyle = iota + 1
	// IDNumber is "1", "2", …, for users and groups apart: the same id names one of each.
	IDNumber
	// IDHex is 16 hexadecimal digits.
	IDHex
	// IDLetters is 32 letters and digits.
	IDLetters
)
