// Package conformance fits the emulator of Microsoft Graph into the suite that every
// source passes. Two packages run it: graph over a small HTTP client, and sdk over
// Microsoft's.
package conformance

import (
	"maps"
	"net/http/httptest"
	"testing"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
	"github.com/idpbridge/idpbridge/sources/sourcetest"
)

// Token is the bearer token that the emulators of this package ask for.
const Token = "conformance-token"

// App is the id of the application that the suite assigns to.
const App = "d0000000-0000-4000-8000-000000000001"

// Open starts a source that talks to the emulator at a base URL.
type Open func(t testing.TB, cfg graph.Config) *graph.Source

// Run runs the suite, with pages of 5 and 3 members, and once more with a service that
// repeats entries.
func Run(t *testing.T, open Open) {
	t.Helper()
	for name, options := range map[string]graphtest.Options{
		"plain":   {Token: Token, PageSize: 5, MembersPerPage: 3},
		"replays": {Token: Token, PageSize: 5, MembersPerPage: 4, Replays: true},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Harness {
				t.Helper()
				return harness(t, open, options)
			})
		})
	}
}

// Serve starts an emulator and returns the configuration for it.
func Serve(t *testing.T, tenant *graphtest.Tenant) graph.Config {
	t.Helper()
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	return graph.Config{BaseURL: server.URL + "/v1.0", Auth: graph.Auth{Type: graph.AuthToken, Token: Token}}
}

func harness(t *testing.T, open Open, options graphtest.Options) sourcetest.Harness {
	t.Helper()
	tenant := graphtest.New(options)
	tenant.AddApp(App)
	cfg := Serve(t, tenant)
	source := open(t, cfg)
	return sourcetest.Harness{
		Source: source, Finder: source, Title: "jobTitle", App: App,
		Query:       sources.Query{UserAttributes: []string{"jobTitle", "manager"}, GroupAttributes: []string{"displayName"}, Groups: true},
		Reopen:      func() sourcetest.Source { return open(t, cfg) },
		PutUser:     func(p sourcetest.Person) sources.ID { return putUser(tenant, p) },
		RemoveUser:  func(id sources.ID) { tenant.DeleteUser(string(id)) },
		PutGroup:    func(g sourcetest.Team) sources.ID { return putGroup(tenant, g) },
		RemoveGroup: func(id sources.ID) { tenant.DeleteGroup(string(id)) },
		Assign:      func(who sources.Assignment, yes bool) { assign(tenant, who, yes) },
		Fail: func(f sourcetest.Fault) func() {
			return tenant.Inject(graphtest.Fault{Kind: faults()[f]})
		},
		Faults: map[sourcetest.Fault]sources.Class{
			sourcetest.EmptyList:     sources.Incomplete,
			sourcetest.Unavailable:   sources.Transient,
			sourcetest.BadGateway:    sources.Transient,
			sourcetest.CutBody:       sources.Incomplete,
			sourcetest.Unauthorized:  sources.Denied,
			sourcetest.Forbidden:     sources.Denied,
			sourcetest.ExpiredCursor: sources.Expired,
			sourcetest.Endless:       sources.Incomplete,
		},
	}
}

func faults() map[sourcetest.Fault]graphtest.FaultKind {
	return map[sourcetest.Fault]graphtest.FaultKind{
		sourcetest.EmptyList:     graphtest.EmptyValue,
		sourcetest.Unavailable:   graphtest.Unavailable,
		sourcetest.BadGateway:    graphtest.BadGateway,
		sourcetest.CutBody:       graphtest.CutBody,
		sourcetest.Unauthorized:  graphtest.Unauthorized,
		sourcetest.Forbidden:     graphtest.Forbidden,
		sourcetest.ExpiredCursor: graphtest.Gone,
		sourcetest.Endless:       graphtest.SelfLink,
	}
}

func putUser(tenant *graphtest.Tenant, p sourcetest.Person) sources.ID {
	props := graphtest.Props{
		"userPrincipalName": p.UserName, "mail": p.Mail, "displayName": p.DisplayName,
		"accountEnabled": !p.Disabled, "jobTitle": nil,
	}
	if p.Title != "" {
		props["jobTitle"] = p.Title
	}
	if p.ID != "" {
		tenant.UpdateUser(string(p.ID), props)
		return p.ID
	}
	maps.DeleteFunc(props, func(_ string, v any) bool { return v == nil })
	return sources.ID(tenant.AddUser(props))
}

func putGroup(tenant *graphtest.Tenant, g sourcetest.Team) sources.ID {
	members := make([]string, len(g.Members))
	for i, id := range g.Members {
		members[i] = string(id)
	}
	props := graphtest.Props{"displayName": g.Name}
	if g.ID == "" {
		return sources.ID(tenant.AddGroup(props, members...))
	}
	tenant.UpdateGroup(string(g.ID), props)
	tenant.SetMembers(string(g.ID), members...)
	return g.ID
}

func assign(tenant *graphtest.Tenant, who sources.Assignment, yes bool) {
	kind := "User"
	if who.Kind == sources.KindGroup {
		kind = "Group"
	}
	if yes {
		tenant.Assign(App, string(who.ID), kind)
	} else {
		tenant.Unassign(App, string(who.ID))
	}
}
