package demo

import (
	"fmt"
	"slices"

	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

// directory is an identity provider that a company's people and groups are kept in.
type directory interface {
	// person writes a person as they are now. A new one gets an id.
	person(p *person)
	// group writes a group with its members, who must have been written before.
	group(g *group)
	// fail lets the provider answer the way it does when a right is lost: nobody is
	// shown, and the status is 200. heal ends it.
	fail() (heal func())
}

// entra keeps a company in an emulated Microsoft Entra tenant. Who left is deleted, and
// stays in the recycle bin; who may not sign in has accountEnabled false.
type entra struct {
	tenant *graphtest.Tenant
	newID  func() string
	binned map[string]bool
}

func (e *entra) person(p *person) {
	if p.id == "" {
		p.id = e.newID()
		e.tenant.AddUser(e.props(p))
	} else {
		if e.binned[p.id] && p.status != left {
			e.tenant.RestoreUser(p.id)
		}
		e.tenant.UpdateUser(p.id, e.props(p))
	}
	if p.manager != nil {
		e.tenant.SetManager(p.id, p.manager.id)
	}
	if e.binned[p.id] = p.status == left; e.binned[p.id] {
		e.tenant.DeleteUser(p.id)
	}
}

func (e *entra) props(p *person) graphtest.Props {
	kind := "Member"
	if p.guest {
		kind = "Guest"
	}
	props := graphtest.Props{
		"userPrincipalName": p.login, "mail": p.mail, "mailNickname": nickname(p), "displayName": p.name(),
		"givenName": p.given, "surname": p.family, "jobTitle": p.title, "userType": kind,
		"accountEnabled": p.status != blocked, "city": p.office.city, "state": p.office.state, "country": p.office.country,
		"officeLocation": p.office.city + " Office", "preferredLanguage": "en-US",
	}
	if !p.guest {
		props["department"] = p.department
		props["employeeId"] = fmt.Sprint(p.number)
		props["businessPhones"] = []string{phone(p)}
	}
	if _, exists := e.binned[p.id]; !exists {
		props["id"] = p.id
	}
	return props
}

func (e *entra) group(g *group) {
	props := graphtest.Props{"displayName": g.name, "description": g.description, "securityEnabled": true}
	if g.id == "" {
		g.id = e.newID()
		props["id"] = g.id
		e.tenant.AddGroup(props, ids(g.members)...)
		return
	}
	e.tenant.UpdateGroup(g.id, props)
	e.tenant.SetMembers(g.id, ids(g.members)...)
}

func (e *entra) fail() (heal func()) {
	return e.tenant.Inject(graphtest.Fault{Route: "/users/delta", Kind: graphtest.EmptyValue})
}

// okta keeps a company in an emulated Okta org. Who left is DEPROVISIONED, who may not sign
// in SUSPENDED. Okta has no references between people: managers are text.
type okta struct {
	org    *oktatest.Org
	status map[string]status   // of each person as last written
	in     map[string][]string // members of each group as last written
}

func (o *okta) person(p *person) {
	if p.id == "" {
		p.id = o.org.AddUser(o.profile(p))
		o.status[p.id] = working
	} else {
		o.org.UpdateUser(p.id, o.profile(p))
	}
	if p.status == o.status[p.id] {
		return
	}
	o.status[p.id] = p.status
	switch p.status {
	case working:
		o.org.SetStatus(p.id, oktatest.Active)
	case blocked:
		o.org.SetStatus(p.id, oktatest.Suspended)
	case left:
		o.org.SetStatus(p.id, oktatest.Deprovisioned)
	}
}

func (o *okta) profile(p *person) map[string]any {
	profile := map[string]any{
		"login": p.login, "email": p.mail, "displayName": p.name(), "firstName": p.given, "lastName": p.family,
		"title": p.title, "city": p.office.city, "state": p.office.state, "countryCode": p.office.countryCode,
		"locale": "en_US", "preferredLanguage": "en-US", "userType": "Employee",
	}
	if p.guest {
		profile["userType"] = "Guest"
	} else {
		profile["department"], profile["employeeNumber"], profile["primaryPhone"] = p.department, fmt.Sprint(p.number), phone(p)
	}
	if p.manager != nil {
		profile["managerId"] = p.manager.login
	}
	return profile
}

func (o *okta) group(g *group) {
	profile := map[string]any{"name": g.name, "description": g.description}
	if g.id == "" {
		g.id = o.org.AddGroup(oktatest.OktaGroup, profile)
	} else {
		o.org.UpdateGroup(g.id, profile)
	}
	now := ids(g.members)
	slices.Sort(now)
	gone := slices.DeleteFunc(o.in[g.id], func(id string) bool {
		_, stays := slices.BinarySearch(now, id)
		return stays
	})
	o.org.RemoveMembers(g.id, gone...)
	o.org.AddMembers(g.id, now...)
	o.in[g.id] = now
}

func (o *okta) fail() (heal func()) {
	return o.org.Inject(oktatest.Fault{Kind: oktatest.EmptyList})
}

func ids(people []*person) []string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = p.id
	}
	return out
}

func nickname(p *person) string {
	if p.guest {
		return fmt.Sprintf("%s.%s_guest", p.given, p.family)
	}
	return fmt.Sprintf("%s.%s", p.given, p.family)
}

// phone is a number out of the 0100 to 0199 that are kept for fiction, with the employee
// number as extension.
func phone(p *person) string {
	return fmt.Sprintf("%s 555 01%02d ext. %d", p.office.areaCode, p.number%100, p.number)
}
