package scim_test

import (
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sinks/sinktest"
)

func quirk(q scimtest.Quirks) setup { return setup{options: scimtest.Options{Quirks: q}} }

func (u setup) with(o scim.Override) setup { u.config.Override = o; return u }

func (u setup) profile(name string) setup { u.config.Profile = name; return u }

func (u setup) trait(t sinktest.Traits) setup { u.traits = t; return u }

var enterprisePaths = []string{
	sinks.PathManager,
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
}

// overtaken are the traits of an application with versions: a write that somebody else came
// before costs a 412, one look, and the write.
func overtaken() sinktest.Traits {
	return sinktest.Traits{Overtaken: []string{"PATCH 412", "GET 200", "PATCH 200"}}
}

// matrix has the habits under which everything must still end right.
func matrix() map[string]setup {
	byValue, byPut, put := scim.RemoveByValue, scim.RemoveByPut, scim.UpdatePut
	yes, ten := true, 10
	none, cursor := scim.PageNone, scim.PageByCursor
	filterable, always := []string{"userName"}, scim.IfMatchAlways
	return map[string]setup{
		"no discovery":              quirk(scimtest.Quirks{NoDiscovery: true}),
		"discovery in plural":       quirk(scimtest.Quirks{ConfigPlural: true}),
		"config without limits":     quirk(scimtest.Quirks{ConfigNoLimits: true}),
		"config denies everything":  quirk(scimtest.Quirks{ConfigDenies: []string{"patch", "filter", "etag"}}),
		"config omits":              quirk(scimtest.Quirks{ConfigOmits: []string{"patch", "filter", "etag", "bulk"}}),
		"no enterprise schema":      quirk(scimtest.Quirks{NoEnterprise: true}).trait(sinktest.Traits{Unsupported: enterprisePaths}),
		"names not unique":          quirk(scimtest.Quirks{UserNameNotUnique: true}).trait(sinktest.Traits{NamesNotUnique: true}),
		"names unique by case":      quirk(scimtest.Quirks{UserNameCaseExact: true}).trait(sinktest.Traits{CaseSensitiveSearch: true}),
		"conflict without type":     quirk(scimtest.Quirks{ConflictNoScimType: true}),
		"search case-sensitive":     quirk(scimtest.Quirks{FilterUserNameCaseExact: true}).trait(sinktest.Traits{CaseSensitiveSearch: true}),
		"search externalId by fold": quirk(scimtest.Quirks{FilterExternalID: scimtest.IgnoreCase}),
		"filters ignored":           quirk(scimtest.Quirks{FilterAny: scimtest.Everything}),
		"filters ignored, pages":    {options: scimtest.Options{MaxResults: 50, Quirks: scimtest.Quirks{FilterAny: scimtest.Everything}}},
		"mail filter ignored":       quirk(scimtest.Quirks{FilterEmails: scimtest.Everything}),
		"filters refused": quirk(scimtest.Quirks{FilterEqOnly: true, FilterEmails: scimtest.Nothing, FilterExternalID: scimtest.Nothing}).
			with(scim.Override{Filterable: &filterable}),
		"no hit is 404":          quirk(scimtest.Quirks{FilterNoHit: scimtest.NotFound}).with(scim.Override{NotFoundIsEmpty: &yes}),
		"count 0 returns all":    quirk(scimtest.Quirks{CountZeroReturnsAll: true}),
		"past end returns all":   quirk(scimtest.Quirks{PastEndReturnsAll: true}),
		"itemsPerPage lies":      quirk(scimtest.Quirks{ItemsPerPageWrong: true}),
		"no Resources if empty":  quirk(scimtest.Quirks{OmitEmptyResources: true}),
		"no totalResults":        quirk(scimtest.Quirks{OmitTotalResults: true}),
		"no totals, all past":    quirk(scimtest.Quirks{OmitTotalResults: true, PastEndReturnsAll: true}),
		"totals of the page":     {options: scimtest.Options{MaxResults: 50, Quirks: scimtest.Quirks{NoDiscovery: true, TotalResultsOfPage: true}}},
		"paging ignored":         quirk(scimtest.Quirks{IgnorePaging: true}),
		"pages overlap":          quirk(scimtest.Quirks{PagesOverlap: true}),
		"no paging":              quirk(scimtest.Quirks{IgnorePaging: true}).with(scim.Override{Paging: &none}),
		"small pages":            {options: scimtest.Options{MaxResults: 7}},
		"small pages, not told":  {options: scimtest.Options{MaxResults: 7, Quirks: scimtest.Quirks{ConfigNoLimits: true}}},
		"cursors":                setup{options: scimtest.Options{Cursors: true}}.with(scim.Override{Paging: &cursor}),
		"cursors only":           {options: scimtest.Options{Cursors: true, Quirks: scimtest.Quirks{CursorOnly: true}}},
		"list needs count":       quirk(scimtest.Quirks{TooMany: 50}),
		"excluded ignored":       quirk(scimtest.Quirks{IgnoreExcluded: true, IgnoreAttributes: true}),
		"PATCH answers 204":      quirk(scimtest.Quirks{PatchUserNoContent: true, PatchGroupNoContent: true}),
		"204 when unchanged":     quirk(scimtest.Quirks{PatchUnchangedNoContent: true}),
		"no etags":               quirk(scimtest.Quirks{NoETag: true}),
		"etags ignored":          quirk(scimtest.Quirks{IgnoreIfMatch: true}),
		"etags ignored on PATCH": quirk(scimtest.Quirks{IgnoreIfMatchOnPatch: true}),
		"strong etags":           quirk(scimtest.Quirks{ETagStrong: true}).trait(overtaken()),
		"etags in meta only":     quirk(scimtest.Quirks{ETagInMetaOnly: true}).trait(overtaken()),
		"etags always wrong":     quirk(scimtest.Quirks{IfMatchFails: scimtest.Precondition}),
		"etags wrong at first":   quirk(scimtest.Quirks{IfMatchFails: scimtest.First}).trait(overtaken()),
		"etags not told":         quirk(scimtest.Quirks{ConfigOmits: []string{"etag"}}).with(scim.Override{IfMatch: &always}).trait(overtaken()),
		"DELETE has a body":      quirk(scimtest.Quirks{DeleteBody: true}),
		"location elsewhere":     quirk(scimtest.Quirks{Location: scimtest.LocationOtherPath}),
		"location relative":      quirk(scimtest.Quirks{Location: scimtest.LocationRelative}),
		"no location":            quirk(scimtest.Quirks{Location: scimtest.LocationNone, NoMeta: true}),
		"ids are names":          quirk(scimtest.Quirks{IDs: scimtest.IDUserName}),
		"ids are numbers":        quirk(scimtest.Quirks{IDs: scimtest.IDNumber}),
		"ids are hex":            quirk(scimtest.Quirks{IDs: scimtest.IDHex}),
		"plain JSON refused":     quirk(scimtest.Quirks{RejectPlainJSON: true}),
		"answers as text":        quirk(scimtest.Quirks{AnswerType: "text/plain"}),
		"error status a number":  quirk(scimtest.Quirks{ErrorStatusNumber: true}),
		"error without status":   quirk(scimtest.Quirks{ErrorNoStatus: true}),
		"nulls echoed":           quirk(scimtest.Quirks{EchoNulls: true}),
		"unknown members kept":   quirk(scimtest.Quirks{UnknownMember: scimtest.Store, KeepDeletedMembers: true, NoUserGroups: true}),
		"members lost on create": quirk(scimtest.Quirks{MembersOnCreate: scimtest.Ignore}),
		"members shown empty":    quirk(scimtest.Quirks{MembersAlwaysEmpty: true}).with(scim.Override{MembersUnreadable: &yes}),
		"members never shown":    quirk(scimtest.Quirks{MembersNeverShown: true}).with(scim.Override{MembersUnreadable: &yes}),
		"members cut, value form": quirk(scimtest.Quirks{MemberRemoveFilter: scimtest.NotImplemented, MemberRemoveValues: scimtest.Select, MemberRemoveOr: scimtest.Refuse}).
			with(scim.Override{MemberRemoval: &byValue}),
		"adds duplicate":        quirk(scimtest.Quirks{MemberAddAgain: scimtest.Append}),
		"member forms refused":  quirk(scimtest.Quirks{MemberAddNoPath: scimtest.Replace, MemberAddSingle: scimtest.Refuse, MemberRemoveOr: scimtest.First, MemberReplace: scimtest.Append, MemberReplaceEmpty: scimtest.Wedge, MemberClear: scimtest.Ignore, GroupRenameNoPath: scimtest.Lose}),
		"100 members an op":     quirk(scimtest.Quirks{MembersPerOp: 100, MembersPerRequest: 100}),
		"10 members a request":  quirk(scimtest.Quirks{MembersPerRequest: 10}).with(scim.Override{MembersPerRequest: &ten}),
		"absent values created": quirk(scimtest.Quirks{AbsentValue: scimtest.Create}),
		"absent values ignored": quirk(scimtest.Quirks{AbsentValue: scimtest.Ignore}),
		"absent values by add":  quirk(scimtest.Quirks{AbsentValueAdd: scimtest.Create}),
		"texts for booleans":    quirk(scimtest.Quirks{BooleanText: scimtest.Store, ManagerText: scimtest.Store, DottedKey: scimtest.Store, EnterpriseKey: scimtest.Refuse, ExtensionObject: scimtest.Replace}),
		"PUT of users":          quirk(scimtest.Quirks{PatchActiveOnly: true}).with(scim.Override{UserUpdate: &put}),
		"PUT of all":            quirk(scimtest.Quirks{Patch: scimtest.NotAllowed}).with(scim.Override{UserUpdate: &put, GroupUpdate: &put}),
		"PUT of all, no etags":  quirk(scimtest.Quirks{Patch: scimtest.NotImplemented, NoETag: true}).with(scim.Override{UserUpdate: &put, GroupUpdate: &put}),
		"PUT to remove members": quirk(scimtest.Quirks{MemberRemoveFilter: scimtest.NotImplemented, MemberRemoveValues: scimtest.Refuse}).with(scim.Override{MemberRemoval: &byPut}),
		"PATCH missing, told":   quirk(scimtest.Quirks{Patch: scimtest.NotImplemented, ConfigDenies: []string{"patch"}}),
		"no PUT":                quirk(scimtest.Quirks{Put: scimtest.HTML}),
		"query in the base URL": quirk(scimtest.Quirks{RequireQuery: "aadOptscim062020"}),
		"user agent required":   quirk(scimtest.Quirks{RequireUserAgent: true}),
		"names lowered":         quirk(scimtest.Quirks{UserNameLowered: true}),
		"deleted twice fails":   quirk(scimtest.Quirks{DeleteTwice: scimtest.Fail}),
		"clearing twice fails":  quirk(scimtest.Quirks{RemoveAbsent: scimtest.Refuse, PatchNotAtomic: true}),
		"strict about texts":    quirk(scimtest.Quirks{CapitalOp: scimtest.NotImplemented, MalformedPath: scimtest.Drop, EmptyString: scimtest.Refuse}),
		"unknown filters fail":  quirk(scimtest.Quirks{FilterUnknown: scimtest.Fail}),
		"names must be mail":    quirk(scimtest.Quirks{UserNameIsMail: true}),
		"one connection a time": quirk(scimtest.Quirks{ConcurrentGroupPatch: scimtest.Precondition}),
		"aws": setup{options: scimtest.Options{Cursors: true, MaxResults: 100, Quirks: scimtest.Quirks{
			CursorOnly: true, MembersNeverShown: true, MemberRemoveValues: scimtest.Select, MemberClear: scimtest.Refuse, SingleValues: true,
			MembersPerRequest: 100, FilterEqOnly: true, FilterEmails: scimtest.Nothing, Required: []string{"name.givenName", "name.familyName", "displayName"},
		}}}.profile("aws-identity-center").trait(sinktest.Traits{Unsupported: []string{`phoneNumbers[type eq "mobile"].value`}}),
		"sparse directory": quirk(scimtest.Quirks{
			NoDiscovery: true, FilterExternalID: scimtest.Nothing, FilterGroupExternalID: scimtest.Nothing, FilterUnknown: scimtest.Nothing, MembersAlwaysEmpty: true,
			MembersOnCreate: scimtest.Ignore, DeleteBody: true, NoMeta: true, Location: scimtest.LocationNone, EchoNulls: true, IgnoreExcluded: true, ErrorNoStatus: true,
			EnterprisePath: scimtest.Ignore, CountZeroReturnsAll: true, NoETag: true, ConflictNoScimType: true,
		}).with(scim.Override{MembersUnreadable: &yes, Filterable: &filterable}).trait(sinktest.Traits{Unsupported: enterprisePaths}),
		"numbered sample": quirk(scimtest.Quirks{
			IDs: scimtest.IDNumber, FilterExternalID: scimtest.Nothing, FilterGroupExternalID: scimtest.Nothing, MembersOnCreate: scimtest.Ignore, UnknownMember: scimtest.Ignore,
			MemberRemoveFilter: scimtest.NotImplemented, MemberRemoveValues: scimtest.Select, MemberReplace: scimtest.NotImplemented, MemberClear: scimtest.Ignore,
			ErrorStatusNumber: true, UnauthorizedEmpty: true, DiscoveryNoTotals: true, ItemsPerPageWrong: true, IgnoreExcluded: true, ConfigDenies: []string{"filter"},
		}).with(scim.Override{MemberRemoval: &byValue, Filterable: &filterable}),
		"race gap":           quirk(scimtest.Quirks{RaceGap: time.Millisecond}),
		"group names unique": quirk(scimtest.Quirks{GroupNameUnique: true, ExternalIDUnique: true}),
		"entra application":  quirk(scimtest.Quirks{MemberRemoveValues: scimtest.Select, AbsentValueAdd: scimtest.Create}).profile("entra"),
		"okta application":   quirk(scimtest.Quirks{FilterNoHit: scimtest.NotFound, PatchActiveOnly: true}).profile("okta"),
		"google":             quirk(scimtest.Quirks{Put: scimtest.HTML, IgnorePaging: true, NoETag: true}).profile("google-cloud-identity"),
		"active as text":     quirk(scimtest.Quirks{ActiveAsText: true}),
	}
}

// TestMatrix runs the whole conformance suite against one habit after the other: the
// application must end up right with each.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for name, u := range matrix() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sinktest.Run(t, u.harness)
		})
	}
}
