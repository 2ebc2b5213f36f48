package sdk_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
	"github.com/idpbridge/idpbridge/sources/graph/internal/conformance"
	"github.com/idpbridge/idpbridge/sources/graph/sdk"
)

// seen is a request as it arrived.
type seen struct{ Target, Authorization, Consistency string }

// recorder answers every request with an empty list and keeps what arrived.
func recorder(t *testing.T) (graph.Config, *[]seen) {
	t.Helper()
	var got []seen
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, seen{r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("ConsistencyLevel")})
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"value":[{"id":"1","jobTitle":null}]}`))
	}))
	t.Cleanup(server.Close)
	return graph.Config{BaseURL: server.URL + "/v1.0", Auth: graph.Auth{Type: graph.AuthToken, Token: "tok"}}, &got
}

func newClient(t *testing.T, cfg graph.Config) *sdk.Client {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	client, err := sdk.New(cfg, &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestWire fixes what each operation sends. Links go out byte for byte.
func TestWire(t *testing.T) {
	for _, c := range []struct {
		request graph.Request
		want    string
	}{
		{graph.Request{Op: graph.OpUsersDelta, Select: []string{"id", "mail"}}, "/v1.0/users/delta()?$select=id,mail"},
		{graph.Request{Op: graph.OpUsersDelta, Select: []string{"id"}, Latest: true}, "/v1.0/users/delta?$deltatoken=latest&$select=id"},
		{graph.Request{Op: graph.OpUsersDelta, Link: "/v1.0/users/delta?$deltatoken=a%2Bb_-c%3D&x=1"}, "/v1.0/users/delta?$deltatoken=a%2Bb_-c%3D&x=1"},
		{graph.Request{Op: graph.OpGroupsDelta, Select: []string{"id", "members"}}, "/v1.0/groups/delta()?$select=id,members"},
		{graph.Request{Op: graph.OpGroupsDelta, Link: "/v1.0/groups/delta?$skiptoken=x"}, "/v1.0/groups/delta?$skiptoken=x"},
		{graph.Request{Op: graph.OpAssignments, ID: "sp", Top: 999}, "/v1.0/servicePrincipals/sp/appRoleAssignedTo?$top=999"},
		{graph.Request{Op: graph.OpAssignments, ID: "sp", Link: "/v1.0/servicePrincipals/sp/appRoleAssignedTo?$skiptoken=2"}, "/v1.0/servicePrincipals/sp/appRoleAssignedTo?$skiptoken=2"},
		{
			graph.Request{Op: graph.OpUser, ID: "a_b#EXT#@x.example", Select: []string{"id"}, Expand: "manager($select=id)"},
			"/v1.0/users/a_b%23EXT%23%40x.example?$expand=manager%28$select%3Did%29&$select=id",
		},
		{graph.Request{Op: graph.OpUsers, Filter: "mail eq 'o''x@y'", Select: []string{"id"}}, "/v1.0/users?$filter=mail%20eq%20%27o%27%27x%40y%27&$select=id"},
		{graph.Request{Op: graph.OpMemberOf, ID: "u", Select: []string{"id"}, Top: 999}, "/v1.0/users/u/memberOf?$select=id&$top=999"},
		{graph.Request{Op: graph.OpGroup, ID: "g", Select: []string{"id"}}, "/v1.0/groups/g?$select=id"},
		{graph.Request{Op: graph.OpGroups, Filter: "displayName eq 'A'"}, "/v1.0/groups?$filter=displayName%20eq%20%27A%27"},
		{graph.Request{Op: graph.OpMembers, ID: "g", Select: []string{"id"}, Top: 5}, "/v1.0/groups/g/members?$select=id&$top=5"},
		{graph.Request{Op: graph.OpMembers, ID: "g", Link: "/v1.0/groups/g/members?$skiptoken=x"}, "/v1.0/groups/g/members?$skiptoken=x"},
		{
			graph.Request{Op: graph.OpDeletedUsers, Filter: "mail eq 'a'", Select: []string{"id"}, Advanced: true},
			"/v1.0/directory/deletedItems/microsoft.graph.user?$count=true&$filter=mail%20eq%20%27a%27&$select=id",
		},
	} {
		cfg, got := recorder(t)
		client := newClient(t, cfg)
		if c.request.Link != "" {
			c.request.Link = cfg.BaseURL[:len(cfg.BaseURL)-len("/v1.0")] + c.request.Link
		}
		answer, err := client.Get(t.Context(), c.request)
		if err != nil || answer.Status != http.StatusOK || string(answer.Body) != `{"value":[{"id":"1","jobTitle":null}]}` {
			t.Errorf("%v: %d %s, %v", c.request.Op, answer.Status, answer.Body, err)
		}
		want := seen{Target: c.want, Authorization: "Bearer tok"}
		if c.request.Advanced {
			want.Consistency = "eventual"
		}
		if diff := cmp.Diff([]seen{want}, *got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.request.Op, diff)
		}
	}
}

// TestNoRetry: an answer is handed back at once, whatever it is; retries belong to the
// transport below.
func TestNoRetry(t *testing.T) {
	tenant := graphtest.New(graphtest.Options{Token: conformance.Token})
	cfg := conformance.Serve(t, tenant)
	client := newClient(t, cfg)
	for kind, status := range map[graphtest.FaultKind]int{
		graphtest.Unavailable: 503, graphtest.TooManyRequests: 429, graphtest.BadGateway: 502, graphtest.Unauthorized: 401, graphtest.Gone: 410,
	} {
		tenant.ResetCounts()
		heal := tenant.Inject(graphtest.Fault{Kind: kind, RetryAfter: "120"})
		begin := time.Now()
		answer, err := client.Get(t.Context(), graph.Request{Op: graph.OpUsersDelta, Select: []string{"id"}})
		heal()
		if err != nil || answer.Status != status {
			t.Errorf("fault %d: %d, %v", kind, answer.Status, err)
		}
		if n := tenant.Counts()["GET /users/delta"]; n != 1 {
			t.Errorf("fault %d: %d requests", kind, n)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("fault %d: waited %v", kind, took)
		}
	}
}

// TestRedirect: a redirect is not followed, so that the token stays here.
func TestRedirect(t *testing.T) {
	other, got := recorder(t)
	server := httptest.NewServer(http.RedirectHandler(other.BaseURL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	source := open(t, graph.Config{BaseURL: server.URL, Auth: graph.Auth{Type: graph.AuthToken, Token: "tok"}})
	_, err := source.Read(t.Context(), sources.Query{}, "")
	if sources.ClassOf(err) != sources.Rejected || len(*got) != 0 {
		t.Errorf("class %v, %d requests at the other host: %v", sources.ClassOf(err), len(*got), err)
	}
}

// TestForeignLink: the client itself sends nothing to another host either.
func TestForeignLink(t *testing.T) {
	other, got := recorder(t)
	cfg, _ := recorder(t)
	_, err := newClient(t, cfg).Get(t.Context(), graph.Request{Op: graph.OpUsersDelta, Link: other.BaseURL + "/users/delta?$skiptoken=x"})
	if err == nil || len(*got) != 0 {
		t.Errorf("%d requests at the other host: %v", len(*got), err)
	}
}

// TestCancel: a request ends with its context.
func TestCancel(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	source := open(t, graph.Config{BaseURL: server.URL, Auth: graph.Auth{Type: graph.AuthToken, Token: "tok"}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := source.Read(ctx, sources.Query{}, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestUnreachable: no answer at all has its own class.
func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	cfg := graph.Config{BaseURL: server.URL, Auth: graph.Auth{Type: graph.AuthToken, Token: "tok"}}
	server.Close()
	_, err := open(t, cfg).Read(t.Context(), sources.Query{}, "")
	if sources.ClassOf(err) != sources.Unreachable || sources.HintOf(err) == "" {
		t.Errorf("class %v: %v", sources.ClassOf(err), err)
	}
}
