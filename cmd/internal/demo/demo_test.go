package demo

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/cmd/internal/app/adapters"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Okta's SDK makes a cache whose goroutine ends only when the garbage collector has found
// the client, whatever one does.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/patrickmn/go-cache.(*janitor).Run"))
}

// recorder is a screen that remembers.
type recorder struct {
	text   strings.Builder
	cycles []*state.Cycle
	phases map[string]bool
}

func (r *recorder) Say(text string)            { fmt.Fprintln(&r.text, text) }
func (r *recorder) Progress(p engine.Progress) { r.phases[p.Phase] = true }

func (r *recorder) Summary(c *state.Cycle) error {
	r.cycles = append(r.cycles, c)
	return nil
}

func start(t *testing.T) (*Demo, *recorder) {
	t.Helper()
	r := &recorder{phases: map[string]bool{}}
	d, err := Start(t.Context(), Options{
		People: 200, Pause: time.Microsecond, Program: "idpbridge", Screen: r,
		Open: InProcess(Settings{Adapters: adapters.All(), Version: "test"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(d.folder); !os.IsNotExist(err) {
			t.Errorf("the folder is still there: %v", err)
		}
	})
	return d, r
}

func TestOnceMakesApplicationsEqualToDirectories(t *testing.T) {
	t.Parallel()
	d, r := start(t)
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.cycles) != 2 || r.cycles[0].Job != "entra-to-wiki" || r.cycles[1].Job != "okta-to-chat" {
		t.Fatalf("cycles: %+v", r.cycles)
	}
	if r.cycles[0].Users.Updated == 0 {
		t.Error("no account that was made by hand was adopted")
	}
	for _, phase := range []string{"read", "users", "groups"} {
		if !r.phases[phase] {
			t.Errorf("no progress was shown in the phase %q", phase)
		}
	}
	ever := accounts{}
	for _, s := range d.sites() {
		compare(t, s, ever)
	}
	if u := d.entra.app.UsersNamed(localAdmin); len(u) != 1 || u[0].Values["displayName"] != "Local administrator" || !u[0].Active {
		t.Errorf("the account that no directory knows is now %+v", u)
	}

	r.cycles = nil
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.cycles {
		if c.Requests.Sink != 0 {
			t.Errorf("%s: a second cycle sent %d requests", c.Job, c.Requests.Sink)
		}
	}
}

func TestOnceFailsWhenCycleFails(t *testing.T) {
	t.Parallel()
	d, r := start(t)
	heal := d.okta.directory.fail()
	defer heal()
	err := d.Once(t.Context())
	if err == nil || !strings.Contains(err.Error(), "okta-to-chat ended failed") {
		t.Errorf("error: %v", err)
	}
	if len(r.cycles) != 2 {
		t.Errorf("%d cycles were shown", len(r.cycles))
	}
}

// TestStory plays the program and a good part of what chance brings; after every scene the
// application must be what the company is, but while deletions are held back.
func TestStory(t *testing.T) {
	t.Parallel()
	d, r := start(t)
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	ever, held := accounts{}, 0
	for _, s := range d.sites() {
		compare(t, s, ever)
	}
	story := newStory(d)
	for range len(story.program) + 40 {
		sc := story.next()
		if sc.text == "" {
			t.Fatal("a scene without a text")
		}
		r.text.Reset()
		if err := d.play(t.Context(), sc); err != nil {
			t.Fatal(err)
		}
		told := r.text.String()
		switch {
		case strings.Contains(told, "held back"):
			held++
			for _, want := range []string{"cycle, held;", "0 requests to the wiki", "idpbridge -c " + d.config + " deletions approve entra-to-wiki"} {
				if !strings.Contains(told, want) {
					t.Errorf("no word of %q:\n%s", want, told)
				}
			}
		case strings.Contains(told, "incomplete_source"):
			if !strings.Contains(told, "0 requests to the chat") {
				t.Errorf("a bad read led to requests:\n%s", told)
			}
		case strings.Contains(told, "cycle, held"):
		case !strings.Contains(told, "cycle, succeeded"):
			t.Errorf("a scene went wrong:\n%s", told)
		default:
			compare(t, sc.site, ever)
		}
	}
	if held != 1 {
		t.Errorf("the guard held deletions %d times", held)
	}
}

// TestApproval is what the story invites to do: the deletions go through, and come back.
func TestApproval(t *testing.T) {
	t.Parallel()
	d, _ := start(t)
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	story, ever := newStory(d), accounts{}
	compare(t, d.entra, ever)
	before := d.entra.active()
	if err := d.play(t.Context(), story.accident()); err != nil {
		t.Fatal(err)
	}
	if now := d.entra.active(); now != before {
		t.Fatalf("%d accounts were in use, now %d", before, now)
	}
	store, err := d.bridge.(*inProcess).app.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	row, err := store.Job(t.Context(), d.entra.job)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := store.Decide(t.Context(), row.ID, state.Ruling{Decision: state.Approved}); err != nil || n != len(story.victims) {
		t.Fatalf("%d deletions approved, of %d: %v", n, len(story.victims), err)
	}
	for _, sc := range []scene{story.quiet(), story.repair()} {
		if err := d.play(t.Context(), sc); err != nil {
			t.Fatal(err)
		}
		compare(t, d.entra, ever)
	}
}

func TestTellEndsWithContext(t *testing.T) {
	t.Parallel()
	d, r := start(t)
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := d.Tell(ctx); err != nil {
		t.Error(err)
	}
	if told := r.text.String(); !strings.Contains(told, "joins") || !strings.Contains(told, "POST   /Users ") {
		t.Errorf("told:\n%s", told)
	}
}

func TestIntroductionNamesConfiguration(t *testing.T) {
	t.Parallel()
	d, r := start(t)
	d.Introduce()
	d.Invite()
	for _, want := range []string{d.entra.sourceURL, d.okta.sinkURL, "idpbridge -c " + d.config + " status", "an emulated Okta org"} {
		if !strings.Contains(r.text.String(), want) {
			t.Errorf("nothing said of %q:\n%s", want, &r.text)
		}
	}
	info, err := os.Stat(d.config)
	if err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
		t.Errorf("configuration: %v, %v", info.Mode(), err)
	}
}

