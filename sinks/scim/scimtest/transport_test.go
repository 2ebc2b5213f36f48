package scimtest

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const aUser = `{"schemas":["` + userURN + `"],"userName":"alice"}`

// TestFaults checks, for each fault, what the client sees and whether the effect took place.
func TestFaults(t *testing.T) {
	tests := []struct {
		name   string
		fault  Fault
		status int // 0: no whole answer
		made   bool
		check  func(result) bool
	}{
		{"error before the effect", Fault{Status: 500}, 500, false, func(r result) bool { return r.text("status") == "500" }},
		{"error after the effect", Fault{Status: 502, Effect: true, ContentType: "text/html", Body: "<p>"}, 502, true, func(r result) bool { return r.raw == "<p>" }},
		{"empty error", Fault{Status: 503, NoBody: true}, 503, false, func(r result) bool { return r.raw == "" }},
		{"web page", WebPage404(), 404, false, func(r result) bool { return strings.HasPrefix(r.header.Get("Content-Type"), "text/html") }},
		{"retry after", RetryAfter(429, "7"), 429, false, func(r result) bool { return r.header.Get("Retry-After") == "7" }},
		{"dropped before", Fault{DropBefore: true}, 0, false, nil},
		{"dropped after", Fault{DropAfter: true}, 0, true, nil},
		{"cut", Fault{CutBody: 10}, 0, true, nil},
		{"no effect", Fault{NoEffect: true}, 201, false, func(r result) bool { return r.text("id") != "" }},
		{"no id", Fault{NoID: true}, 201, true, func(r result) bool {
			return r.text("id") == "" && r.text("userName") == "alice" && r.header.Get("Location") == "" && r.doc["meta"] == nil
		}},
		{"another verb", Fault{Method: "GET", Status: 500}, 201, true, nil},
		{"another path", Fault{Path: "/Groups", Status: 500}, 201, true, nil},
		{"this route", Fault{Method: "POST", Path: "/Users", Status: 500}, 500, false, nil},
		{"not matched", Fault{Match: func(r Request) bool { return r.Size == 0 }, Status: 500}, 201, true, nil},
		{"not yet", Fault{Skip: 1, Status: 500}, 201, true, nil},
		{"added header", Fault{Header: map[string]string{"X-Test": "1"}}, 201, true, func(r result) bool { return r.header.Get("X-Test") == "1" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, Options{})
			hits := c.s.Inject(tt.fault)
			r, err := c.try("POST", "/Users", aUser)
			if (err != nil) != (tt.status == 0) || err == nil && r.status != tt.status {
				t.Fatalf("status %d %s, error %v", r.status, r.raw, err)
			}
			if tt.check != nil && !tt.check(r) {
				t.Errorf("answer %v %s", r.header, r.raw)
			}
			if made := len(c.s.UsersNamed("alice")) == 1; made != tt.made {
				t.Errorf("user made: %v, want %v", made, tt.made)
			}
			if harmless := tt.status == 201 && tt.check == nil; (hits() == 0) != harmless {
				t.Errorf("hits %d", hits())
			}
			c.s.ClearFaults()
			c.must(200, "GET", "/Users", "")
		})
	}
}

func TestFaultHitsChosenRequests(t *testing.T) {
	c := serve(t, Options{})
	id := c.user("a", `,"title":"x"`)
	c.s.Inject(Fault{Method: "GET", Path: "/Users/{id}", Skip: 1, Times: 2, Status: 500})
	c.s.Inject(Fault{Path: "/Users/" + id, Method: "PATCH", NoEffect: true})
	c.s.Inject(Fault{Path: "/Users?filter", Status: 404})
	for i, want := range []int{200, 500, 500, 200} {
		if r := c.do("GET", "/Users/"+id, ""); r.status != want {
			t.Errorf("GET %d: %d, want %d", i, r.status, want)
		}
	}
	r := c.must(200, "PATCH", "/Users/"+id, patchBody(`{"op":"replace","path":"title","value":"y"}`))
	if u, _ := c.s.User(id); r.text("title") != "x" || u.Values["title"] != "x" {
		t.Errorf("a PATCH without effect: answered %s, held %v", r.raw, u.Values)
	}
	c.must(200, "GET", "/Users", "")
	c.must(404, "GET", "/Users?filter=title+pr", "")
}

