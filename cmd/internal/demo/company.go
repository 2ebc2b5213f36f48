package demo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brianvoe/gofakeit/v7"
)

// status says whether a person works for the company.
type status int

const (
	working status = iota + 1
	// blocked may not sign in for a while: parental leave, an open question of security.
	blocked
	// left is gone; whether the directory keeps a trace is the provider's manner.
	left
)

// person is somebody in a company. The directory is written from it, and tests compare
// the application with it.
type person struct {
	id            string // the directory's; empty until the directory gave one
	given, family string
	login         string // also the mail address, but for guests
	mail          string
	title         string
	department    string
	office        office
	number        int // the employee number; 0 for guests
	guest         bool
	status        status
	manager       *person
	rank          int // index of the title in the department's ladder; -1: no ladder
}

func (p *person) name() string { return p.given + " " + p.family }

// employed says whether the person is an employee, and staff whether one who may sign in.
func (p *person) employed() bool { return !p.guest && p.status != left }
func (p *person) staff() bool    { return !p.guest && p.status == working }

// group is a group of a company. With a rule its members follow from what people are, as
// in a dynamic group; else they were chosen.
type group struct {
	id          string
	name        string
	description string
	rule        func(*person) bool
	members     []*person
}

func (g *group) has(p *person) bool { return slices.Contains(g.members, p) }

// company is an organisation with its people, in the order in which they came.
type company struct {
	name, domain string
	people       []*person
	groups       []*group
	faker        *gofakeit.Faker
	taken        map[string]bool // logins ever used
	birds        []string        // names for projects to come
}

// newCompany makes a company of the given number of people, always the same for the same
// seed: a chief, a head per department, leads with teams of about eight, some guests and
// some who have left or can't sign in.
func newCompany(name, domain string, people int, seed uint64) *company {
	c := &company{name: name, domain: domain, faker: gofakeit.New(seed), taken: map[string]bool{}, birds: birds()}
	chief := c.add(person{title: "Chief Executive Officer", department: "Executive", rank: -1})
	for _, d := range departments() {
		c.staffDepartment(d, chief, max(2, people*d.percent/100))
	}
	for range people / 40 {
		host := c.pick(func(p *person) bool { return p.rank < 0 && !p.guest })
		c.add(person{guest: true, rank: -1, title: "Consultant", manager: host})
	}
	for i, p := range c.people {
		switch { // a few of those who lead nobody
		case p.rank < 0 || p.guest:
		case i%29 == 0:
			p.status = left
		case i%83 == 0:
			p.status = blocked
		}
	}
	c.makeGroups()
	return c
}

// staffDepartment fills a department with n people.
func (c *company) staffDepartment(d department, chief *person, n int) {
	head := c.add(person{title: d.head, department: d.name, manager: chief, rank: -1})
	lead := head
	for i := range n - 1 {
		if i%9 == 0 && n > 9 {
			lead = c.add(person{title: d.lead, department: d.name, manager: head, rank: -1})
			continue
		}
		c.hire(d, lead)
	}
}

// hire adds somebody to a department.
func (c *company) hire(d department, lead *person) *person {
	rank := min(c.faker.IntN(len(d.ladder)), c.faker.IntN(len(d.ladder)))
	return c.add(person{title: d.ladder[rank], department: d.name, manager: lead, rank: rank})
}

// add gives a person what everybody has and puts them into the company.
func (c *company) add(p person) *person {
	p.given, p.family = c.faker.FirstName(), c.faker.LastName()
	p.status = working
	p.office = offices()[c.faker.IntN(len(offices()))]
	if p.guest {
		p.mail = c.address(p.given, p.family, "partner.example")
		p.login = strings.ReplaceAll(p.mail, "@", "_") + "#EXT#@" + c.domain
	} else {
		p.number = 10_000 + len(c.people)
		p.login = c.address(p.given, p.family, c.domain)
		p.mail = p.login
	}
	c.people = append(c.people, &p)
	return &p
}

// address makes an address that nobody has or had.
func (c *company) address(given, family, domain string) string {
	local := strings.ToLower(given + "." + family)
	local = strings.NewReplacer(" ", "", "'", "").Replace(local)
	for n, a := 2, local; ; n++ {
		if full := a + "@" + domain; !c.taken[full] {
			c.taken[full] = true
			return full
		}
		a = fmt.Sprintf("%s%d", local, n)
	}
}

// makeGroups makes the groups that follow from rules, and projects.
func (c *company) makeGroups() {
	c.groups = append(c.groups, &group{name: "All Staff", description: "Everybody who works at " + c.name, rule: (*person).employed})
	c.groups = append(c.groups, &group{name: "Managers", description: "Everybody who leads others", rule: func(p *person) bool {
		return p.employed() && p.rank < 0
	}})
	for _, d := range departments() {
		c.groups = append(c.groups, &group{name: d.name, description: "The department " + d.name, rule: func(p *person) bool {
			return p.employed() && p.department == d.name
		}})
	}
	for _, o := range offices() {
		c.groups = append(c.groups, &group{name: o.city + " Office", description: "Who works in " + o.city, rule: func(p *person) bool {
			return p.employed() && p.office == o
		}})
	}
	for range min(2+len(c.people)/80, len(c.birds)/2) {
		c.newProject(3+c.faker.IntN(20), func(p *person) bool { return p.status == working })
	}
	c.regroup()
}

// newProject makes a group of at most size people who fit.
func (c *company) newProject(size int, fits func(*person) bool) *group {
	name := fmt.Sprintf("Project %d", len(c.groups))
	if len(c.birds) > 0 {
		name, c.birds = "Project "+c.birds[0], c.birds[1:]
	}
	g := &group{name: name, description: "The people of " + name}
	for range size {
		if p := c.pick(func(p *person) bool { return fits(p) && !g.has(p) }); p != nil {
			g.members = append(g.members, p)
		}
	}
	c.groups = append(c.groups, g)
	return g
}

// regroup brings the groups with a rule up to date, and takes who left out of the others.
// It returns the groups that changed.
func (c *company) regroup() []*group {
	var changed []*group
	for _, g := range c.groups {
		var now []*person
		if g.rule != nil {
			for _, p := range c.people {
				if g.rule(p) {
					now = append(now, p)
				}
			}
		} else {
			now = slices.DeleteFunc(slices.Clone(g.members), func(p *person) bool { return p.status == left })
		}
		if !slices.Equal(now, g.members) {
			g.members = now
			changed = append(changed, g)
		}
	}
	return changed
}

// pick returns a random person that fits, or nil when nobody does.
func (c *company) pick(fits func(*person) bool) *person {
	start := c.faker.IntN(len(c.people))
	for i := range c.people {
		if p := c.people[(start+i)%len(c.people)]; fits(p) {
			return p
		}
	}
	return nil
}