func TestTooFewPeople(t *testing.T) {
	t.Parallel()
	if _, err := Start(t.Context(), Options{People: MinPeople - 1}); err == nil {
		t.Error("accepted")
	}
}

// TestSamePeopleEveryTime holds the promise that one can come back to a person.
func TestSamePeopleEveryTime(t *testing.T) {
	t.Parallel()
	describe := func() []string {
		var out []string
		c := newCompany("Aldermoor", "aldermoor.example", 300, 1969)
		for _, p := range c.people {
			out = append(out, fmt.Sprint(p.name(), p.login, p.title, p.department, p.office, p.status))
		}
		for _, g := range c.groups {
			out = append(out, fmt.Sprint(g.name, len(g.members)))
		}
		return out
	}
	if diff := cmp.Diff(describe(), describe()); diff != "" {
		t.Errorf("two companies of one seed differ:\n%s", diff)
	}
}

// TestHierarchy checks that everybody but the chief has a manager who may lead, and that
// the line of managers ends.
func TestHierarchy(t *testing.T) {
	t.Parallel()
	for _, n := range []int{40, 70, 300, 3000} {
		c := newCompany("Aldermoor", "aldermoor.example", n, 1969)
		if got := len(c.people); got < n*9/10 || got > n*11/10+8 {
			t.Errorf("%d people were asked for, and %d came", n, got)
		}
		for _, p := range c.people[1:] {
			steps := 0
			for m := p; m.manager != nil; m = m.manager {
				if steps++; steps > 3 || m.manager.guest || m.manager.status != working {
					t.Fatalf("%s is led by %s, %s", m.name(), m.manager.name(), m.manager.title)
				}
			}
			if steps == 0 {
				t.Errorf("%s, %s, has no manager", p.name(), p.title)
			}
		}
	}
}
