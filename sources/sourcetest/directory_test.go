package sourcetest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDirectory runs the suite over the directory in memory, which proves both.
func TestDirectory(t *testing.T) {
	sourcetest.Run(t, harness)
}

func harness(*testing.T) sourcetest.Harness {
	d := &sourcetest.Directory{PageSize: 5}
	return sourcetest.Harness{
		Source: d, Finder: d, Title: "title", App: "app",
		Query:      sources.Query{UserAttributes: []string{"title"}, Groups: true},
		PutUser:    func(p sourcetest.Person) sources.ID { return d.PutUser(user(p)) },
		RemoveUser: func(id sources.ID) { d.RemoveUser(id, sources.RemovedSoft) },
		PutGroup:   func(g sourcetest.Team) sources.ID { return d.PutGroup(group(g)) },
		RemoveGroup: func(id sources.ID) {
			d.RemoveGroup(id)
		},
		Assign: func(who sources.Assignment, yes bool) { d.Assign("app", who, yes) },
		Fail: func(f sourcetest.Fault) func() {
			d.FailRead(1, &sources.Error{Class: classes[f], Op: "test", Hint: "heal it"})
			return func() {}
		},
		Faults: classes,
	}
}

var classes = map[sourcetest.Fault]sources.Class{
	sourcetest.EmptyList:     sources.Incomplete,
	sourcetest.Unavailable:   sources.Transient,
	sourcetest.BadGateway:    sources.Transient,
	sourcetest.CutBody:       sources.Incomplete,
	sourcetest.Unauthorized:  sources.Denied,
	sourcetest.Forbidden:     sources.Denied,
	sourcetest.ExpiredCursor: sources.Expired,
	sourcetest.Endless:       sources.Incomplete,
}

func user(p sourcetest.Person) sources.User {
	u := sources.User{
		ID: p.ID, UserName: p.UserName, Mail: p.Mail, DisplayName: p.DisplayName,
		Active: !p.Disabled, Attributes: map[string]any{"title": nil},
	}
	if p.Title != "" {
		u.Attributes["title"] = p.Title
	}
	return u
}

func group(g sourcetest.Team) sources.Group {
	out := sources.Group{ID: g.ID, DisplayName: g.Name}
	for _, id := range g.Members {
		out.Members = append(out.Members, sources.Member{User: id})
	}
	return out
}
