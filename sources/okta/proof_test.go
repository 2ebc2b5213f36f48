package okta_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/okta"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

// try reads a round until it ends or fails.
func (b *bench) try(q sources.Query, at sources.Cursor) (users int, err error) {
	b.Helper()
	for range 1000 {
		p, err := b.Read(b.Context(), q, at)
		if err != nil {
			return users, err
		}
		users += len(p.Users)
		at = p.Cursor
		if p.Done {
			return users, nil
		}
	}
	b.Fatal("the round does not end")
	return 0, nil
}

// TestDoubtfulLists meets each fault at each page of each list of a full round. None may
// be taken for an end.
func TestDoubtfulLists(t *testing.T) {
	type class = sources.Class
	faults := map[oktatest.FaultKind]class{
		oktatest.EmptyList: sources.Incomplete, oktatest.Unavailable: sources.Transient, oktatest.BadGateway: sources.Transient,
		oktatest.LoginPage: sources.Incomplete, oktatest.CutBody: sources.Incomplete, oktatest.HalfList: sources.Incomplete,
		oktatest.Unauthorized: sources.Denied, oktatest.Forbidden: sources.Denied, oktatest.NoAnswer: sources.Unreachable,
		oktatest.Endless: sources.Incomplete, oktatest.NotFound: sources.Missing,
	}
	for _, endpoint := range []string{"/api/v1/users", "/api/v1/groups", "/api/v1/groups/{id}/users"} {
		for kind, want := range faults {
			for page := range 3 {
				b := open(t, 3)
				seeded(b, 9)
				for range 8 {
					b.org.AddGroup(oktatest.OktaGroup, map[string]any{"name": "more"})
				}
				b.org.AddMembers("00g00000000000000001", b.org.UserID(3), b.org.UserID(4), b.org.UserID(5), b.org.UserID(6), b.org.UserID(7), b.org.UserID(8))
				b.org.Inject(oktatest.Fault{Kind: kind, Endpoint: endpoint, Skip: page})
				_, err := b.try(groupsToo(), "")
				if endpoint == "/api/v1/groups/{id}/users" && (kind == oktatest.NotFound || kind == oktatest.EmptyList && page == 0) {
					continue // a group that was deleted or emptied: see TestEmptyMembers
				}
				if got := sources.ClassOf(err); got != want {
					t.Errorf("%s page %d, fault %d: class %v, want %v: %v", endpoint, page+1, kind, got, want, err)
				}
			}
		}
	}
}

// TestMiddleGone lets one page in the middle of a list come empty once: the round must
// still bring everyone.
func TestMiddleGone(t *testing.T) {
	for page := 1; page < 5; page++ {
		b := open(t, 3)
		seeded(b, 12)
		b.org.Inject(oktatest.Fault{Kind: oktatest.EmptyList, Endpoint: "/api/v1/users", Skip: page, Times: 1})
		seen := map[sources.ID]bool{}
		pages, _ := b.round(sources.Query{}, "")
		for _, p := range pages {
			for _, u := range p.Users {
				seen[u.ID] = true
			}
		}
		if len(seen) != 12 {
			t.Errorf("page %d came empty once: %d users, want 12", page+1, len(seen))
		}
	}
}

// TestNoRole is the service app without an admin role: 200 and [] everywhere.
func TestNoRole(t *testing.T) {
	b := open(t, 0)
	seeded(b, 5)
	path, public := keyFile(t)
	app := oktatest.ServiceApp{ClientID: "0oaclient", KeyID: "k1", Key: public, Scopes: allScopes()}
	b.org.AddServiceApp(app)
	b.cfg.Auth = okta.Auth{Type: okta.AuthPrivateKey, ClientID: "0oaclient", KeyID: "k1", PrivateKeyFile: path}
	b.Source = b.source(b.cfg)
	b.clock.Add(time.Since(b.clock.Now())) // tokens bear this machine's time
	_, at := b.round(groupsToo(), "")
	app.NoRole = true
	b.org.AddServiceApp(app)
	for name, at := range map[string]sources.Cursor{"full": "", "incremental": at} {
		_, err := b.try(groupsToo(), at)
		if sources.ClassOf(err) != sources.Incomplete || !strings.Contains(sources.HintOf(err), "admin role") {
			t.Errorf("%s round: class %v, hint %q: %v", name, sources.ClassOf(err), sources.HintOf(err), err)
		}
	}
	if err := b.Check(t.Context(), groupsToo()); sources.ClassOf(err) != sources.Incomplete {
		t.Errorf("Check: %v", err)
	}
}

func allScopes() []string {
	return []string{"okta.users.read", "okta.groups.read", "okta.apps.read", "okta.logs.read"}
}

// TestEmptyMembers proves that a group's empty list is believed only while the credentials
// show people at all.
func TestEmptyMembers(t *testing.T) {
	b := open(t, 0)
	group := seeded(b, 5)
	b.org.RemoveMembers(group, b.org.UserID(0), b.org.UserID(1), b.org.UserID(2))
	pages, _ := b.round(groupsToo(), "")
	if got, complete := members(pages, group); len(got) > 0 || !complete {
		t.Errorf("emptied group: complete %v, members %v", complete, got)
	}
	b.org.Inject(oktatest.Fault{Kind: oktatest.EmptyList, Endpoint: "/api/v1/groups/{id}/users"})
	b.org.Inject(oktatest.Fault{Kind: oktatest.EmptyList, Endpoint: "/api/v1/users", Skip: 1})
	if _, err := b.try(groupsToo(), ""); sources.ClassOf(err) != sources.Incomplete {
		t.Errorf("rights lost after the users: %v", err)
	}
}

