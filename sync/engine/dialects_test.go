package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// habit is one way of real servers, the settings that fit it, and how the story may end.
type habit struct {
	quirks   scimtest.Quirks
	override scim.Override
	// refused is set where something can't be had from such a server: then cycles may end
	// with objects in escrow, each with a code and advice.
	refused bool
	// reported is set where a value may be missing if the log warns of it.
	reported bool
	max      int // results in a page
}

func plain(q scimtest.Quirks) habit   { return habit{quirks: q} }
func refused(q scimtest.Quirks) habit { return habit{quirks: q, refused: true} }

// habits has a row for each row of the tables of measured servers: discovery, uniqueness,
// filters, lists, answers, forms of member changes, traps of PATCH.
func habits() map[string]habit {
	byValue, put, filterable := scim.RemoveByValue, scim.UpdatePut, []string{"userName", "group.displayName"}
	return map[string]habit{
		"no discovery":                  plain(scimtest.Quirks{NoDiscovery: true}),
		"discovery in bare arrays":      plain(scimtest.Quirks{DiscoveryArrays: true}),
		"claims bulk and has none":      plain(scimtest.Quirks{ConfigClaims: []string{"bulk"}}),
		"denies filters":                plain(scimtest.Quirks{ConfigDenies: []string{"filter", "patch"}}),
		"small pages":                   {max: 7},
		"user names not unique":         plain(scimtest.Quirks{UserNameNotUnique: true}),
		"user names unique by case":     plain(scimtest.Quirks{UserNameCaseExact: true}),
		"external ids unique":           plain(scimtest.Quirks{ExternalIDUnique: true}),
		"group names unique":            plain(scimtest.Quirks{GroupNameUnique: true}),
		"conflicts without type":        plain(scimtest.Quirks{ConflictNoScimType: true, GroupNameUnique: true}),
		"racers all inserted":           plain(scimtest.Quirks{Race: scimtest.Allow}),
		"racers fail":                   plain(scimtest.Quirks{Race: scimtest.Fail}),
		"userName filter by case":       plain(scimtest.Quirks{FilterUserNameCaseExact: true}),
		"externalId filter finds none":  plain(scimtest.Quirks{FilterExternalID: scimtest.Nothing, FilterGroupExternalID: scimtest.Nothing}),
		"externalId filter folds":       plain(scimtest.Quirks{FilterExternalID: scimtest.IgnoreCase}),
		"mail filter shows everybody":   plain(scimtest.Quirks{FilterEmails: scimtest.Everything}),
		"mail filter finds none":        plain(scimtest.Quirks{FilterEmails: scimtest.Nothing}),
		"every filter shows everybody":  plain(scimtest.Quirks{FilterAny: scimtest.Everything}),
		"filters refused":               plain(scimtest.Quirks{FilterAny: scimtest.Refuse}),
		"unknown filters show all":      plain(scimtest.Quirks{FilterUnknown: scimtest.Everything}),
		"unknown filters fail":          plain(scimtest.Quirks{FilterUnknown: scimtest.Fail}),
		"no hit is 404":                 {quirks: scimtest.Quirks{FilterNoHit: scimtest.NotFound}, override: scim.Override{NotFoundIsEmpty: new(true)}},
		"excludedAttributes ignored":    plain(scimtest.Quirks{IgnoreExcluded: true, IgnoreAttributes: true}),
		"PATCH answers 204":             plain(scimtest.Quirks{PatchUserNoContent: true, PatchGroupNoContent: true}),
		"204 when nothing changed":      plain(scimtest.Quirks{PatchUnchangedNoContent: true}),
		"If-Match ignored":              plain(scimtest.Quirks{IgnoreIfMatch: true, NoETag: true}),
		"DELETE with a body":            plain(scimtest.Quirks{DeleteBody: true}),
		"second DELETE fails":           plain(scimtest.Quirks{DeleteTwice: scimtest.Fail}),
		"location elsewhere":            plain(scimtest.Quirks{Location: scimtest.LocationOtherPath}),
		"location relative":             plain(scimtest.Quirks{Location: scimtest.LocationRelative}),
		"no location, no meta":          plain(scimtest.Quirks{Location: scimtest.LocationNone, NoMeta: true}),
		"ids are names":                 plain(scimtest.Quirks{IDs: scimtest.IDUserName}),
		"ids are numbers":               plain(scimtest.Quirks{IDs: scimtest.IDNumber}),
		"application/json refused":      plain(scimtest.Quirks{RejectPlainJSON: true}),
		"unknown members kept":          plain(scimtest.Quirks{UnknownMember: scimtest.Store, KeepDeletedMembers: true}),
		"unknown members dropped":       plain(scimtest.Quirks{UnknownMember: scimtest.Ignore}),
		"unknown members 404":           plain(scimtest.Quirks{UnknownMember: scimtest.NotFound}),
		"members lost on create":        plain(scimtest.Quirks{MembersOnCreate: scimtest.Ignore}),
		"members shown empty":           {quirks: scimtest.Quirks{MembersAlwaysEmpty: true}, override: scim.Override{MembersUnreadable: new(true)}},
		"members never shown":           {quirks: scimtest.Quirks{MembersNeverShown: true}, override: scim.Override{MembersUnreadable: new(true)}},
		"members shown empty, unset":    plain(scimtest.Quirks{MembersAlwaysEmpty: true}),
		"members shown empty, no proof": refused(scimtest.Quirks{MembersAlwaysEmpty: true, NoUserGroups: true, FilterAny: scimtest.Refuse}),
		"deleted users stay members":    plain(scimtest.Quirks{KeepDeletedMembers: true, NoUserGroups: true}),
		"added again is doubled":        plain(scimtest.Quirks{MemberAddAgain: scimtest.Append}),
		"add without path refused":      plain(scimtest.Quirks{MemberAddNoPath: scimtest.Refuse, MemberAddSingle: scimtest.Refuse}),
		"removal by value only":         {quirks: scimtest.Quirks{MemberRemoveFilter: scimtest.NotImplemented, MemberRemoveValues: scimtest.Select}, override: scim.Override{MemberRemoval: &byValue}},
		"removal by value only, unset":  refused(scimtest.Quirks{MemberRemoveFilter: scimtest.NotImplemented, MemberRemoveValues: scimtest.Select}),
		"removal by value clears":       {override: scim.Override{MemberRemoval: &byValue}, refused: true},
		"removal ignored":               refused(scimtest.Quirks{MemberRemoveFilter: scimtest.Ignore}),
		"replace of members appends":    plain(scimtest.Quirks{MemberReplace: scimtest.Append, MemberReplaceEmpty: scimtest.Wedge, MemberClear: scimtest.Ignore}),
		"rename without path lost":      plain(scimtest.Quirks{GroupRenameNoPath: scimtest.Lose}),
		"100 members an operation":      plain(scimtest.Quirks{MembersPerOp: 100}),
		"concurrent PATCH is 412":       plain(scimtest.Quirks{ConcurrentGroupPatch: scimtest.Precondition}),
		"concurrent PATCH fails":        plain(scimtest.Quirks{ConcurrentGroupPatch: scimtest.Fail}),
		"absent entry created":          plain(scimtest.Quirks{AbsentValue: scimtest.Create}),
		"absent entry ignored":          plain(scimtest.Quirks{AbsentValue: scimtest.Ignore}),
		"absent entry answered 501":     refused(scimtest.Quirks{AbsentValue: scimtest.NotImplemented}),
		"dotted keys stored":            plain(scimtest.Quirks{DottedKey: scimtest.Store}),
		"extension ignored":             {quirks: scimtest.Quirks{EnterprisePath: scimtest.Ignore}, refused: true, reported: true},
		"extension answered 501":        refused(scimtest.Quirks{EnterprisePath: scimtest.NotImplemented}),
		"extension key refused":         plain(scimtest.Quirks{EnterpriseKey: scimtest.Refuse, ExtensionObject: scimtest.Replace}),
		"booleans as text stored":       plain(scimtest.Quirks{BooleanText: scimtest.Store, ManagerText: scimtest.Store}),
		"capital ops answered 501":      plain(scimtest.Quirks{CapitalOp: scimtest.NotImplemented}),
		"removal of nothing refused":    plain(scimtest.Quirks{RemoveAbsent: scimtest.Refuse}),
		"taken names fail with 500":     plain(scimtest.Quirks{RenameConflict: scimtest.Fail}),
		"taken names allowed":           plain(scimtest.Quirks{RenameConflict: scimtest.Allow, UserNameNotUnique: true}),
		"malformed paths drop":          plain(scimtest.Quirks{MalformedPath: scimtest.Drop}),
		"not atomic":                    plain(scimtest.Quirks{PatchNotAtomic: true}),
		"nulls echoed":                  plain(scimtest.Quirks{EchoNulls: true}),
		"empty texts refused":           plain(scimtest.Quirks{EmptyString: scimtest.Refuse}),
		"names must be addresses":       plain(scimtest.Quirks{UserNameIsMail: true}),
		"clearing ignored":              refused(scimtest.Quirks{Clear: scimtest.Ignore}),
		"clearing refused":              refused(scimtest.Quirks{Clear: scimtest.Refuse}),
		"PATCH missing, PUT set":        {quirks: scimtest.Quirks{Patch: scimtest.NotImplemented}, override: scim.Override{UserUpdate: &put, GroupUpdate: &put}},
		"PATCH missing, unset":          refused(scimtest.Quirks{Patch: scimtest.NotAllowed, ConfigClaims: []string{"patch"}}),
		"count=0 shows everybody":       plain(scimtest.Quirks{CountZeroReturnsAll: true}),
		"past the end shows everybody":  plain(scimtest.Quirks{PastEndReturnsAll: true}),
		"itemsPerPage lies":             plain(scimtest.Quirks{ItemsPerPageWrong: true}),
		"no Resources in an empty list": plain(scimtest.Quirks{OmitEmptyResources: true}),
		"totals of the page":            {quirks: scimtest.Quirks{TotalResultsOfPage: true, NoDiscovery: true}, max: 10},
		"errors with numbers":           plain(scimtest.Quirks{ErrorStatusNumber: true}),
		"errors without status":         plain(scimtest.Quirks{ErrorNoStatus: true}),
		"agent required":                plain(scimtest.Quirks{RequireUserAgent: true}),
		"types without totals":          plain(scimtest.Quirks{DiscoveryNoTotals: true}),
		"unknown filters find none":     plain(scimtest.Quirks{FilterUnknown: scimtest.Nothing}),
		"a list needs count":            plain(scimtest.Quirks{TooMany: 10}),
		"If-Match ignored on PATCH":     plain(scimtest.Quirks{IgnoreIfMatchOnPatch: true}),
		"add without path replaces":     plain(scimtest.Quirks{MemberAddNoPath: scimtest.Replace, MemberAddSingle: scimtest.Fail}),
		"add without path ignored":      plain(scimtest.Quirks{MemberAddNoPath: scimtest.Ignore, MemberAddSingle: scimtest.Ignore}),
		"removal by filter refused":     refused(scimtest.Quirks{MemberRemoveFilter: scimtest.Refuse}),
		"removal by `or` refused":       plain(scimtest.Quirks{MemberRemoveOr: scimtest.Refuse}),
		"removal by `or` ignored":       plain(scimtest.Quirks{MemberRemoveOr: scimtest.Ignore}),
		"removal by `or` takes one":     plain(scimtest.Quirks{MemberRemoveOr: scimtest.First}),
		"replace of members missing":    plain(scimtest.Quirks{MemberReplace: scimtest.NotImplemented, MemberReplaceEmpty: scimtest.NotImplemented}),
		"replace by none ignored":       plain(scimtest.Quirks{MemberReplaceEmpty: scimtest.Ignore, MemberClear: scimtest.Refuse}),
		"rename leaves the list stale":  plain(scimtest.Quirks{GroupRename: scimtest.Stale}),
		"rename without path missing":   plain(scimtest.Quirks{GroupRenameNoPath: scimtest.NotImplemented}),
		"absent entry created by add":   plain(scimtest.Quirks{AbsentValueAdd: scimtest.Create}),
		"dotted keys applied":           plain(scimtest.Quirks{DottedKey: scimtest.Coerce, ManagerText: scimtest.Coerce}),
		"dotted keys ignored":           plain(scimtest.Quirks{DottedKey: scimtest.Ignore}),
		"extension refused":             refused(scimtest.Quirks{EnterprisePath: scimtest.Refuse}),
		"extension unknown":             {quirks: scimtest.Quirks{NoEnterprise: true}, refused: true, reported: true},
		"booleans as text coerced":      plain(scimtest.Quirks{BooleanText: scimtest.Coerce}),
		"booleans as text ignored":      plain(scimtest.Quirks{BooleanText: scimtest.Ignore}),
		"booleans as text 404":          plain(scimtest.Quirks{BooleanText: scimtest.NotFound}),
		"malformed paths ignored":       plain(scimtest.Quirks{MalformedPath: scimtest.Ignore}),
		"members unfiltered": {
			quirks:   scimtest.Quirks{FilterExternalID: scimtest.Nothing, FilterEmails: scimtest.Nothing},
			override: scim.Override{Filterable: &filterable},
		},
	}
}

