package acceptance_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

// person is someone in a directory, in the test's own words.
type person struct {
	login, given, family, title string
	active                      bool
	manager                     int // index, -1: nobody
}

// directory is a source that a test can change.
type directory interface {
	// yaml is the source's configuration.
	yaml() string
	// put makes or changes person i; changed is what it was told before, or nil.
	put(i int, p person)
	remove(i int)
	// team makes or changes group g, which then has exactly these members.
	team(g int, name string, members []int)
	disband(g int)
	// settle is called when the changes before a cycle are complete.
	settle()
	// requests is how many the source answered since settle.
	requests() int
	managers() bool // the default mapping has manager references
}

type makeDirectory func(t testing.TB) directory

func directories() map[string]makeDirectory {
	return map[string]makeDirectory{"graph": newTenant, "okta": newOrg, "file": newExport}
}

// tenant is an emulated Entra tenant.
type tenant struct {
	*graphtest.Tenant
	url           string
	users, groups map[int]string
}

func newTenant(t testing.TB) directory {
	d := &tenant{Tenant: graphtest.New(graphtest.Options{Token: "graph-token"}), users: map[int]string{}, groups: map[int]string{}}
	d.url = serve(t, d.Tenant)
	return d
}

func (d *tenant) yaml() string {
	return fmt.Sprintf("type: graph, tenant_id: 00000000-0000-0000-0000-000000000000, base_url: %s/v1.0, auth: {type: token, token: graph-token}", d.url)
}

func (d *tenant) put(i int, p person) {
	props := graphtest.Props{
		"userPrincipalName": p.login, "mail": p.login, "displayName": p.given + " " + p.family, "givenName": p.given, "surname": p.family,
		"jobTitle": orNil(p.title), "accountEnabled": p.active, "mailNickname": fmt.Sprintf("nick%d", i), "businessPhones": []any{},
	}
	if id, ok := d.users[i]; ok {
		d.UpdateUser(id, props)
	} else {
		d.users[i] = d.AddUser(props)
	}
	d.SetManager(d.users[i], d.users[p.manager])
}

func (d *tenant) remove(i int) { d.DeleteUser(d.users[i]) }

func (d *tenant) team(g int, name string, members []int) {
	id, ok := d.groups[g]
	if !ok {
		id = d.AddGroup(graphtest.Props{"displayName": name})
		d.groups[g] = id
	}
	d.UpdateGroup(id, graphtest.Props{"displayName": name})
	d.SetMembers(id, pick(d.users, members)...)
}

func (d *tenant) disband(g int) { d.DeleteGroup(d.groups[g]) }

func (d *tenant) requests() int {
	n := 0
	for _, c := range d.Counts() {
		n += c
	}
	return n
}
func (d *tenant) settle()        { d.ResetCounts() }
func (d *tenant) managers() bool { return true }

func pick(ids map[int]string, members []int) []string {
	out := make([]string, 0, len(members))
	for _, m := range members {
		out = append(out, ids[m])
	}
	return out
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func serve(t testing.TB, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// org is an emulated Okta org.
type org struct {
	*oktatest.Org
	url           string
	users, groups map[int]string
	members       map[int][]int
}

func newOrg(t testing.TB) directory {
	d := &org{users: map[int]string{}, groups: map[int]string{}, members: map[int][]int{}}
	d.Org = oktatest.New(oktatest.Options{Token: "okta-token"})
	d.url = serve(t, d.Org)
	return d
}

func (d *org) yaml() string {
	return fmt.Sprintf("type: okta, base_url: %s, auth: {type: api_token, token: okta-token}", d.url)
}

func (d *org) put(i int, p person) {
	profile := map[string]any{
		"login": p.login, "email": p.login, "firstName": p.given, "lastName": p.family, "displayName": p.given + " " + p.family, "title": orNil(p.title),
	}
	id, ok := d.users[i]
	if ok {
		d.UpdateUser(id, profile)
	} else {
		id = d.AddUser(profile)
		d.users[i] = id
	}
	status := oktatest.Active
	if !p.active {
		status = oktatest.Deprovisioned
	}
	d.SetStatus(id, status)
}

func (d *org) remove(i int) {
	d.SetStatus(d.users[i], oktatest.Deprovisioned)
	d.DeleteUser(d.users[i])
}

func (d *org) team(g int, name string, members []int) {
	id, ok := d.groups[g]
	if !ok {
		id = d.AddGroup(oktatest.OktaGroup, map[string]any{"name": name})
		d.groups[g] = id
	} else {
		d.UpdateGroup(id, map[string]any{"name": name})
	}
	var join, leave []int
	for _, m := range members {
		if !slices.Contains(d.members[g], m) {
			join = append(join, m)
		}
	}
	for _, m := range d.members[g] {
		if !slices.Contains(members, m) {
			leave = append(leave, m)
		}
	}
	d.AddMembers(id, pick(d.users, join)...)
	d.RemoveMembers(id, d.alive(leave)...)
	d.members[g] = slices.Clone(members)
}

// alive leaves out members who are deleted: they left the group with that.
func (d *org) alive(members []int) []string {
	var out []string
	for _, m := range members {
		if d.Exists(d.users[m]) {
			out = append(out, d.users[m])
		}
	}
	return out
}

func (d *org) disband(g int)  { d.DeleteGroup(d.groups[g]) }
func (d *org) requests() int  { return len(d.Requests()) }
func (d *org) settle()        { d.ForgetRequests() }
func (d *org) managers() bool { return false }

// export is a directory of CSV files, written when the changes are complete.
type export struct {
	t     testing.TB
	dir   string
	users map[int]person
	teams map[int]team
}

type team struct {
	name    string
	members []int
}

func newExport(t testing.TB) directory {
	return &export{t: t, dir: t.TempDir(), users: map[int]person{}, teams: map[int]team{}}
}

func (d *export) yaml() string {
	return fmt.Sprintf("type: file, users: %s, groups: %s", filepath.Join(d.dir, "users.csv"), filepath.Join(d.dir, "groups.csv"))
}

func (d *export) put(i int, p person) { d.users[i] = p }
func (d *export) remove(i int)        { delete(d.users, i) }
func (d *export) team(g int, name string, members []int) {
	d.teams[g] = team{name, slices.Clone(members)}
}
func (d *export) disband(g int)  { delete(d.teams, g) }
func (d *export) requests() int  { return 0 }
func (d *export) managers() bool { return true }

func (d *export) settle() {
	var users, groups strings.Builder
	users.WriteString("id,userName,mail,displayName,givenName,familyName,title,active,manager\n")
	for _, i := range slices.Sorted(maps.Keys(d.users)) {
		p := d.users[i]
		manager := ""
		if _, ok := d.users[p.manager]; ok {
			manager = fmt.Sprint(p.manager)
		}
		fmt.Fprintf(&users, "%d,%s,%s,%s %s,%s,%s,%s,%v,%s\n", i, p.login, p.login, p.given, p.family, p.given, p.family, p.title, p.active, manager)
	}
	groups.WriteString("id,displayName,member\n")
	for _, g := range slices.Sorted(maps.Keys(d.teams)) {
		team := d.teams[g]
		fmt.Fprintf(&groups, "g%d,%s,\n", g, team.name)
		for _, m := range team.members {
			if _, ok := d.users[m]; ok {
				fmt.Fprintf(&groups, "g%d,%s,%d\n", g, team.name, m)
			}
		}
	}
	for name, text := range map[string]string{"users.csv": users.String(), "groups.csv": groups.String()} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
}
