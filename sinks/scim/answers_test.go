package scim_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// verbs are one call of each kind, on an account that exists.
var verbs = map[string]func(ctx context.Context, s *scim.Sink, id sinks.ID) error{
	http.MethodPost: func(ctx context.Context, s *scim.Sink, _ sinks.ID) error {
		_, err := s.Do(ctx, sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: "new"}}})
		return err
	},
	http.MethodPatch: func(ctx context.Context, s *scim.Sink, id sinks.ID) error {
		_, err := s.Do(ctx, sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: id, Attributes: []sinks.Attribute{{Path: "active", Value: false}}})
		return err
	},
	http.MethodDelete: func(ctx context.Context, s *scim.Sink, id sinks.ID) error {
		_, err := s.Do(ctx, sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: id})
		return err
	},
	http.MethodGet: func(ctx context.Context, s *scim.Sink, id sinks.ID) error {
		_, err := s.Get(ctx, sinks.Query{Resource: sinks.User, Paths: []string{"userName"}}, id)
		return err
	},
	"FILTER": func(ctx context.Context, s *scim.Sink, _ sinks.ID) error {
		_, err := s.Find(ctx, sinks.Query{Resource: sinks.User}, "userName", "ada")
		return err
	},
	"LIST": func(ctx context.Context, s *scim.Sink, _ sinks.ID) error {
		_, err := s.List(ctx, sinks.Query{Resource: sinks.User}, "")
		return err
	},
}

const page = "<!doctype html><title>gateway</title>"