const townsfolk = 30

// TestHabits plays a short life of a directory against every habit: people and a group are
// made, changed, cleared, disabled, enabled and deleted, members come and go. Each ends
// with an app that holds what the directory holds and a cycle that sends nothing; or with
// objects in escrow that say why, and then nothing else is wrong.
func TestHabits(t *testing.T) {
	t.Parallel()
	for name, h := range habits() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{
				app: scimtest.Options{Quirks: h.quirks, MaxResults: h.max}, sink: scim.Config{Override: h.override},
				policy: func(p *plan.Policy) { p.Deleted, p.MaxCount, p.MaxPercent = plan.Delete, 1000, 100 },
			})
			for i := range 6 { // some have accounts already
				r.app.AddUser(map[string]any{"userName": fmt.Sprintf("user%d@example.com", townsfolk-6+i), "externalId": fmt.Sprint("old", i), "active": true})
			}
			r.life(t, h)
		})
	}
}

// life tells the story; want is by user what the app must show in the end.
func (r *rig) life(t *testing.T, h habit) {
	t.Helper()
	r.fill(townsfolk)
	r.dir.PutGroup(group(1, 0, 1, 2, 3))
	r.step(t, h)
	r.dir.PutUser(user(0, "title", "Director"))
	r.dir.PutUser(user(1, "title", nil))
	r.dir.PutUser(user(2, "active", false))
	r.dir.PutUser(user(4, "userName", "renamed4@example.com"))
	r.dir.PutUser(user(5, "department", "Sales"))
	r.dir.PutGroup(group(1, 1, 2, 3, 4, 5))
	r.step(t, h)
	r.dir.PutUser(user(2))
	r.dir.RemoveUser("u3", sources.RemovedHard)
	renamed := group(1, 1, 2, 4)
	renamed.DisplayName, renamed.Attributes["displayName"] = "Renamed", "Renamed"
	r.dir.PutGroup(renamed)
	r.step(t, h)
	stuck := map[string]bool{}
	for _, e := range r.escrow() {
		stuck[e.SourceID] = true
		if e.Code == "" || e.Advice == "" || e.Message == "" {
			t.Errorf("escrow of %s does not say why: %+v", e.SourceID, e)
		}
	}
	if len(stuck) > 0 != h.refused {
		t.Errorf("in escrow: %v, refusals expected: %t", r.escrow(), h.refused)
	}
	r.lived(t, h, stuck)
	r.run(status(h), engine.Request{})
	equal(t, "requests when all is done", r.app.Counts().Writes(), 0)
}