// TestDelays runs the handler on a fake clock.
func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Latency: 20 * time.Millisecond})
		s.Inject(Fault{Method: "POST", DelayBefore: time.Second, DelayAfter: time.Minute})
		start := time.Now()
		w := record(s, "POST", "/Users", aUser)
		if took := time.Since(start); w.status != 201 || took != time.Minute+time.Second+20*time.Millisecond {
			t.Errorf("%d after %v", w.status, took)
		}
		s.SetLatency(0)
		if start = time.Now(); record(s, "GET", "/Users", "").status != 200 || time.Since(start) != 0 {
			t.Errorf("latency is not switched off: %v", time.Since(start))
		}
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Limits: []Limit{
			{Rate: 10, Burst: 2, Until: time.Minute, Methods: []string{"GET"}},
			{Rate: 1, Burst: 1, From: time.Minute, Methods: []string{"GET"}},
		}})
		count := func(d time.Duration) (ok int) {
			for range int(d / (10 * time.Millisecond)) {
				if record(s, "GET", "/Users", "").status == 200 {
					ok++
				}
				time.Sleep(10 * time.Millisecond)
			}
			return ok
		}
		if ok := count(10 * time.Second); ok < 99 || ok > 102 {
			t.Errorf("%d answered in 10 s at 10/s", ok)
		}
		time.Sleep(time.Minute)
		if ok := count(10 * time.Second); ok < 10 || ok > 11 {
			t.Errorf("%d answered in 10 s at 1/s", ok)
		}
		if r := record(s, "DELETE", "/Users/x", ""); r.status != 404 {
			t.Errorf("a verb without limit: %d", r.status)
		}
		s.SetLimits()
		if ok := count(time.Second); ok != 100 {
			t.Errorf("%d of 100 without limits", ok)
		}
	})
}

// TestLimitTells checks that a client that waits as told is served, and one that does not
// is refused.
func TestLimitTells(t *testing.T) {
	seconds := func(s string) time.Duration { n, _ := strconv.Atoi(s); return time.Duration(n) * time.Second }
	tests := []struct {
		name  string
		limit Limit
		wait  func(http.Header) time.Duration
	}{
		{"seconds", Limit{Rate: 0.1}, func(h http.Header) time.Duration { return seconds(h.Get("Retry-After")) }},
		{"date", Limit{Rate: 0.1, Tell: TellDate}, func(h http.Header) time.Duration {
			at, err := http.ParseTime(h.Get("Retry-After"))
			if err != nil {
				return 0
			}
			return time.Until(at)
		}},
		{"x-retry-after", Limit{Requests: 1, Window: 10 * time.Second, Status: 503, Tell: TellXRetryAfter}, func(h http.Header) time.Duration {
			if h.Get("Retry-After") != "" {
				return 0
			}
			return seconds(h.Get("X-Retry-After"))
		}},
		{"reset", Limit{Requests: 1, Window: 10 * time.Second, Status: 403, Tell: TellReset}, func(h http.Header) time.Duration {
			at, _ := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
			return time.Until(time.Unix(at, 0))
		}},
		{"other", Limit{Rate: 0.1, TellWait: time.Hour}, func(h http.Header) time.Duration {
			return seconds(h.Get("Retry-After")) - time.Hour + 10*time.Second
		}},
		{"nothing", Limit{Rate: 0.1, Tell: TellNothing, ContentType: "text/plain", Body: `{"message":"slow"}`}, func(h http.Header) time.Duration {
			if len(h) != 1 || h.Get("Content-Type") != "text/plain" {
				return 0
			}
			return 10 * time.Second
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Options{Limits: []Limit{tt.limit}})
				if r := record(s, "GET", "/Users", ""); r.status != 200 {
					t.Fatalf("first: %d", r.status)
				}
				r := record(s, "GET", "/Users", "")
				wait := tt.wait(r.header)
				if r.status == 200 || wait < 9*time.Second || wait > 12*time.Second {
					t.Fatalf("status %d, wait %v, header %v", r.status, wait, r.header)
				}
				if time.Sleep(wait - 2*time.Second); record(s, "GET", "/Users", "").status == 200 {
					t.Error("served too early")
				}
				if time.Sleep(2 * time.Second); record(s, "GET", "/Users", "").status != 200 {
					t.Error("not served after the wait")
				}
			})
		})
	}
}

