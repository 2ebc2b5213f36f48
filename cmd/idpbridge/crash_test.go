package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// bench is a directory in files and an application that keeps no names unique and keeps
// members twice if they are added twice, so that every repeated request leaves a trace.
type bench struct {
	*testing.T
	dir    string
	server *scimtest.Server
	env    []string
}

func newBench(t *testing.T, users, groups int) *bench {
	t.Helper()
	b := &bench{T: t, dir: t.TempDir()}
	b.server = scimtest.New(scimtest.Options{
		Auth: scimtest.Auth{Bearer: token}, NoLog: true, Latency: time.Millisecond,
		Quirks: scimtest.Quirks{UserNameNotUnique: true, MemberAddAgain: scimtest.Append},
	})
	http := httptest.NewServer(b.server)
	t.Cleanup(http.Close)
	b.env = append(os.Environ(), "SINK_TOKEN="+token, "NO_COLOR=1")
	b.write("idpbridge.yaml", fmt.Sprintf(`sources:
  hr: {type: file, users: people.jsonl, groups: groups.jsonl}
sinks:
  wiki: {type: scim, base_url: %q, auth: {type: bearer, token: "${SINK_TOKEN}"}}
jobs:
  hr-to-wiki: {source: hr, sink: wiki}
`, http.URL+"/scim/v2"))
	b.directory(users, groups)
	return b
}

// directory writes the files: people who report to each other, and groups of them.
func (b *bench) directory(users, groups int) {
	b.Helper()
	var lines strings.Builder
	for g := range groups {
		b.line(&lines, map[string]any{"id": fmt.Sprintf("g%d", g), "displayName": fmt.Sprintf("Group %d", g), "members": membersOf(g, users)})
	}
	b.write("groups.jsonl", lines.String())
	lines.Reset()
	for i := range users {
		person := map[string]any{"id": fmt.Sprintf("u%d", i), "userName": name(i), "displayName": fmt.Sprintf("User %d", i), "active": true}
		if i > 0 {
			person["manager"] = fmt.Sprintf("u%d", i/10)
		}
		b.line(&lines, person)
	}
	b.write("people.jsonl", lines.String())
}

func name(i int) string { return fmt.Sprintf("user%d@example.com", i) }

// membersOf are the ids of every fifteenth user: in a big directory too many for one
// request.
func membersOf(g, users int) []string {
	out := []string{}
	for i := g; i < users; i += 15 {
		out = append(out, fmt.Sprintf("u%d", i))
	}
	return out
}

func (b *bench) line(to *strings.Builder, v any) {
	b.Helper()
	text, err := json.Marshal(v)
	b.must(err)
	to.Write(text)
	to.WriteByte('\n')
}

func (b *bench) write(file, text string) {
	b.Helper()
	b.must(os.WriteFile(filepath.Join(b.dir, file), []byte(text), 0o600))
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// command is the program, as a process of its own.
func (b *bench) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "idpbridge", args...)
	cmd.Dir, cmd.Env = b.dir, b.env
	return cmd
}

// run runs the program to its end, which has to be a good one.
func (b *bench) run(args ...string) {
	b.Helper()
	if out, err := b.command(b.Context(), args...).CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// killed runs a cycle that is killed, as by the kernel, when the application has seen a
// number of writes, or after some time in which it may not have seen any. It returns false
// if the cycle was done before.
func (b *bench) killed(writes int, after time.Duration) bool {
	b.Helper()
	cmd := b.command(b.Context(), "run", "hr-to-wiki")
	seen := b.server.Counts().Writes()
	b.must(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(after)
	for tick := time.Tick(500 * time.Microsecond); ; {
		select {
		case <-ended:
			return false
		case <-deadline:
		case <-tick:
			if b.server.Counts().Writes() < seen+writes {
				continue
			}
		}
		b.must(cmd.Process.Kill())
		<-ended
		return true
	}
}

// TestCrash kills the program at fifty random moments of its first cycle. One clean run
// later nobody is missing, nobody is there twice, and every group has its members once.
func TestCrash(t *testing.T) {
	users, groups, kills := 3000, 30, 50
	if testing.Short() {
		users, groups, kills = 600, 30, 10
	}
	b := newBench(t, users, groups)
	hits := 0
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano()))) //nolint:gosec // moments, not secrets
	for i := range kills {
		writes, after := 1+random.IntN(3*users/kills), time.Minute
		switch have, _, _ := b.server.Len(); {
		case i%5 == 0: // in the reading of source and application, too
			writes, after = users, time.Duration(random.IntN(150))*time.Millisecond
		case have >= users-20: // in the few requests for groups and members
			writes = 1 + random.IntN(6)
		}
		if b.killed(writes, after) {
			hits++
		}
	}
	have, _, members := b.server.Len()
	t.Logf("%d accounts and %d memberships after %d kills in the middle of a cycle", have, members, hits)
	if hits < kills/2 {
		t.Errorf("only %d of %d kills met a cycle that was not done", hits, kills)
	}
	b.run("run", "hr-to-wiki")
	b.check(users, groups)
	b.server.ResetCounts()
	b.run("run", "hr-to-wiki", "--reconcile")
	if n := b.server.Counts().Writes(); n != 0 {
		t.Errorf("a reconcile afterwards sends %d writes: %v", n, b.server.Counts())
	}
}

