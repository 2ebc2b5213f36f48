package demo

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

// site is one job of the demonstration with everything around it: a company, the
// directory that knows its people, and the application that should.
type site struct {
	job       string
	provider  string // in words: "Entra tenant", "Okta org"
	sink      string // in words: "wiki", "chat"
	company   *company
	directory directory
	app       *scimtest.Server

	sourceURL, sinkURL     string
	sourceToken, sinkToken string
	servers                []*http.Server
}

// newEntra makes the company whose directory is an Entra tenant, and its wiki. The wiki
// was in use before the bridge came: some have accounts that were made by hand.
func newEntra(people int) (*site, error) {
	s := &site{job: "entra-to-wiki", provider: "Entra tenant", sink: "wiki", sourceToken: rand.Text(), sinkToken: rand.Text()}
	s.company = newCompany("Aldermoor", "aldermoor.example", people, 1969)
	tenant := graphtest.New(graphtest.Options{Token: s.sourceToken})
	s.directory = &entra{tenant: tenant, newID: s.company.faker.UUID, binned: map[string]bool{}}
	s.app = scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: s.sinkToken}, KeepBodies: true})
	for i, p := range s.company.people {
		if i%41 == 7 && p.staff() {
			s.app.AddUser(map[string]any{"userName": p.login, "displayName": p.given, "active": true})
		}
	}
	s.app.AddUser(map[string]any{"userName": localAdmin, "displayName": "Local administrator", "active": true})
	s.fill()
	return s, s.open(tenant, "/v1.0")
}

// localAdmin is an account of the wiki that no directory knows. It must stay as it is.
const localAdmin = "admin"

// newOkta makes the company whose directory is an Okta org, and its chat.
func newOkta(people int) (*site, error) {
	s := &site{job: "okta-to-chat", provider: "Okta org", sink: "chat", sourceToken: rand.Text(), sinkToken: rand.Text()}
	s.company = newCompany("Brightwell", "brightwell.example", people, 1815)
	past := 24 * time.Hour // nobody is new when the demonstration begins
	org := oktatest.New(oktatest.Options{Token: s.sourceToken, Clock: func() time.Time { return time.Now().Add(-past) }})
	s.directory = &okta{org: org, status: map[string]status{}, in: map[string][]string{}}
	s.app = scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: s.sinkToken}, KeepBodies: true})
	s.fill()
	past = 0
	return s, s.open(org, "")
}

// fill writes the company to its directory.
func (s *site) fill() {
	for _, p := range s.company.people {
		s.directory.person(p)
	}
	for _, g := range s.company.groups {
		s.directory.group(g)
	}
}

// open serves both emulators.
func (s *site) open(provider http.Handler, path string) error {
	source, err := s.listen(provider)
	if err != nil {
		return fmt.Errorf("serve the emulated directory: %w", err)
	}
	sink, err := s.listen(s.app)
	if err != nil {
		s.close()
		return fmt.Errorf("serve the emulated application: %w", err)
	}
	s.sourceURL, s.sinkURL = source+path, sink+"/scim/v2"
	return nil
}

// listen serves on a free loopback port.
func (s *site) listen(h http.Handler) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(l) }() // ends with ErrServerClosed
	return "http://" + l.Addr().String(), nil
}

func (s *site) close() {
	for _, server := range s.servers {
		_ = server.Close() // nothing is left to lose
	}
}

// write tells the directory of people who changed, and of the groups that change with
// them.
func (s *site) write(people ...*person) {
	for _, p := range people {
		s.directory.person(p)
	}
	for _, g := range s.company.regroup() {
		s.directory.group(g)
	}
}

// active is how many accounts of the application may be used.
func (s *site) active() int {
	n := 0
	for _, u := range s.app.Users() {
		if u.Active {
			n++
		}
	}
	return n
}