// TestExactPages reads lists whose length is a multiple of the page size from a server
// that gives a next link on every full page, so that the last page is empty.
func TestExactPages(t *testing.T) {
	for n := 3; n < 14; n++ {
		b := open(t, 3)
		seeded(b, n)
		b.org.TrailingPages(true)
		seen := map[sources.ID]bool{}
		pages, _ := b.round(groupsToo(), "")
		for _, p := range pages {
			for _, u := range p.Users {
				seen[u.ID] = true
			}
		}
		if len(seen) != n {
			t.Errorf("%d users, want %d", len(seen), n)
		}
	}
}

// TestLinks reads a round whose links come in one header line, as a proxy joins them.
func TestLinks(t *testing.T) {
	b := open(t, 3)
	seeded(b, 10)
	b.org.Inject(oktatest.Fault{Kind: oktatest.CombinedLink})
	users, err := b.try(groupsToo(), "")
	if users != 10 || err != nil {
		t.Errorf("%d users, %v", users, err)
	}
}

// TestLogNeedsLink proves that a log answer without its next link is no end: the position
// would be lost.
func TestLogNeedsLink(t *testing.T) {
	b := open(t, 0)
	seeded(b, 3)
	b.org.Inject(oktatest.Fault{Kind: oktatest.NoLinks, Endpoint: "/api/v1/logs"})
	if _, err := b.try(groupsToo(), ""); sources.ClassOf(err) != sources.Incomplete {
		t.Errorf("class %v, want incomplete: %v", sources.ClassOf(err), err)
	}
}

// TestExpired is what only a full round helps: a cursor that Okta refuses, one that is too
// old for the log, and one that isn't ours.
func TestExpired(t *testing.T) {
	b := open(t, 3)
	seeded(b, 9)
	_, watermark := b.round(groupsToo(), "")
	first, err := b.Read(t.Context(), groupsToo(), "")
	if err != nil {
		t.Fatal(err)
	}
	heal := b.org.Inject(oktatest.Fault{Kind: oktatest.BadCursor})
	if _, err := b.try(groupsToo(), first.Cursor); sources.ClassOf(err) != sources.Expired {
		t.Errorf("refused cursor: %v", err)
	}
	if _, err := b.try(groupsToo(), ""); sources.ClassOf(err) != sources.Rejected {
		t.Errorf("refused request without a cursor: %v", err)
	}
	heal()
	b.clock.Add(80 * 24 * time.Hour)
	if _, err := b.try(groupsToo(), watermark); err != nil {
		t.Errorf("80 days later: %v", err)
	}
	b.clock.Add(6 * 24 * time.Hour)
	if _, err := b.try(groupsToo(), watermark); sources.ClassOf(err) != sources.Expired {
		t.Errorf("86 days later: %v", err)
	}
	for _, junk := range []sources.Cursor{"junk", `{"v":99}`, `{"v":1,"phase":77}`} {
		if _, err := b.try(groupsToo(), junk); sources.ClassOf(err) != sources.Expired {
			t.Errorf("cursor %q: %v", junk, err)
		}
	}
}

// TestLogRefused proves that a source without the log's scope works, and says so.
func TestLogRefused(t *testing.T) {
	b := open(t, 0)
	seeded(b, 3)
	var told strings.Builder
	b.logTo(slog.New(slog.NewTextHandler(&told, nil)))
	heal := b.org.Inject(oktatest.Fault{Kind: oktatest.Forbidden, Endpoint: "/api/v1/logs"})
	_, at := b.round(groupsToo(), "")
	if !strings.Contains(told.String(), "system log refused") {
		t.Errorf("nothing was said: %s", told.String())
	}
	if w, err := b.Warnings(t.Context(), groupsToo()); err != nil || len(w) != 1 {
		t.Errorf("Warnings = %q, %v", w, err)
	}
	if err := b.Check(t.Context(), groupsToo()); err != nil {
		t.Errorf("Check: %v", err)
	}
	b.asked()
	b.clock.Add(time.Hour)
	b.round(groupsToo(), at)
	if slices.Contains(b.asked(), "/api/v1/logs") {
		t.Error("an incremental round asks for the log that was refused")
	}
	heal()
	if w, err := b.Warnings(t.Context(), groupsToo()); err != nil || len(w) != 0 {
		t.Errorf("Warnings with the log = %q, %v", w, err)
	}
	_, at = b.round(groupsToo(), "")
	b.org.Inject(oktatest.Fault{Kind: oktatest.Forbidden, Endpoint: "/api/v1/logs"})
	if _, err := b.try(groupsToo(), at); sources.ClassOf(err) != sources.Denied {
		t.Errorf("the log was lost: %v", err)
	}
}
