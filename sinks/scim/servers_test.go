package scim_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/config/secret"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/sinktest/npm"
)

// TestBulkOnServers gives groups with their first members, made a moment ago or together
// with them, to independent servers: one that claims to have bulk, one that does not.
func TestBulkOnServers(t *testing.T) {
	for _, software := range []npm.Software{npm.SCIMMY, npm.BetterAuth} {
		t.Run(software.String(), func(t *testing.T) {
			server := npm.Start(t, software)
			sink, err := scim.New(scim.Config{BaseURL: server.BaseURL, Auth: scim.Auth{Type: "bearer", Token: secret.String(server.Token)}}, nil, discard())
			if err != nil {
				t.Fatal(err)
			}
			for round := range 2 {
				ops := crew(round)
				results := sink.DoAll(t.Context(), ops)
				ids := []sinks.ID{results[0].Receipt.ID, results[1].Receipt.ID}
				for i, r := range results {
					if r.Err != nil {
						t.Fatalf("round %d, op %d: %v", round, i, r.Err)
					}
					if i < len(ids) {
						continue
					}
					if !r.Receipt.MembersDone {
						add := sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: r.Receipt.ID, AddMembers: ids}
						if _, err := sink.Do(t.Context(), add); err != nil {
							t.Fatal(err)
						}
					}
					t.Logf("round %d, group %d: members with it: %t", round, i, r.Receipt.MembersDone)
					o, err := sink.Get(t.Context(), sinks.Query{Resource: sinks.Group, Members: true}, r.Receipt.ID)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(slices.Sorted(slices.Values(ids)), slices.Sorted(slices.Values(o.Members))); diff != "" {
						t.Errorf("round %d, group %d (-want +got):\n%s", round, i, diff)
					}
				}
			}
		})
	}
}

// crew makes two accounts and three groups with both of them.
func crew(round int) []sinks.Op {
	var ops []sinks.Op
	for i := range 2 {
		name := fmt.Sprintf("crew%d-%d@example.com", round, i)
		ops = append(ops, sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{
			{Path: "userName", Value: name},
			{Path: "active", Value: true},
			{Path: "displayName", Value: name},
			{Path: "name.givenName", Value: "G"},
			{Path: "name.familyName", Value: "F"},
			{Path: `emails[type eq "work"].value`, Value: name},
		}})
	}
	for i := range 3 {
		ops = append(ops, sinks.Op{
			Action: sinks.Create, Resource: sinks.Group, AddMembers: []sinks.ID{sinks.Made(0), sinks.Made(1)},
			Attributes: []sinks.Attribute{{Path: "displayName", Value: fmt.Sprintf("crew%d-%d", round, i)}},
		})
	}
	return ops
}
