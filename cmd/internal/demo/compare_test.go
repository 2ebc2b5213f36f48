package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// accounts are the people who have, or once had, an account.
type accounts map[*person]bool

// profile is what is compared of an account in use. One that is disabled keeps what it
// had, and nothing more of it is compared.
type profile struct {
	Active                                                               bool
	DisplayName, Given, Family, Mail, Title, Department, Number, Manager string
}

// compare reads the application over SCIM, and holds it against the company.
func compare(t *testing.T, s *site, ever accounts) {
	t.Helper()
	want := map[string]profile{}
	for _, p := range s.company.people {
		if s.provisions(p) && p.status == working {
			ever[p] = true
		}
		if ever[p] {
			want[p.login] = s.expected(p)
		}
	}
	users := map[string]scimUser{}
	got := map[string]profile{}
	for _, u := range list[scimUser](t, s, "/Users") {
		users[u.ID] = u
	}
	for _, u := range users {
		if u.UserName != localAdmin {
			got[u.UserName] = s.found(u, users)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("accounts of the %s (-company +application):\n%s", s.sink, diff)
	}
	compareGroups(t, s, users)
}

// provisions says whether a person is in the job's scope.
func (s *site) provisions(p *person) bool { return !p.guest || s.job == "okta-to-chat" }

func (s *site) expected(p *person) profile {
	if p.status != working {
		return profile{}
	}
	want := profile{
		Active: true, DisplayName: p.name(), Given: p.given, Family: p.family, Mail: p.mail, Title: p.title, Department: p.department,
	}
	if p.number > 0 {
		want.Number = fmt.Sprint(p.number)
	}
	if p.manager != nil {
		want.Manager = p.manager.login
	}
	return want
}

// found is what an account is. In Entra a manager is a reference, here resolved; in Okta
// it is the text that stands there.
func (s *site) found(u scimUser, users map[string]scimUser) profile {
	if !u.Active {
		return profile{}
	}
	got := profile{
		Active: true, DisplayName: u.DisplayName, Given: u.Name.GivenName, Family: u.Name.FamilyName, Title: u.Title,
		Department: u.Enterprise.Department, Number: u.Enterprise.EmployeeNumber, Manager: u.Enterprise.Manager.Value,
	}
	for _, m := range u.Emails {
		got.Mail += m.Value
	}
	if manager, ok := users[got.Manager]; ok && s.job == "entra-to-wiki" {
		got.Manager = manager.UserName
	}
	return got
}

func compareGroups(t *testing.T, s *site, users map[string]scimUser) {
	t.Helper()
	want, got := map[string][]string{}, map[string][]string{}
	for _, g := range s.company.groups {
		names := []string{}
		for _, p := range g.members {
			if p.status == working && s.provisions(p) {
				names = append(names, p.login)
			}
		}
		slices.Sort(names)
		want[g.name] = names
	}
	for _, g := range list[scimGroup](t, s, "/Groups") {
		names := []string{}
		for _, m := range g.Members {
			names = append(names, users[m.Value].UserName)
		}
		slices.Sort(names)
		got[g.DisplayName] = names
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("groups of the %s (-company +application):\n%s", s.sink, diff)
	}
}

type scimUser struct {
	ID, UserName, DisplayName, Title string
	Active                           bool
	Name                             struct{ GivenName, FamilyName string }
	Emails                           []struct{ Value string }
	Enterprise                       struct {
		Department, EmployeeNumber string
		Manager                    struct{ Value string }
	} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

type scimGroup struct {
	DisplayName string
	Members     []struct{ Value string }
}

// list reads all pages of a list.
func list[T any](t *testing.T, s *site, path string) []T {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var out []T
	for {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s%s?startIndex=%d", s.sinkURL, path, len(out)+1), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.sinkToken)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			TotalResults int
			Resources    []T
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: %s, %v", path, resp.Status, err)
		}
		if out = append(out, page.Resources...); len(out) >= page.TotalResults {
			return out
		}
		if len(page.Resources) == 0 {
			t.Fatalf("GET %s: %d of %d", path, len(out), page.TotalResults)
		}
	}
}
