package demo

import (
	"fmt"
	"slices"
	"strings"
)

// act is something that happens in a company, written to its directory. It returns what
// happened as a sentence, or "" when there is nobody whom it could happen to.
type act func(s *site) string

// acts are the things that happen all the time.
func acts() []act {
	return []act{joins, promoted, marries, moves, leaves, grows, returns, takesLeave, starts, renamed}
}

// settled is somebody who leads nobody and whose life can change without side effects.
func settled(p *person) bool { return p.staff() && p.rank >= 0 }

func joins(s *site) string {
	c := s.company
	d := departments()[c.faker.IntN(len(departments()))]
	lead := c.pick(func(p *person) bool { return p.staff() && p.rank < 0 && p.department == d.name })
	p := c.hire(d, lead)
	s.write(p)
	return fmt.Sprintf("%s joins %s as %s, in %s.", p.name(), p.department, p.title, p.office.city)
}

func promoted(s *site) string {
	p := s.company.pick(func(p *person) bool { return settled(p) && p.rank < len(ladder(p))-1 })
	if p == nil {
		return ""
	}
	before := p.title
	p.rank++
	p.title = ladder(p)[p.rank]
	s.write(p)
	return fmt.Sprintf("%s, %s until today, is promoted to %s.", p.name(), before, p.title)
}

func ladder(p *person) []string {
	i := slices.IndexFunc(departments(), func(d department) bool { return d.name == p.department })
	return departments()[i].ladder
}

func marries(s *site) string {
	p := s.company.pick(settled)
	if p == nil {
		return ""
	}
	before := p.name()
	for former := p.family; p.family == former; {
		p.family = s.company.faker.LastName()
	}
	p.login = s.company.address(p.given, p.family, s.company.domain)
	p.mail = p.login
	s.write(p)
	return fmt.Sprintf("%s marries and is %s from now on, also in the user name and the mail address.", before, p.name())
}

func moves(s *site) string {
	c := s.company
	p := c.pick(settled)
	if p == nil {
		return ""
	}
	d := departments()[c.faker.IntN(len(departments()))]
	for d.name == p.department {
		d = departments()[c.faker.IntN(len(departments()))]
	}
	before := p.department
	p.department, p.rank = d.name, min(p.rank, len(d.ladder)-1)
	p.title = d.ladder[p.rank]
	p.manager = c.pick(func(o *person) bool { return o.staff() && o.rank < 0 && o.department == d.name })
	s.write(p)
	return fmt.Sprintf("%s moves from %s to %s, and reports to %s there.", p.name(), before, p.department, p.manager.name())
}

func leaves(s *site) string {
	p := s.company.pick(settled)
	if p == nil {
		return ""
	}
	p.status = left
	s.write(p)
	return fmt.Sprintf("%s, %s, leaves the company.", p.name(), p.title)
}

// returns brings somebody back who had an account before.
func returns(s *site) string {
	p := s.company.pick(func(p *person) bool { return p.rank >= 0 && p.status == left && s.hasAccount(p) })
	if p == nil {
		return ""
	}
	p.status = working
	s.write(p)
	return fmt.Sprintf("%s is back with %s.", p.name(), s.company.name)
}

func (s *site) hasAccount(p *person) bool { return len(s.app.UsersNamed(p.login)) > 0 }

func takesLeave(s *site) string {
	p := s.company.pick(settled)
	if p == nil {
		return ""
	}
	p.status = blocked
	s.write(p)
	return fmt.Sprintf("%s goes on parental leave; signing in is blocked until then.", p.name())
}

// grows puts some people into a project's group.
func grows(s *site) string {
	g := s.project()
	var names []string
	for range 3 {
		p := s.company.pick(func(p *person) bool { return settled(p) && !g.has(p) })
		if p == nil {
			break
		}
		g.members = append(g.members, p)
		names = append(names, p.name())
	}
	s.directory.group(g)
	return fmt.Sprintf("%s gets more people: %s.", g.name, strings.Join(names, ", "))
}

// project returns a random group that has no rule.
func (s *site) project() *group {
	var projects []*group
	for _, g := range s.company.groups {
		if g.rule == nil {
			projects = append(projects, g)
		}
	}
	return projects[s.company.faker.IntN(len(projects))]
}

func starts(s *site) string {
	g := s.company.newProject(8, settled)
	s.directory.group(g)
	return fmt.Sprintf("%s is founded, with a group of %s.", g.name, number(len(g.members), "member"))
}

func renamed(s *site) string {
	g := s.project()
	before := g.name
	g.name = strings.TrimSuffix(before, " (live)")
	if g.name == before {
		g.name += " (live)"
	}
	s.directory.group(g)
	return fmt.Sprintf("The group %q is called %q from now on.", before, g.name)
}