func TestLimitBySize(t *testing.T) {
	s := New(Options{Limits: []Limit{{Path: "/Groups", BodyOver: 200, Rate: 0.001}}})
	large := groupBody(strings.Repeat("x", 200))
	for i, want := range []int{201, 429} {
		if r := record(s, "POST", "/Groups", large); r.status != want {
			t.Errorf("%d: %d, want %d", i, r.status, want)
		}
	}
	for range 3 {
		if r := record(s, "POST", "/Groups", groupBody("x")); r.status != 201 {
			t.Errorf("small body: %d", r.status)
		}
	}
}

func TestAuth(t *testing.T) {
	c := serve(t, Options{Auth: Auth{Bearer: "tok", Username: "u", Password: "p", HeaderName: "X-Key", HeaderValue: "k"}})
	basic := func(u, p string) string {
		r, _ := http.NewRequest("GET", "/", nil)
		r.SetBasicAuth(u, p)
		return r.Header.Get("Authorization")
	}
	for _, tt := range []struct {
		name, value string
		status      int
	}{
		{"Authorization", "Bearer tok", 200},
		{"Authorization", "bearer tok", 200},
		{"Authorization", "Bearer tokk", 401},
		{"Authorization", "Bearer ", 401},
		{"Authorization", "tok", 401},
		{"Authorization", basic("u", "p"), 200},
		{"Authorization", basic("u", "x"), 401},
		{"X-Key", "k", 200},
		{"X-Key", "x", 401},
		{"X-Other", "k", 401},
	} {
		r := c.do("GET", "/Users", "", tt.name, tt.value)
		if r.status != tt.status || (r.status == 401) != (r.header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %s: %d %v", tt.name, tt.value, r.status, r.header)
		}
	}
	c.s.SetAuth(Auth{Bearer: "new"})
	c.must(401, "GET", "/Users", "", "Authorization", "Bearer tok")
	c.must(200, "GET", "/Users", "", "Authorization", "Bearer new")
}

func TestOAuth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Auth: Auth{OAuth: OAuth{ClientID: "id", ClientSecret: "se cret", Lifetime: time.Minute, Overstate: time.Hour, Scope: "scim"}}})
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"id"}, "client_secret": {"se cret"}, "scope": {"a scim"}}
		token := func(change url.Values) (int, map[string]any) {
			f := url.Values{}
			for k, v := range form {
				f[k] = v
			}
			for k, v := range change {
				f[k] = v
			}
			r := recordURL(s, "POST", "/oauth/token", f.Encode())
			return r.status, r.doc
		}
		for _, tt := range []struct {
			change url.Values
			want   string
		}{
			{url.Values{"client_secret": {"x"}}, "invalid_client"},
			{url.Values{"grant_type": {"password"}}, "unsupported_grant_type"},
			{url.Values{"scope": {"other"}}, "invalid_scope"},
		} {
			if status, doc := token(tt.change); status == 200 || doc["error"] != tt.want {
				t.Errorf("%v: %d %v", tt.change, status, doc)
			}
		}
		status, doc := token(nil)
		tok, _ := doc["access_token"].(string)
		if status != 200 || doc["expires_in"] != 3660.0 || doc["token_type"] != "Bearer" {
			t.Fatalf("%d %v", status, doc)
		}
		get := func() int { return record(s, "GET", "/Users", "", "Authorization", "Bearer "+tok).status }
		if get() != 200 {
			t.Error("fresh token refused")
		}
		if time.Sleep(61 * time.Second); get() != 401 {
			t.Error("old token accepted")
		}
		_, doc = token(nil)
		tok, _ = doc["access_token"].(string)
		if s.RevokeTokens(); get() != 401 {
			t.Error("revoked token accepted")
		}
	})
}

func TestTooLargeBody(t *testing.T) {
	c := serve(t, Options{MaxBody: 100})
	c.must(413, "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"`+strings.Repeat("x", 100)+`"}`)
}

func TestDropIsNoAnswer(t *testing.T) {
	c := serve(t, Options{})
	c.s.Inject(Fault{DropBefore: true})
	if _, err := c.try("POST", "/Users", aUser); !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want EOF", err)
	}
	if c.s.Statuses()[0] != 1 {
		t.Errorf("statuses %v", c.s.Statuses())
	}
}