func status(h habit) string {
	if h.refused {
		return "partial"
	}
	return "succeeded"
}

// step runs cycles until what waits was tried again.
func (r *rig) step(t *testing.T, h habit) {
	t.Helper()
	for range 2 {
		c, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual"})
		must(t, err)
		if c.Status != "succeeded" && (c.Status != "partial" || !h.refused) {
			t.Fatalf("cycle ended %s: %+v, escrow %+v", c.Status, c.Error, r.escrow())
		}
	}
	r.now = r.now.Add(time.Hour)
}

// lived demands that the app shows the end of the story, but for what is in escrow.
func (r *rig) lived(t *testing.T, h habit, stuck map[string]bool) {
	t.Helper()
	r.onePerPerson(t, "in the end")
	for i := range townsfolk {
		u := r.account(i)
		switch {
		case stuck[fmt.Sprintf("u%d", i)]:
		case i == 3 && u != nil:
			t.Errorf("u3 left and has an account: %+v", u)
		case i != 3 && u == nil:
			t.Errorf("u%d has no account", i)
		case u != nil:
			r.lives(t, i, u, h.reported && r.warned(i))
		}
	}
	if stuck["g1"] {
		return
	}
	if g := r.app.GroupsNamed("Renamed"); len(g) != 1 {
		t.Errorf("groups called Renamed: %v", g)
	}
	equal(t, "members", r.members(1), []string{"u1", "u2", "u4"})
}

