package scim

import (
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
)

func valid() Config {
	return Config{BaseURL: "https://app.example/scim", Auth: Auth{Type: "bearer", Token: "t"}}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Config)
		want   []string // keys
	}{
		"good":                      {func(*Config) {}, nil},
		"loopback":                  {func(c *Config) { c.BaseURL = "http://127.0.0.1:8080/scim?aad" }, nil},
		"nothing":                   {func(c *Config) { *c = Config{} }, []string{"base_url", "auth.type"}},
		"plain http":                {func(c *Config) { c.BaseURL = "http://app.example/scim" }, []string{"base_url"}},
		"no scheme":                 {func(c *Config) { c.BaseURL = "app.example/scim" }, []string{"base_url"}},
		"password in the URL":       {func(c *Config) { c.BaseURL = "https://u:p@app.example/" }, []string{"base_url"}},
		"fragment":                  {func(c *Config) { c.BaseURL = "https://app.example/#x" }, []string{"base_url"}},
		"unknown profile":           {func(c *Config) { c.Profile = "slakc" }, []string{"profile"}},
		"unknown auth":              {func(c *Config) { c.Auth.Type = "kerberos" }, []string{"auth.type"}},
		"no token":                  {func(c *Config) { c.Auth.Token = "" }, []string{"auth.token"}},
		"line break":                {func(c *Config) { c.Auth.Token = "a\nb" }, []string{"auth.token"}},
		"basic":                     {func(c *Config) { c.Auth = Auth{Type: "basic"} }, []string{"auth.username", "auth.password"}},
		"header":                    {func(c *Config) { c.Auth = Auth{Type: "header", Name: "a b", Value: "v"} }, []string{"auth.name"}},
		"oauth2":                    {func(c *Config) { c.Auth = Auth{Type: "oauth2", TokenURL: "http://idp.example/"} }, []string{"auth.token_url", "auth.client_id", "auth.client_secret"}},
		"rate":                      {func(c *Config) { c.RateLimit = "fast" }, []string{"rate_limit"}},
		"negative":                  {func(c *Config) { c.Concurrency, c.Timeout = -1, -1 }, []string{"concurrency", "timeout"}},
		"authority":                 {func(c *Config) { c.TLS.CAFile = "/does/not/exist" }, []string{"tls.ca_file"}},
		"override":                  {func(c *Config) { c.Override = Override{UserUpdate: new(UpdateVerb("post")), PageSize: new(0)} }, []string{"override.user_update", "override.page_size"}},
		"unreadable members by PUT": {func(c *Config) { c.Override = Override{MemberRemoval: new(RemoveByPut), MembersUnreadable: new(true)} }, []string{"override.member_removal"}},
		"budgets":                   {func(c *Config) { c.Override.Budgets = &[]BudgetSpec{{Rate: "x", Resource: "dog"}} }, []string{"override.budgets[0].rate", "override.budgets[0].resource"}},
	}
	for name, tt := range tests {
		c := valid()
		tt.change(&c)
		var got []string
		for _, p := range c.Validate() {
			got = append(got, p.Key)
			if strings.Contains(p.Message, "u:p@") {
				t.Errorf("%s: a password in %q", name, p.Message)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if _, err := New(c, nil, nil); (err == nil) != (len(got) == 0) {
			t.Errorf("%s: New: %v", name, err)
		}
	}
}

// TestOverrideCoversProfile: every setting of a profile can be overridden, and is.
func TestOverrideCoversProfile(t *testing.T) {
	t.Parallel()
	profile, override := reflect.TypeFor[Profile](), reflect.TypeFor[Override]()
	for field := range profile.Fields() {
		name := field.Name
		f, ok := override.FieldByName(name)
		if name != "Name" && (!ok || f.Tag.Get("yaml") == "") {
			t.Errorf("Profile.%s has no override", name)
		}
	}
	const text = `
user_update: put
group_update: put
patch_form: object
entry_op: add
member_removal: put
members_per_request: 7
members_on_create: false
members_unreadable: true
paging: none
page_size: 9
filterable: [a]
case_exact: [b]
case_ignored: [c]
not_found_is_empty: true
disable_is_final: true
user_delete: deactivates
not_clearable: [d]
fixed: [e]
required: [f]
single_valued: [g]
unechoed: [h]
rejected_conflicts: [i]
throttle_status: [420]
if_match: never
no_bulk: true
concurrency: 3
budgets: [{methods: [GET], resource: group, min_bytes: 10, rate: 5/30s, burst: 2}]
`
	var o Override
	if err := yaml.UnmarshalWithOptions([]byte(text), &o, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	want := Profile{
		Name: "rfc7644", UserUpdate: UpdatePut, GroupUpdate: UpdatePut, PatchForm: FormObject, EntryOp: "add",
		MemberRemoval: RemoveByPut, MembersPerRequest: 7, MembersUnreadable: true, Paging: PageNone, PageSize: 9,
		Filterable: []string{"a"}, CaseExact: []string{"b"}, CaseIgnored: []string{"c"}, NotFoundIsEmpty: true,
		DisableIsFinal: true, UserDelete: DeleteDeactivates, NotClearable: []string{"d"}, Fixed: []string{"e"},
		Required: []string{"f"}, SingleValued: []string{"g"}, Unechoed: []string{"h"}, RejectedConflicts: []string{"i"},
		ThrottleStatus: []int{420}, NoBulk: true, IfMatch: IfMatchNever, Concurrency: 3,
		Budgets: []Budget{{Methods: []string{"GET"}, Resource: sinks.Group, MinBytes: 10, N: 5, Per: 30 * time.Second, Burst: 2}},
	}
	if diff := cmp.Diff(want, o.apply(rfc7644())); diff != "" {
		t.Errorf("override (-want +got):\n%s", diff)
	}
}

// TestProfilesAreSound: each makes a sink, and is explained in the documentation.
func TestProfilesAreSound(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/sinks.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range Profiles() {
		c := valid()
		c.Profile = name
		if problems := c.Validate(); len(problems) > 0 || p.Name != name {
			t.Errorf("%s: %v", name, problems)
		}
		if !strings.Contains(string(doc), "### `"+name+"`") {
			t.Errorf("docs/sinks.md does not explain %s", name)
		}
	}
	override := reflect.TypeFor[Override]()
	for field := range override.Fields() {
		key := field.Tag.Get("yaml")
		if !strings.Contains(string(doc), "`"+key+"`") {
			t.Errorf("docs/sinks.md does not explain override.%s", key)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		header, value string
		want          time.Duration
	}{
		{"Retry-After", "7", 7 * time.Second},
		{"Retry-After", "1.5", 1500 * time.Millisecond},
		{"Retry-After", "-3", 0},
		{"Retry-After", "soon", 0},
		{"Retry-After", "NaN", 0},
		{"Retry-After", "9999999", maxWait},
		{"Retry-After", "Fri, 01 May 2026 12:00:30 GMT", 30 * time.Second},
		{"Retry-After", "Fri, 01 May 2020 12:00:30 GMT", 0},
		{"X-Retry-After", "9", 9 * time.Second},
		{"X-RateLimit-Reset", "20", 20 * time.Second},
		{"X-RateLimit-Reset", "1777636860", 60 * time.Second},
		{"X-Rate-Limit-Reset", "1777636860000", 60 * time.Second},
	}
	for _, tt := range tests {
		if got := retryAfter(http.Header{http.CanonicalHeaderKey(tt.header): {tt.value}}, now); got != tt.want {
			t.Errorf("%s: %s = %s, want %s", tt.header, tt.value, got, tt.want)
		}
	}
	late := http.Header{"Retry-After": {"Fri, 01 May 2026 12:00:30 GMT"}, "Date": {"Fri, 01 May 2026 12:00:25 GMT"}}
	if got := retryAfter(late, now.Add(time.Hour)); got != 5*time.Second {
		t.Errorf("with the server's own clock: %s, want 5s", got)
	}
}

func TestParseRate(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]float64{"": 0, "25/s": 25, "180/m": 3, "3600/h": 1, "5/30s": 5.0 / 30} {
		if got, err := (Config{RateLimit: s}).PerSecond(); err != nil || got != want {
			t.Errorf("%q = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"25", "0/s", "-1/s", "x/s", "5/", "5/0s", "5/x", "/s"} {
		if _, err := (Config{RateLimit: s}).PerSecond(); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
