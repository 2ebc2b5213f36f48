package schedule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/schedule"
)

// The gauges are there from the first scrape, tell what the state holds, and pass promlint.
func TestCollector(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		other := w.job("b", interval)
		other.Source = slow{w.dir, time.Minute} // its first cycle is not judged yet
		p := w.serve(w.job("a", interval), other)
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(p.Collector())
		if n, err := testutil.GatherAndCount(reg); err != nil || n != 2*(1+1+1+4+1+2+2+2) {
			t.Fatalf("%d series, %v", n, err)
		}
		if v := value(t, reg, "idpbridge_job_state", "b"); v != 1 { // the first is "active"
			t.Errorf("a new job is not active: %v", v)
		}
		if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
			t.Errorf("promlint: %v, %v", problems, err)
		}
		time.Sleep(2 * time.Minute)
		w.app.Inject(scimtest.Fault{Status: 401})
		w.user(7)
		time.Sleep(interval)
		row := p.row(t, "a")
		want := fmt.Sprintf(`
# HELP idpbridge_job_quarantined 1 while the job is in quarantine, also when that has disabled it.
# TYPE idpbridge_job_quarantined gauge
idpbridge_job_quarantined{job="a"} 1
idpbridge_job_quarantined{job="b"} 1
# HELP idpbridge_job_state 1 for the state that the job is in, 0 for the others.
# TYPE idpbridge_job_state gauge
idpbridge_job_state{job="a",state="active"} 0
idpbridge_job_state{job="a",state="disabled"} 0
idpbridge_job_state{job="a",state="paused"} 0
idpbridge_job_state{job="a",state="quarantined"} 1
idpbridge_job_state{job="b",state="active"} 0
idpbridge_job_state{job="b",state="disabled"} 0
idpbridge_job_state{job="b",state="paused"} 0
idpbridge_job_state{job="b",state="quarantined"} 1
# HELP idpbridge_job_quarantine_since_timestamp_seconds When the job's quarantine began; 0 when it is in none.
# TYPE idpbridge_job_quarantine_since_timestamp_seconds gauge
idpbridge_job_quarantine_since_timestamp_seconds{job="a"} %d
idpbridge_job_quarantine_since_timestamp_seconds{job="b"} %d
# HELP idpbridge_cycle_last_success_timestamp_seconds When a cycle last ended without an error of its own; 0: never.
# TYPE idpbridge_cycle_last_success_timestamp_seconds gauge
idpbridge_cycle_last_success_timestamp_seconds{job="a"} %d
idpbridge_cycle_last_success_timestamp_seconds{job="b"} %d
# HELP idpbridge_links Objects of the source that have an account or group in the sink.
# TYPE idpbridge_links gauge
idpbridge_links{job="a",resource="group"} 0
idpbridge_links{job="a",resource="user"} 3
idpbridge_links{job="b",resource="group"} 0
idpbridge_links{job="b",resource="user"} 3
`, row.Quarantine.Since.Unix(), p.row(t, "b").Quarantine.Since.Unix(), row.LastSuccess.Unix(), p.row(t, "b").LastSuccess.Unix())
		err := testutil.GatherAndCompare(reg, strings.NewReader(want), "idpbridge_job_quarantined", "idpbridge_job_state",
			"idpbridge_job_quarantine_since_timestamp_seconds", "idpbridge_cycle_last_success_timestamp_seconds", "idpbridge_links")
		if err != nil {
			t.Error(err)
		}
		_, _, err = p.store.UpdateQuarantine(t.Context(), row.ID, func(s quarantine.Status) quarantine.Status {
			s, _ = quarantine.Release(s)
			return s
		})
		must(t, err)
		if v := value(t, reg, "idpbridge_job_quarantined", "a"); v != 0 {
			t.Errorf("released, the gauge is %v", v)
		}
		must(t, p.Reload(t.Context(), schedule.Plan{}))
		if n, err := testutil.GatherAndCount(reg); err != nil || n != 0 {
			t.Errorf("%d series of jobs that left, %v", n, err)
		}
	})
}

func value(t *testing.T, reg prometheus.Gatherer, name, job string) float64 {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == job {
				return m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s of %s", name, job)
	return 0
}

// Log records go when they are too old or too many, of each job by itself.
func TestPrune(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		p := w.serve()
		put := func(job string, n int) {
			p.row(t, job) // makes it
			for i := range n {
				must(t, p.store.PutRecord(t.Context(), provlog.Record{ID: fmt.Sprint(i), Job: job, Time: time.Now()}))
				time.Sleep(time.Second)
			}
		}
		put("a", 40)
		put("b", 10)
		time.Sleep(10 * time.Hour)
		put("b", 10)
		a, b := w.job("a", 1000*time.Hour), w.job("b", 1000*time.Hour) // each logs three users, once
		left := func(job string) int {
			records, err := p.store.Logs(t.Context(), p.row(t, job).ID, provlog.Filter{Limit: 100})
			must(t, err)
			return len(records)
		}
		plans := []struct {
			plan schedule.Plan
			a, b int
		}{
			{schedule.Plan{LogRetention: 0, LogMaxRecords: 0}, 43, 23},
			{schedule.Plan{LogRetention: 100 * time.Hour, LogMaxRecords: 30}, 30, 23},
			{schedule.Plan{LogRetention: 8 * time.Hour}, 3, 13},
		}
		for i, c := range plans {
			c.plan.Jobs = append(c.plan.Jobs, a, b)
			must(t, p.Reload(t.Context(), c.plan))
			time.Sleep(61 * time.Minute)
			if left("a") != c.a || left("b") != c.b {
				t.Errorf("plan %d left %d and %d records", i, left("a"), left("b"))
			}
		}
	})
}