// warned says whether the log has a warning that the department of a person was not taken.
func (r *rig) warned(i int) bool {
	r.t.Helper()
	j, err := r.store.Job(r.t.Context(), r.job.Name)
	must(r.t, err)
	logs, err := r.store.Logs(r.t.Context(), j.ID, provlog.Filter{Identity: fmt.Sprintf("u%d", i), Status: provlog.StatusWarning, Limit: 50})
	must(r.t, err)
	return slices.ContainsFunc(logs, func(l state.Logged) bool { return strings.Contains(l.Error.Message, department) })
}

func (r *rig) lives(t *testing.T, i int, u *scimtest.User, noDepartment bool) {
	t.Helper()
	title, dept, name := any("Engineer"), any("R&D"), fmt.Sprintf("user%d@example.com", i)
	switch i {
	case 0:
		title = "Director"
	case 1:
		title = nil
	case 4:
		name = "renamed4@example.com"
	case 5:
		dept = "Sales"
	}
	if noDepartment {
		dept = u.Values[department]
	}
	equal(t, fmt.Sprintf("u%d", i), []any{u.UserName, u.Active, u.Values["title"], u.Values[department]}, []any{name, true, title, dept})
}

// TestAppThatDoesNothing: a switched-off app answers 200 and {} to everything. Whether it is
// so from the start or in the middle of a job's life, cycles fail with a code, nobody is
// taken for provisioned or gone, and all is made up for when the app is back.
func TestAppThatDoesNothing(t *testing.T) {
	for _, from := range []int{0, 1} {
		t.Run(fmt.Sprintf("after %d cycles", from), func(t *testing.T) {
			r := newRig(t, options{policy: func(p *plan.Policy) { p.Deleted, p.MaxCount, p.MaxPercent = plan.Delete, 1000, 100 }})
			r.fill(townsfolk)
			r.dir.PutGroup(group(1, 0, 1, 2, 3))
			for range from {
				r.run("succeeded", engine.Request{})
			}
			before := len(r.app.Users())
			r.app.Inject(scimtest.Fault{Status: 200, Body: "{}"})
			r.dir.PutUser(user(0, "title", "Director"))
			r.dir.RemoveUser("u3", sources.RemovedHard)
			r.dir.PutGroup(group(1, 0, 1, 2))
			for _, full := range []bool{false, true} {
				c, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual", Reconcile: full})
				must(t, err)
				if c.Status == "succeeded" || c.Status == "failed" && (c.Error == nil || c.Error.Code == "") {
					t.Errorf("a cycle that had no effect ended %s: %+v", c.Status, c.Error)
				}
			}
			equal(t, "accounts meanwhile", len(r.app.Users()), before)
			for _, e := range r.escrow() {
				if e.Code == "" || e.Advice == "" {
					t.Errorf("escrow of %s does not say why: %+v", e.SourceID, e)
				}
			}
			r.app.ClearFaults()
			for i := range 3 {
				r.now = r.now.Add(13 * time.Hour)
				_, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual", Reconcile: i > 0})
				must(t, err)
			}
			r.run("succeeded", engine.Request{Reconcile: true})
			equal(t, "writes when all is done", r.app.Counts().Writes(), 0)
			equal(t, "accounts", len(r.app.Users()), townsfolk-1)
			equal(t, "title", r.account(0).Values["title"], any("Director"))
			equal(t, "members", r.members(1), []string{"u0", "u1", "u2"})
		})
	}
}

