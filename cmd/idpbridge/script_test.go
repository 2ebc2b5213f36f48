package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

const (
	token    = "s3cret-token"
	slowness = 500 * time.Millisecond
)

type serverKey struct{}

// setup starts an emulated application for a script, which finds it in $SINK_URL and
// $SINK_TOKEN.
func setup(env *testscript.Env) error {
	server := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: token}, KeepBodies: true})
	http := httptest.NewServer(server)
	env.Defer(http.Close)
	env.Setenv("SINK_URL", http.URL+"/scim/v2")
	env.Setenv("SINK_TOKEN", token)
	env.Setenv("NO_COLOR", "1")
	env.Values[serverKey{}] = server
	return nil
}

// sinkCmd looks at the application or changes it behind the bridge's back:
//
//	sink writes N            N writes reached it since the last reset
//	sink requests N          N requests did
//	sink reset               begins to count anew
//	sink user NAME [PATH=VALUE…]   it has one user of the name, with these values
//	sink group NAME [USER…]  it has one group of the name, with exactly these members
//	sink add NAME            makes a user that nobody manages
//	sink refuse VERB PATH STATUS   refuses requests, e.g. POST /Users 400
//	sink slow VERB PATH      lets them wait half a second
//	sink mend                ends all of that
//	sink len USERS GROUPS    it has so many of each
//	sink await VERB          waits until a request of that kind has arrived
//
// With ! the user or group must be missing.
func sinkCmd(ts *testscript.TestScript, neg bool, args []string) {
	server := ts.Value(serverKey{}).(*scimtest.Server)
	if len(args) == 0 {
		ts.Fatalf("usage: sink writes|requests|reset|user|group|add|refuse|slow|mend")
	}
	switch verb, rest := args[0], args[1:]; verb {
	case "writes":
		equal(ts, "writes", server.Counts().Writes(), rest)
	case "requests":
		equal(ts, "requests", server.Counts().Total(), rest)
	case "reset":
		server.ResetCounts()
	case "user":
		checkUser(ts, server.UsersNamed(rest[0]), neg, rest)
	case "group":
		checkGroup(ts, server, neg, rest)
	case "add":
		server.AddUser(map[string]any{"userName": rest[0], "active": true})
	case "refuse":
		status, err := strconv.Atoi(rest[2])
		ts.Check(err)
		server.Inject(scimtest.Fault{Method: rest[0], Path: rest[1], Status: status})
	case "slow":
		server.Inject(scimtest.Fault{Method: rest[0], Path: rest[1], DelayBefore: slowness})
	case "mend":
		server.ClearFaults()
	case "len":
		users, groups, _ := server.Len()
		equal(ts, "users", users, rest)
		equal(ts, "groups", groups, rest[1:])
	case "await":
		await(ts, server, rest[0])
	default:
		ts.Fatalf("sink %s is unknown", verb)
	}
}

func await(ts *testscript.TestScript, server *scimtest.Server, verb string) {
	for range 1000 {
		if server.Counts().Of(verb) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("no %s request arrived", verb)
}

func equal(ts *testscript.TestScript, what string, got int, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got != want {
		ts.Fatalf("%d %s, not %d", got, what, want)
	}
}

func checkUser(ts *testscript.TestScript, found []scimtest.User, neg bool, args []string) {
	if neg {
		if len(found) > 0 {
			ts.Fatalf("the application has a user %s", args[0])
		}
		return
	}
	if len(found) != 1 {
		ts.Fatalf("the application has %d users %s", len(found), args[0])
	}
	for _, want := range args[1:] {
		path, value, _ := strings.Cut(want, "=")
		got := found[0].Values[path]
		if got == nil {
			got = ""
		}
		if fmt.Sprint(got) != value {
			ts.Fatalf("%s of %s is %v, not %s", path, args[0], got, value)
		}
	}
}

func checkGroup(ts *testscript.TestScript, server *scimtest.Server, neg bool, args []string) {
	found := server.GroupsNamed(args[0])
	if neg {
		if len(found) > 0 {
			ts.Fatalf("the application has a group %s", args[0])
		}
		return
	}
	if len(found) != 1 {
		ts.Fatalf("the application has %d groups %s", len(found), args[0])
	}
	if diff := cmp.Diff(append([]string{}, args[1:]...), append([]string{}, server.Members(args[0])...)); diff != "" {
		ts.Fatalf("members of %s (-want +got):\n%s", args[0], diff)
	}
}

// statusCmd runs a command and checks its exit status: `status 4 idpbridge run job`. With
// - instead of the command, the one that ran in the background is meant.
func statusCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, not %d", got, want)
	}
}

// jsonCmd checks values of the JSON that the last command printed: `json users.created=2`.
// A value is compared as JSON; `json users.created` only wants it to be there.
func jsonCmd(ts *testscript.TestScript, neg bool, args []string) {
	var doc any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &doc))
	for _, arg := range args {
		path, want, compare := strings.Cut(arg, "=")
		got, there := walk(doc, path)
		if there == neg {
			ts.Fatalf("%s: there: %t", path, there)
		}
		if text, err := json.Marshal(got); compare && (err != nil || string(text) != want) {
			ts.Fatalf("%s is %s, not %s", path, text, want)
		}
	}
}

// walk follows a path such as jobs.0.name.
func walk(doc any, path string) (any, bool) {
	for name := range strings.SplitSeq(path, ".") {
		switch v := doc.(type) {
		case map[string]any:
			value, ok := v[name]
			if !ok {
				return nil, false
			}
			doc = value
		case []any:
			if name == "length" {
				doc = len(v)
				continue
			}
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				return nil, false
			}
			doc = v[i]
		default:
			return nil, false
		}
	}
	return doc, true
}