// TestAnswers is the table of what an answer means, by verb. 0: the call succeeds.
func TestAnswers(t *testing.T) {
	t.Parallel()
	writes := func(c sinks.Class) map[string]sinks.Class {
		return map[string]sinks.Class{http.MethodPost: c, http.MethodPatch: c, http.MethodDelete: c}
	}
	reads := func(m map[string]sinks.Class, get, find sinks.Class) map[string]sinks.Class {
		m[http.MethodGet], m["FILTER"], m["LIST"] = get, find, find
		return m
	}
	all := func(c sinks.Class) map[string]sinks.Class { return reads(writes(c), c, c) }
	html := func(status int) scimtest.Fault {
		return scimtest.Fault{Status: status, ContentType: "text/html", Body: page}
	}
	tests := map[string]struct {
		fault scimtest.Fault
		want  map[string]sinks.Class
	}{
		"400":              {scimtest.Fault{Status: 400}, all(sinks.Rejected)},
		"401":              {scimtest.Fault{Status: 401}, all(sinks.Denied)},
		"400 uniqueness":   {scimtest.Fault{Status: 400, Body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"uniqueness"}`}, map[string]sinks.Class{http.MethodPost: sinks.Conflict, http.MethodPatch: sinks.Conflict}},
		"401 empty":        {scimtest.Fault{Status: 401, NoBody: true}, all(sinks.Denied)},
		"403":              {scimtest.Fault{Status: 403}, all(sinks.Denied)},
		"403 limit":        {scimtest.Fault{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0"}}, all(sinks.Throttled)},
		"404 scim on GET":  {scimtest.Fault{Status: 404, Method: http.MethodGet}, reads(writes(0), sinks.Missing, sinks.Incompatible)},
		"404 html on GET":  {scimtest.Fault{Status: 404, Method: http.MethodGet, ContentType: "text/html", Body: page}, reads(writes(0), sinks.Incompatible, sinks.Incompatible)},
		"404 html on all":  {html(404), all(sinks.Incompatible)},
		"404 on POST":      {scimtest.Fault{Status: 404, Method: http.MethodPost}, map[string]sinks.Class{http.MethodPost: sinks.Incompatible}},
		"404 on PATCH":     {scimtest.Fault{Status: 404, Method: http.MethodPatch}, map[string]sinks.Class{http.MethodPatch: sinks.Rejected}},
		"404 on DELETE":    {scimtest.Fault{Status: 404, Method: http.MethodDelete}, map[string]sinks.Class{http.MethodDelete: sinks.Rejected}},
		"405":              {scimtest.Fault{Status: 405}, all(sinks.Incompatible)},
		"408":              {scimtest.Fault{Status: 408}, reads(writes(sinks.Unclear), sinks.Unreachable, sinks.Unreachable)},
		"409":              {scimtest.Fault{Status: 409}, writes(sinks.Conflict)},
		"412":              {scimtest.Fault{Status: 412}, writes(sinks.Throttled)},
		"413":              {scimtest.Fault{Status: 413}, writes(sinks.Rejected)},
		"422":              {scimtest.Fault{Status: 422}, writes(sinks.Rejected)},
		"429":              {scimtest.Fault{Status: 429}, all(sinks.Throttled)},
		"500":              {scimtest.Fault{Status: 500}, all(sinks.Unclear)},
		"501":              {scimtest.Fault{Status: 501}, all(sinks.Incompatible)},
		"502 html":         {html(502), reads(writes(sinks.Unclear), sinks.Unreachable, sinks.Unreachable)},
		"503":              {scimtest.Fault{Status: 503}, reads(writes(sinks.Unclear), sinks.Unreachable, sinks.Unreachable)},
		"503 with a time":  {scimtest.RetryAfter(503, "7"), all(sinks.Throttled)},
		"302":              {scimtest.Fault{Status: 302, Header: map[string]string{"Location": "https://login.example.com/"}}, all(sinks.Incompatible)},
		"200 html":         {html(200), reads(map[string]sinks.Class{http.MethodPost: sinks.Unclear, http.MethodPatch: sinks.Unclear}, sinks.Incompatible, sinks.Incompatible)},
		"200 {}":           {scimtest.Fault{Status: 200, Body: "{}"}, reads(map[string]sinks.Class{http.MethodPost: sinks.Unclear}, sinks.Incompatible, sinks.Incompatible)},
		"200 nothing":      {scimtest.Fault{Status: 200, NoBody: true}, reads(map[string]sinks.Class{http.MethodPost: sinks.Unclear}, sinks.Incompatible, sinks.Incompatible)},
		"SCIM 1.1":         {scimtest.Fault{Status: 200, Body: `{"schemas":["urn:scim:schemas:core:1.0"],"id":"1","totalResults":0}`}, reads(map[string]sinks.Class{http.MethodPost: sinks.Incompatible, http.MethodPatch: sinks.Incompatible}, sinks.Incompatible, sinks.Incompatible)},
		"dropped before":   {scimtest.Fault{DropBefore: true}, reads(writes(sinks.Unclear), sinks.Unreachable, sinks.Unreachable)},
		"dropped after":    {scimtest.Fault{DropAfter: true, Times: 1, Method: http.MethodPost}, map[string]sinks.Class{http.MethodPost: sinks.Unclear}},
		"answer cut":       {scimtest.Fault{CutBody: 20}, reads(map[string]sinks.Class{http.MethodPost: sinks.Unclear, http.MethodPatch: sinks.Unclear}, sinks.Unreachable, sinks.Unreachable)},
		"201 without id":   {scimtest.Fault{NoID: true, Method: http.MethodPost}, map[string]sinks.Class{http.MethodPost: sinks.Unclear}},
		"nothing happened": {scimtest.Fault{NoEffect: true, Method: http.MethodPatch}, map[string]sinks.Class{http.MethodPatch: sinks.Rejected}},
	}
	for name, tt := range tests {
		for verb, want := range tt.want {
			t.Run(name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				srv, sink := setup{}.start(t)
				id := sinks.ID(srv.AddUser(map[string]any{"userName": "ada", "active": true}))
				srv.Inject(tt.fault)
				err := verbs[verb](t.Context(), sink, id)
				if got := sinks.ClassOf(err); got != want || (want == 0) != (err == nil) {
					t.Errorf("class %s, want %s: %v", got, want, err)
				}
				if err != nil && sinks.HintOf(err) == "" {
					t.Errorf("no advice: %v", err)
				}
			})
		}
	}
}

// TestUnreachable: without a connection nothing can have happened.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	sink, err := scim.New(scim.Config{BaseURL: "http://127.0.0.1:1", Auth: scim.Auth{Type: "bearer", Token: token}}, nil, discard())
	if err != nil {
		t.Fatal(err)
	}
	for verb, call := range verbs {
		if err := call(t.Context(), sink, "1"); sinks.ClassOf(err) != sinks.Unreachable {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

// TestTimeout: a write that timed out has an unclear outcome, whether or not it took effect.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]scimtest.Fault{
		"before": {DelayBefore: 5 * time.Second}, "after": {DelayAfter: 5 * time.Second},
	} {
		srv, sink := setup{}.start(t)
		if err := sink.Probe(t.Context()); err != nil { // a connection is there
			t.Fatal(err)
		}
		srv.Inject(fault)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := verbs[http.MethodPost](ctx, sink, "")
		cancel()
		if sinks.ClassOf(err) != sinks.Unclear {
			t.Errorf("%s the effect: %v", name, err)
		}
	}
}

func TestRetryAfterIsTold(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"7", time.Now().Add(7 * time.Second).UTC().Format(http.TimeFormat)} {
		srv, sink := setup{}.start(t)
		srv.Inject(scimtest.RetryAfter(429, value))
		err := verbs["FILTER"](t.Context(), sink, "")
		if e, ok := err.(*sinks.Error); !ok || e.RetryAfter < 5*time.Second || e.RetryAfter > 7*time.Second { //nolint:errorlint // Find returns it bare
			t.Errorf("Retry-After %q: %#v", value, err)
		}
	}
}

// TestPreconditionIsRetried: a 412 to a request without If-Match is the server's own race.
func TestPreconditionIsRetried(t *testing.T) {
	t.Parallel()
	srv, sink := setup{}.start(t)
	id := sinks.ID(srv.AddUser(map[string]any{"userName": "ada", "active": true}))
	hits := srv.Inject(scimtest.Fault{Method: http.MethodPatch, Status: 412, Times: 2})
	if err := verbs[http.MethodPatch](t.Context(), sink, id); err != nil {
		t.Fatal(err)
	}
	if u, _ := srv.User(string(id)); u.Active || hits() != 2 {
		t.Errorf("active %t after %d refusals", u.Active, hits())
	}
}