// TestNameThatLosesTheID: an app answers 201 without an id to a userName with a slash or a
// question mark, and can't delete such an account. It is found and linked by its name,
// never made twice, and its deletion waits in escrow while all others go on.
func TestNameThatLosesTheID(t *testing.T) {
	r := newRig(t, options{
		app:    scimtest.Options{Quirks: scimtest.Quirks{UnsafeIDLost: true}},
		policy: func(p *plan.Policy) { p.Deleted, p.MaxCount, p.MaxPercent = plan.Delete, 1000, 100 },
	})
	r.fill(4)
	r.dir.PutUser(user(1, "userName", "sales/north?@example.com"))
	r.dir.PutGroup(group(1, 0, 1))
	for range 3 {
		_, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual"})
		must(t, err)
		r.onePerPerson(t, "created")
		r.now = r.now.Add(13 * time.Hour)
	}
	equal(t, "members", r.members(1), []string{"u0", "u1"})
	r.run("succeeded", engine.Request{Reconcile: true})
	r.dir.PutUser(user(1, "userName", "sales/north?@example.com", "title", "Director"))
	r.run("succeeded", engine.Request{})
	equal(t, "title", r.account(1).Values["title"], any("Director"))
	r.dir.RemoveUser("u1", sources.RemovedHard)
	r.dir.RemoveUser("u2", sources.RemovedHard)
	r.run("partial", engine.Request{})
	if r.account(2) != nil {
		t.Error("u2 left and has an account")
	}
	if held := r.escrow(); len(held) != 1 || held[0].SourceID != "u1" || held[0].Code == "" {
		t.Errorf("in escrow: %+v; want the deletion of u1, with a code", held)
	}
}
