package scim_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const (
		connect = "connect and filter users"
		groups  = "filter groups"
		config  = "ServiceProviderConfig"
		schemas = "Schemas"
		types   = "ResourceTypes"
	)
	tests := map[string]struct {
		setup setup
		want  map[string]scim.Status // those that are not Passed
		class sinks.Class
	}{
		"good":               {setup{}, nil, 0},
		"no discovery":       {quirk(scimtest.Quirks{NoDiscovery: true}), map[string]scim.Status{config: scim.Warned, schemas: scim.Warned, types: scim.Warned}, 0},
		"bare arrays":        {quirk(scimtest.Quirks{DiscoveryArrays: true}), nil, 0},
		"patch denied":       {quirk(scimtest.Quirks{ConfigDenies: []string{"patch"}}), map[string]scim.Status{config: scim.Warned}, 0},
		"no enterprise":      {quirk(scimtest.Quirks{NoEnterprise: true}), map[string]scim.Status{schemas: scim.Warned}, 0},
		"filters ignored":    {quirk(scimtest.Quirks{FilterAny: scimtest.Everything}), map[string]scim.Status{connect: scim.Warned, groups: scim.Warned}, 0},
		"no hits is 404":     {quirk(scimtest.Quirks{FilterNoHit: scimtest.NotFound}), map[string]scim.Status{connect: scim.Failed}, sinks.Incompatible},
		"members not shown":  {quirk(scimtest.Quirks{MembersNeverShown: true}), map[string]scim.Status{"members of a group": scim.Warned}, 0},
		"members are hidden": {quirk(scimtest.Quirks{MembersAlwaysEmpty: true}), map[string]scim.Status{"members of a group": scim.Warned}, 0},
		"members not proven": {quirk(scimtest.Quirks{MembersAlwaysEmpty: true, NoUserGroups: true}), nil, 0},
		"overlapping total":  {quirk(scimtest.Quirks{TotalResultsOff: -249}), map[string]scim.Status{"list users": scim.Failed, "list groups": scim.Failed}, sinks.Incompatible},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := tt.setup.start(t)
			populate(srv)
			report, err := sink.Check(t.Context(), scim.Needs{
				Users:  []string{"userName", "externalId", `emails[type eq "work"].value`, enterprisePaths[1]},
				Groups: []string{"displayName"},
			})
			if sinks.ClassOf(err) != tt.class {
				t.Errorf("class %s, want %s: %v", sinks.ClassOf(err), tt.class, err)
			}
			got := map[string]scim.Status{}
			for _, s := range report.Steps {
				if s.Status != scim.Passed {
					got[s.Name] = s.Status
				}
			}
			if len(tt.want) == 0 {
				tt.want = map[string]scim.Status{}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s\n%+v", diff, report.Steps)
			}
			if n := srv.Counts().Writes(); n != 0 {
				t.Errorf("%d writes by a check", n)
			}
		})
	}
}

// TestCheckWrite: the proposal makes the conformance suite pass on a server whose habits
// need it, and nothing is left behind.
func TestCheckWrite(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		quirks scimtest.Quirks
		want   []string
	}{
		"good":                {scimtest.Quirks{}, nil},
		"no hits is 404":      {scimtest.Quirks{FilterNoHit: scimtest.NotFound}, []string{"not_found_is_empty: true"}},
		"PUT only":            {scimtest.Quirks{Patch: scimtest.NotAllowed, ConfigClaims: []string{"patch"}}, []string{"user_update: put", "group_update: put"}},
		"removal by value":    {scimtest.Quirks{MemberRemoveFilter: scimtest.NotImplemented, MemberRemoveValues: scimtest.Select}, []string{"member_removal: value"}},
		"removal by PUT":      {scimtest.Quirks{MemberRemoveFilter: scimtest.NotImplemented}, []string{"member_removal: put"}},
		"removal ignored":     {scimtest.Quirks{MemberRemoveFilter: scimtest.Ignore, MemberRemoveValues: scimtest.Select}, []string{"member_removal: value"}},
		"members shown empty": {scimtest.Quirks{MembersAlwaysEmpty: true}, []string{"members_unreadable: true"}},
		"members never shown": {scimtest.Quirks{MembersNeverShown: true}, []string{"members_unreadable: true"}},
		"members not proven":  {scimtest.Quirks{MembersAlwaysEmpty: true, NoUserGroups: true, FilterAny: scimtest.Everything}, []string{"members_unreadable: true"}},
		"no filter for mail":  {scimtest.Quirks{FilterEmails: scimtest.Nothing}, []string{`filterable: ["userName", "externalId", "id", "group.displayName"]`}},
		"adds duplicate":      {scimtest.Quirks{MemberAddAgain: scimtest.Append}, nil},
		"extension ignored": {scimtest.Quirks{EnterprisePath: scimtest.Ignore}, []string{
			`fixed: ["` + enterprisePaths[1] + `", "` + enterprisePaths[2] + `", "` + enterprisePaths[0] + `"]`,
		}},
		"no clearing":        {scimtest.Quirks{Clear: scimtest.Ignore}, []string{`not_clearable: ["*"]`}},
		"disabling deletes":  {scimtest.Quirks{DisableDeletes: true}, []string{"disable_is_final: true"}},
		"names are fixed":    {scimtest.Quirks{GroupRename: scimtest.Ignore}, []string{`fixed: ["group.displayName"]`}},
		"DELETE disables":    {scimtest.Quirks{DeleteUser: scimtest.Deactivate}, []string{"user_delete: deactivates"}},
		"DELETE not allowed": {scimtest.Quirks{DeleteUser: scimtest.NotAllowed}, []string{"user_delete: unsupported"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := quirk(tt.quirks).start(t)
			out, err := sink.CheckWrite(t.Context())
			if err != nil {
				t.Fatalf("%v\n%+v", err, out)
			}
			if diff := cmp.Diff(tt.want, out.Proposal); diff != "" {
				t.Errorf("proposal (-want +got):\n%s\n%+v", diff, out.Steps)
			}
			if unseen := warned(out.Steps, "members that are not shown"); unseen != tt.quirks.NoUserGroups {
				t.Errorf("unproven members reported: %t\n%+v", unseen, out.Steps)
			}
			if users, groups, _ := srv.Len(); users != len(out.LeftBehind) || groups != 0 {
				t.Errorf("%d users and %d groups are left, named %v", users, groups, out.LeftBehind)
			}
		})
	}
}

// warned reports whether a step ended in a warning.
func warned(steps []scim.Step, name string) bool {
	return slices.ContainsFunc(steps, func(s scim.Step) bool { return s.Name == name && s.Status == scim.Warned })
}
