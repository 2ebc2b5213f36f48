package deploytest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// rule is one alert.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func alertRules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(read(t, "deploy/prometheus/alerts.yml"), &file); err != nil {
		t.Fatal(err)
	}
	var out []rule
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

// exists says what is wrong with a query: a metric that is not there, a label that the
// metric does not have, or a value that it never takes.
func exists(all map[string]series, query string) []string {
	var bad []string
	names := regexp.MustCompile(`idpbridge_[a-z_]+`).FindAllStringIndex(query, -1)
	if len(names) == 0 {
		bad = append(bad, "no metric of ours in "+query)
	}
	for _, at := range names {
		name := query[at[0]:at[1]]
		s, ok := all[name]
		if !ok {
			s, ok = all[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")]
			ok = ok && s.kind == "histogram"
		}
		if !ok {
			bad = append(bad, "no metric "+name)
			continue
		}
		bad = append(bad, matchers(s, name, query[at[1]:])...)
	}
	return bad
}

// matchers checks the label matchers that follow a name.
func matchers(s series, name, rest string) []string {
	if !strings.HasPrefix(rest, "{") {
		return nil
	}
	rest = rest[1:strings.Index(rest, "}")]
	var bad []string
	for _, m := range regexp.MustCompile(`([a-z_]+)(=~|=)"([^"]*)"`).FindAllStringSubmatch(rest, -1) {
		values, ok := s.labels[m[1]]
		if !ok {
			bad = append(bad, fmt.Sprintf("%s has no label %s", name, m[1]))
			continue
		}
		if strings.HasPrefix(m[3], "$") || strings.HasPrefix(m[3], "20") {
			continue
		}
		for word := range strings.SplitSeq(m[3], "|") {
			if !slices.Contains(values, word) {
				bad = append(bad, fmt.Sprintf("%s never has %s=%q, only %v", name, m[1], word, values))
			}
		}
	}
	return bad
}

// The check of the queries itself finds what it is for.
func TestQueriesAreRead(t *testing.T) {
	all := seriesOf(startBridge(t, untuned).families())
	for query, bad := range map[string]int{
		`sum(idpbridge_links{job=~"$job"})`: 0, `idpbridge_cycle_duration_seconds_bucket{kind="initial"}`: 0, `idpbridge_requests_total{code=~"401|403"}`: 0,
		`idpbridge_linkz`: 1, `idpbridge_links_bucket`: 1, `idpbridge_links{jobb="x"}`: 1, `idpbridge_cycles_total{kind="full"}`: 1,
		`idpbridge_requests_total{code=~"401|teapot"}`: 1, `up == 0`: 1, `idpbridge_cycles_total / idpbridge_nothing{a="b"}`: 1,
	} {
		if got := exists(all, query); len(got) != bad {
			t.Errorf("%s: %v", query, got)
		}
	}
}

// The eight alerts are there; each says what to do, where there is more, and asks for
// something that exists.
func TestAlerts(t *testing.T) {
	all := seriesOf(startBridge(t, untuned).families())
	pages, tests := string(read(t, "docs/operating.md")), string(read(t, "deploy/prometheus/alerts_test.yml"))
	var names []string
	for _, r := range alertRules(t) {
		names = append(names, r.Alert)
		for _, bad := range exists(all, r.Expr) {
			t.Errorf("%s: %s", r.Alert, bad)
		}
		anchor := "https://github.com/idpbridge/idpbridge/blob/main/docs/operating.md#" + strings.ToLower(r.Alert)
		if r.Annotations["runbook_url"] != anchor || !strings.Contains(pages, "\n### "+r.Alert+"\n") {
			t.Errorf("%s leads to %s, where docs/operating.md has no such heading", r.Alert, r.Annotations["runbook_url"])
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
			t.Errorf("%s says too little: %v %v", r.Alert, r.Annotations, r.Labels)
		}
		// Once quiet, once fired.
		if strings.Count(tests, "alertname: "+r.Alert+",") < 1 || !strings.Contains(tests, "alertname: "+r.Alert+"\n        exp_alerts:\n") {
			t.Errorf("%s has no unit test that sees it fire and one that sees it quiet", r.Alert)
		}
	}
	want := []string{
		"IdpbridgeJobQuarantined", "IdpbridgeJobQuarantinedLong", "IdpbridgeNoSuccessfulCycle", "IdpbridgeEscrowGrowing",
		"IdpbridgeDeletionsHeld", "IdpbridgeCycleOverrunning", "IdpbridgeCredentialsFailing", "IdpbridgeExporterAbsent",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("alerts (-want +have):\n%s", diff)
	}
}

// Every query of the dashboard asks for something that exists, and every metric has a panel.
func TestDashboard(t *testing.T) {
	all := seriesOf(startBridge(t, untuned).families())
	var board struct {
		UID    string
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, RefID string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	raw := read(t, "deploy/grafana/idpbridge.json")
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	ids, queries := map[int]bool{}, 0
	for _, p := range board.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W*p.GridPos.H == 0 {
			t.Errorf("panel %q: id %d, place %+v", p.Title, p.ID, p.GridPos)
		}
		ids[p.ID] = true
		if (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("panel %q has %d queries", p.Title, len(p.Targets))
		}
		for _, q := range p.Targets {
			queries++
			for _, bad := range exists(all, q.Expr) {
				t.Errorf("panel %q: %s", p.Title, bad)
			}
		}
	}
	for _, v := range board.Templating.List {
		if v.Definition != "" {
			for _, bad := range exists(all, v.Definition) {
				t.Errorf("variable %s: %s", v.Name, bad)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !strings.Contains(string(raw), name) {
			t.Errorf("no panel shows %s", name)
		}
	}
	if queries < 15 || board.UID != "idpbridge" {
		t.Errorf("%d queries, uid %q", queries, board.UID)
	}
}
