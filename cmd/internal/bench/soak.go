package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/sync/engine"
)

// SoakOptions say how long the bridge has to hold out.
type SoakOptions struct {
	People, Cycles int
	Dir            string
}

// Sample is what one process holds after some cycles.
type Sample struct {
	Cycle      int      `json:"cycle"`
	HeapMB     float64  `json:"heap_mb"` // live, after a collection
	RSSMB      float64  `json:"rss_mb"`  // now, not the peak
	Goroutines int      `json:"goroutines"`
	FileMB     float64  `json:"file_mb"` // with the write-ahead log
	Median     Duration `json:"median"`  // of the cycles since the last sample
	Statuses   string   `json:"statuses"`
}

// soakSamples is how many samples are taken.
const soakSamples = 20

// Soak runs many cycles in one process, with random changes and faults between them, and
// prints samples. It returns an error when the last quarter of them shows more memory,
// goroutines, disk or time than the second quarter, beyond what noise may add.
func Soak(ctx context.Context, o SoakOptions, out io.Writer) error {
	opts := Options{Dir: o.Dir}
	path, remove, err := opts.dir("soak")
	if err != nil {
		return err
	}
	defer remove()
	t := task{People: o.People, Groups: max(1, o.People/200), Members: min(100, o.People)}
	return with(ctx, "role-graph", t, func(directory *server) error {
		return with(ctx, "role-scim", task{}, func(sink *server) error {
			t.State, t.Source, t.Sink, t.Quiet = path, directory.base, sink.base, true
			a, err := open(t, new(atomic.Int64), prometheus.NewRegistry())
			if err != nil {
				return err
			}
			s := &soak{SoakOptions: o, app: a, path: path, directory: directory, sink: sink, statuses: map[string]int{}}
			err = s.run(ctx)
			return errors.Join(err, a.Close(), s.print(out), flat(s.samples))
		})
	})
}

type soak struct {
	SoakOptions
	app             *app.App
	path            string
	directory, sink *server
	samples         []Sample
	times           []float64 // milliseconds, since the last sample
	statuses        map[string]int
}

func (s *soak) run(ctx context.Context) error {
	e, err := s.app.Engine(ctx)
	if err != nil {
		return err
	}
	job, err := s.app.Job(jobName)
	if err != nil {
		return err
	}
	every := max(1, s.Cycles/soakSamples)
	for i := range s.Cycles + 1 {
		if i > 0 {
			if err := s.stir(ctx); err != nil {
				return err
			}
		}
		began := time.Now()
		c, err := e.Run(ctx, job, engine.Request{Trigger: "manual", Full: i > 0 && i%50 == 0})
		if err != nil {
			return err
		}
		s.statuses[c.Status]++
		if i == 0 {
			continue // the initial cycle is no measure for the others
		}
		s.times = append(s.times, float64(time.Since(began))/float64(time.Millisecond))
		if i%every == 0 {
			if err := s.sample(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// stir makes random changes, and now and then a fault.
func (s *soak) stir(ctx context.Context) error {
	var n int
	if err := s.directory.control(ctx, fmt.Sprintf("shuffle?n=%d", rand.IntN(max(2, s.People/500))), &n); err != nil {
		return err
	}
	if rand.IntN(5) == 0 {
		if err := s.directory.control(ctx, "fault", &n); err != nil {
			return err
		}
	}
	if rand.IntN(5) == 0 {
		return s.sink.control(ctx, "fault", &n)
	}
	return nil
}

func (s *soak) sample(ctx context.Context, cycle int) error {
	store, err := s.app.Store(ctx)
	if err != nil {
		return err
	}
	row, err := store.Job(ctx, jobName)
	if err != nil {
		return err
	}
	// What serve does once a day: without it the log alone would grow.
	if _, err := store.PruneLog(ctx, row.ID, time.Time{}, s.People); err != nil {
		return err
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	file, err := fileSize(s.path)
	if err != nil {
		return err
	}
	wal, err := fileSize(s.path + "-wal")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	words, err := json.Marshal(s.statuses)
	if err != nil {
		return err
	}
	s.samples = append(s.samples, Sample{
		Cycle: cycle, HeapMB: float64(m.HeapAlloc) / mega, RSSMB: float64(kilobytes("/proc/self/status", "VmRSS")) / 1024,
		Goroutines: runtime.NumGoroutine(), FileMB: float64(file+wal) / mega, Median: Duration{time.Duration(median(s.times) * float64(time.Millisecond)).Round(100 * time.Microsecond)},
		Statuses: string(words),
	})
	s.times = s.times[:0]
	clear(s.statuses)
	return nil
}

func (s *soak) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "CYCLE\tHEAP MB\tRSS MB\tGOROUTINES\tFILE MB\tMEDIAN\tSTATUSES") // tabwriter keeps errors for Flush
	for _, p := range s.samples {
		_, _ = fmt.Fprintf(tw, "%d\t%.1f\t%.0f\t%d\t%.1f\t%s\t%s\n", p.Cycle, p.HeapMB, p.RSSMB, p.Goroutines, p.FileMB, p.Median, p.Statuses)
	}
	return tw.Flush()
}

// flat compares the last quarter of the samples with the second one.
func flat(samples []Sample) error {
	n := len(samples) / 4
	if n == 0 {
		return errors.New("too few samples to judge")
	}
	var errs []error
	for _, m := range []struct {
		what  string
		noise float64 // what may be added on top of a quarter
		of    func(Sample) float64
	}{
		{"heap (MB)", 4, func(s Sample) float64 { return s.HeapMB }},
		{"goroutines", 8, func(s Sample) float64 { return float64(s.Goroutines) }},
		{"file (MB)", 8, func(s Sample) float64 { return s.FileMB }},
		{"cycle time (ms)", 100, func(s Sample) float64 { return float64(s.Median.Milliseconds()) }},
	} {
		early, late := quarter(samples[n:2*n], m.of), quarter(samples[len(samples)-n:], m.of)
		if late > early*1.25+m.noise {
			errs = append(errs, fmt.Errorf("%s grew from %.1f to %.1f", m.what, early, late))
		}
	}
	return errors.Join(errs...)
}

func quarter(samples []Sample, of func(Sample) float64) float64 {
	values := make([]float64, 0, len(samples))
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return median(values)
}
