package deploytest_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

const metricsHead = `# Metrics

<!-- Generated from the program: make generate. A test fails when it is not up to date. -->

` + "`idpbridge serve`" + ` has them at ` + "`/metrics`" + `, in the text format of Prometheus; no token is needed. Beside these there are
the usual ones of the Go runtime (` + "`go_…`" + `) and of the process (` + "`process_…`" + `). No metric names a person.

Prometheus has a label ` + "`job`" + ` of its own. Scrape with ` + "`honor_labels: true`" + `, as
[deploy/prometheus/prometheus.yml](../deploy/prometheus/prometheus.yml) does, or the job of idpbridge is called
` + "`exported_job`" + `. The [alert rules](../deploy/prometheus/alerts.yml) work with both;
[operating.md](operating.md) says what to do when one fires. There is a [dashboard](../deploy/grafana/idpbridge.json) for Grafana.

All series of the configured jobs, sources and sinks are there from the start, at zero.

`

// series are the metrics by name, with the labels and their values.
type series struct {
	kind, help string
	labels     map[string][]string
}

func seriesOf(families []*dto.MetricFamily) map[string]series {
	out := map[string]series{}
	for _, f := range families {
		s := series{kind: strings.ToLower(f.GetType().String()), help: f.GetHelp(), labels: map[string][]string{}}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if values := s.labels[l.GetName()]; !slices.Contains(values, l.GetValue()) {
					s.labels[l.GetName()] = append(values, l.GetValue())
				}
			}
		}
		out[f.GetName()] = s
	}
	return out
}

// free are labels whose values are not the program's to choose.
func free(label string) string {
	return map[string]string{
		"job": "a job of the configuration", "name": "a source or sink of the configuration", "version": "of the program", "goversion": "of Go",
		"code": "an HTTP status code, or `error` when no answer came", "method": "an HTTP method, or `other`",
	}[label]
}

func metricsPage(all map[string]series) string {
	var page strings.Builder
	page.WriteString(metricsHead + "| name | type | labels | meaning |\n|---|---|---|---|\n")
	labels := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		names := slices.Sorted(maps.Keys(s.labels))
		for _, l := range names {
			labels[l] = slices.Compact(slices.Sorted(slices.Values(append(labels[l], s.labels[l]...))))
		}
		fmt.Fprintf(&page, "| `%s` | %s | `%s` | %s |\n", name, s.kind, strings.Join(names, "` `"), s.help)
	}
	page.WriteString("\n## Labels\n\n| label | values |\n|---|---|\n")
	for _, l := range slices.Sorted(maps.Keys(labels)) {
		values := free(l)
		if values == "" {
			values = "`" + strings.Join(labels[l], "` `") + "`"
		}
		fmt.Fprintf(&page, "| `%s` | %s |\n", l, values)
	}
	return page.String()
}

// The page that is checked in is the one that the collectors give.
func TestMetricsPage(t *testing.T) {
	want := metricsPage(seriesOf(startBridge(t, untuned).families()))
	file := filepath.Join(root, "docs/metrics.md")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, "docs/metrics.md")), want); diff != "" {
		t.Errorf("docs/metrics.md is not up to date, `make generate` writes it (-file +program):\n%s", diff)
	}
}

// Every metric of the public contract is there, by name, type and labels.
func TestContract(t *testing.T) {
	all := seriesOf(startBridge(t, untuned).families())
	for name, want := range map[string]string{
		"idpbridge_job_quarantined":                        "gauge job",
		"idpbridge_job_quarantine_since_timestamp_seconds": "gauge job",
		"idpbridge_job_quarantine_entries_total":           "counter job reason",
		"idpbridge_job_state":                              "gauge job state",
		"idpbridge_cycles_total":                           "counter job kind status",
		"idpbridge_cycle_duration_seconds":                 "histogram job kind",
		"idpbridge_cycle_last_success_timestamp_seconds":   "gauge job",
		"idpbridge_changes_total":                          "counter action job resource status",
		"idpbridge_escrowed_objects":                       "gauge job resource",
		"idpbridge_staged_deletions":                       "gauge job resource",
		"idpbridge_links":                                  "gauge job resource",
		"idpbridge_requests_total":                         "counter code method name peer",
		"idpbridge_request_duration_seconds":               "histogram method name peer",
		"idpbridge_limiter_wait_seconds_total":             "counter name peer",
		"idpbridge_build_info":                             "gauge goversion version",
	} {
		got := all[name].kind + " " + strings.Join(slices.Sorted(maps.Keys(all[name].labels)), " ")
		if got != want {
			t.Errorf("%s is a %s, not a %s", name, got, want)
		}
	}
}

func TestMetricsLint(t *testing.T) {
	b := startBridge(t, untuned)
	b.families()
	problems, err := testutil.GatherAndLint(b.reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// No label holds anything of a person, whatever happened to them.
func TestNoPeopleInLabels(t *testing.T) {
	b := startBridge(t, untuned)
	b.families()
	b.call("POST", "/provision", `{"user":"id-of-grace"}`)
	b.call("POST", "/provision", `{"user":"nobody@example.com"}`)
	for name, s := range seriesOf(b.families()) {
		for label, values := range s.labels {
			for _, v := range values {
				for _, person := range []string{"ada", "grace", "lovelace", "hopper", "id-of", "@", "nobody"} {
					if strings.Contains(strings.ToLower(v), person) {
						t.Errorf("%s has %s=%q", name, label, v)
					}
				}
			}
		}
	}
	if n := len(b.sink.Users()); n != 2 {
		t.Errorf("%d accounts: nothing happened to anybody", n)
	}
}
