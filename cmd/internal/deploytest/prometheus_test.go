//go:build prometheus

package deploytest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// monitor is a real Prometheus that scrapes a bridge.
type monitor struct {
	t    *testing.T
	base string
}

// scrape is how often Prometheus looks and judges.
const scrape = "250ms"

// startPrometheus starts one with the rules as they are, but for how long an alert has to
// hold.
func startPrometheus(t *testing.T, target string) *monitor {
	t.Helper()
	dir := t.TempDir()
	rules := regexp.MustCompile(`(?m)^( +)for: .*$`).ReplaceAll(read(t, "deploy/prometheus/alerts.yml"), []byte("${1}for: 0s"))
	text := strings.Replace(string(read(t, "deploy/prometheus/prometheus.yml")), "127.0.0.1:8480", strings.TrimPrefix(target, "http://"), 1)
	text = fmt.Sprintf("global: {scrape_interval: %s, evaluation_interval: %s, scrape_timeout: %s}\n", scrape, scrape, scrape) + text
	for name, content := range map[string]string{"prometheus.yml": text, "alerts.yml": string(rules)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := freeAddress(t)
	cmd := exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("start Prometheus: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err := cmd.Wait()
		if _, killed := errors.AsType[*exec.ExitError](err); err != nil && !killed {
			t.Error(err)
		}
	})
	m := &monitor{t, "http://" + address}
	until(t, "Prometheus is ready", m.ready)
	return m
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (m *monitor) ready() bool {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	resp, err := client.Get(m.base + "/-/ready")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// get decodes the data of an answer of Prometheus.
func (m *monitor) get(path string, out any) {
	m.t.Helper()
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, m.base+path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	raw, err := json.Marshal(fetch(m.t, req)["data"])
	if err == nil {
		err = json.Unmarshal(raw, out)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// firing returns the alerts that fire, with the summaries.
func (m *monitor) firing() map[string]string {
	m.t.Helper()
	var data struct {
		Alerts []struct {
			Labels, Annotations map[string]string
			State               string
		}
	}
	m.get("/api/v1/alerts", &data)
	out := map[string]string{}
	for _, a := range data.Alerts {
		if a.State == "firing" {
			out[a.Labels["alertname"]] = a.Annotations["summary"]
		}
	}
	return out
}

// fires waits until an alert fires, and clears until it does not.
func (m *monitor) fires(alert string) string {
	m.t.Helper()
	until(m.t, alert+" fires", func() bool { return m.firing()[alert] != "" })
	return m.firing()[alert]
}

func (m *monitor) clears(alert string) {
	m.t.Helper()
	until(m.t, alert+" clears", func() bool { return m.firing()[alert] == "" })
}

// value returns the value of a query with one result; -1: none.
func (m *monitor) value(query string) float64 {
	m.t.Helper()
	var data struct{ Result []struct{ Value [2]any } }
	m.get("/api/v1/query?query="+url.QueryEscape(query), &data)
	if len(data.Result) != 1 {
		return -1
	}
	var v float64
	if _, err := fmt.Sscan(data.Result[0].Value[1].(string), &v); err != nil {
		m.t.Fatal(err)
	}
	return v
}

// often lets cycles come every two seconds, which the configuration file would refuse.
func often(probe time.Duration) func(*config.Job) {
	return func(j *config.Job) {
		j.Interval = 2 * time.Second
		j.Quarantine.Probe.First, j.Quarantine.Probe.Max = probe, probe
	}
}

// From the first refused request to the end of the alert, as people see it: the
// application refuses the credentials; within one cycle the job is in quarantine and the
// alert fires; nobody is provisioned by itself, but one person can be on demand; then the
// quarantine ends by a person, or by a probe, and so does the alert.
func TestQuarantineAlert(t *testing.T) {
	for name, test := range map[string]struct {
		probe time.Duration
		end   func(*bridge)
	}{
		"a person releases": {time.Hour, func(b *bridge) { b.call("DELETE", "/quarantine", "") }},
		"a probe releases":  {10 * time.Second, func(*bridge) {}},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBridge(t, often(test.probe))
			b.families()
			m := startPrometheus(t, b.base)
			until(t, "scraped", func() bool { return m.value("idpbridge_job_quarantined") == 0 })
			until(t, "nothing fires", func() bool { return len(m.firing()) == 0 }) // before the first scrape, the exporter is absent
			b.sink.Inject(scimtest.Fault{Status: http.StatusUnauthorized})
			failed := m.value(`idpbridge_cycles_total{status="failed",kind="incremental"}`)
			b.people(people + "id-of-joan,joan@example.com,Joan Clarke,joan@example.com\n")
			if summary := m.fires("IdpbridgeJobQuarantined"); !strings.HasPrefix(summary, "Job hr-to-wiki is in quarantine") {
				t.Errorf("the alert says %q", summary)
			}
			if n := m.value(`idpbridge_cycles_total{status="failed",kind="incremental"}`) - failed; n != 1 {
				t.Errorf("it took %v cycles", n)
			}
			if summary := m.fires("IdpbridgeCredentialsFailing"); !strings.HasPrefix(summary, "Sink wiki refuses") {
				t.Errorf("the alert says %q", summary)
			}
			b.sink.ClearFaults()
			onDemand(t, b)
			test.end(b)
			m.clears("IdpbridgeJobQuarantined")
			ran := m.value(`sum(idpbridge_cycles_total{status="succeeded"})`)
			until(t, "cycles go on", func() bool { return m.value(`sum(idpbridge_cycles_total{status="succeeded"})`) > ran })
		})
	}
}

// onDemand provisions one person of a job in quarantine, and sees that no cycle starts
// in three intervals.
func onDemand(t *testing.T, b *bridge) {
	t.Helper()
	before := b.call("GET", "/cycles", "")["cycles"].([]any)
	if p := b.call("POST", "/provision", `{"user":"joan@example.com"}`); p["result"] != "success" || p["action"] != "create" {
		t.Errorf("provision on demand: %v", p)
	}
	if n := len(b.sink.Users()); n != 3 {
		t.Errorf("%d accounts, not 3", n)
	}
	time.Sleep(6 * time.Second)
	after := b.call("GET", "/cycles", "")["cycles"].([]any)
	if job := b.call("GET", "", ""); len(after) != len(before) || job["state"] != "quarantined" {
		t.Errorf("%d cycles started in quarantine, the job is %v", len(after)-len(before), job["state"])
	}
}

// The server is gone: that is an alert as well.
func TestAbsentAlert(t *testing.T) {
	m := startPrometheus(t, "http://"+freeAddress(t))
	if summary := m.fires("IdpbridgeExporterAbsent"); !strings.Contains(summary, "no metrics") {
		t.Errorf("the alert says %q", summary)
	}
}

// The rules as they are pass promtool's checks and their unit tests, and promtool sees a
// threshold that was moved.
func TestPromtool(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"alerts.yml", "alerts_test.yml", "prometheus.yml"} {
		if err := os.WriteFile(filepath.Join(dir, file), read(t, "deploy/prometheus/"+file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	promtool := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "promtool", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"check", "config", "prometheus.yml"}, {"test", "rules", "alerts_test.yml"}} {
		if out, err := promtool(args...); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	rules := string(read(t, "deploy/prometheus/alerts.yml"))
	for _, m := range [][2]string{
		{"quarantined == 1\n", "quarantined == 2\n"},
		{"for: 1m", "for: 2m"},
		{"> 24 *", "> 25 *"},
		{"> 3 *", "> 4 *"},
		{`state="active"} == 1`, `state="active"} >= 0`},
		{"offset 6h", "offset 2h"},
		{"for: 3h", "for: 4h"},
		{"(idpbridge_staged_deletions) > 0", "(idpbridge_staged_deletions) > 700"},
		{"> idpbridge_job_interval_seconds\n", "> 2 * idpbridge_job_interval_seconds\n"},
		{"401|403", "403"},
		{"[1h]", "[3h]"},
		{"for: 5m", "for: 7m"},
	} {
		if strings.Count(rules, m[0]) == 0 {
			t.Errorf("the rules have no %q", m[0])
		}
		if err := os.WriteFile(filepath.Join(dir, "alerts.yml"), []byte(strings.Replace(rules, m[0], m[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := promtool("test", "rules", "alerts_test.yml"); err == nil {
			t.Errorf("the unit tests don't see %q instead of %q\n%s", m[1], m[0], out)
		}
	}
}