// check compares the application with the files.
func (b *bench) check(users, groups int) {
	b.Helper()
	ids := map[string]string{} // of the application → of the source
	count := map[string]int{}
	manager := map[string]any{}
	for _, u := range b.server.Users() {
		ids[u.ID] = u.ExternalID
		count[u.ExternalID]++
		manager[u.ExternalID] = u.Values["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"]
	}
	for i := range users {
		id := fmt.Sprintf("u%d", i)
		if count[id] != 1 {
			b.Errorf("%s has %d accounts", id, count[id])
		}
		if boss, _ := manager[id].(string); i > 0 && ids[boss] != fmt.Sprintf("u%d", i/10) {
			b.Errorf("the manager of %s is %q", id, ids[boss])
		}
	}
	found := b.server.Groups()
	if len(found) != groups || len(count) != users {
		b.Errorf("%d groups and %d users, want %d and %d", len(found), len(count), groups, users)
	}
	for _, g := range found {
		var n int
		_, err := fmt.Sscanf(g.DisplayName, "Group %d", &n)
		b.must(err)
		got := []string{}
		for _, m := range g.Members {
			got = append(got, ids[m])
		}
		want := membersOf(n, users)
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			b.Errorf("members of %s (-want +got):\n%s", g.DisplayName, d)
		}
	}
}

// TestRacingProcesses lets several processes provision the same new person beside a cycle
// that is about to do it, too. There is one account.
func TestRacingProcesses(t *testing.T) {
	b := newBench(t, 100, 3)
	b.run("run", "hr-to-wiki")
	b.directory(160, 3)
	b.server.SetLatency(100 * time.Millisecond) // so that they meet
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			args := []string{"provision", "hr-to-wiki", "--user", name(155)}
			if i == 0 {
				args = []string{"run", "hr-to-wiki"}
			}
			out, err := b.command(t.Context(), args...).CombinedOutput()
			if err != nil {
				t.Errorf("%v: %v\n%s", args, err, out)
			}
		})
	}
	wg.Wait()
	b.server.SetLatency(0)
	b.run("run", "hr-to-wiki")
	b.check(160, 3)
}

// TestDamagedSourceExits: the exit status says that a source was not believed.
func TestDamagedSourceExits(t *testing.T) {
	b := newBench(t, 20, 3)
	b.run("run", "hr-to-wiki")
	for i, damage := range []string{"", "<html>Bad gateway</html>\n", `{"id":"u0","userName":"cut`} {
		b.write("people.jsonl", damage)
		out, err := b.command(t.Context(), "run", "hr-to-wiki", "--allow-deletions", "-o", "json").Output()
		exit, ok := errors.AsType[*exec.ExitError](err)
		want := 1
		if i == 2 {
			want = 4 // the third in a row: the job is in quarantine
		}
		if !ok || exit.ExitCode() != want {
			t.Errorf("damage %q: %v, want exit status %d", damage, err, want)
		}
		var cycle struct {
			Error struct{ Code string }
		}
		b.must(json.Unmarshal(out, &cycle))
		if cycle.Error.Code != "incomplete_source" {
			t.Errorf("damage %q: code %q", damage, cycle.Error.Code)
		}
	}
	b.directory(20, 3)
	b.run("run", "hr-to-wiki")
	b.check(20, 3)
}
