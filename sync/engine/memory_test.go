package engine_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
)

// discard is an app that takes everything and holds nothing.
type discard struct{ n atomic.Int64 }

func (d *discard) Find(context.Context, sinks.Query, string, string) ([]sinks.Object, error) {
	return nil, nil
}

func (d *discard) Get(context.Context, sinks.Query, sinks.ID) (*sinks.Object, error) {
	return nil, &sinks.Error{Class: sinks.Missing}
}

func (d *discard) Do(_ context.Context, op sinks.Op) (sinks.Receipt, error) {
	n := d.n.Add(1)
	if op.Action == sinks.Create {
		return sinks.Receipt{ID: sinks.ID(fmt.Sprintf("00000000-0000-0000-0000-%012d", n)), MembersDone: true}, nil
	}
	return sinks.Receipt{}, nil
}

func (d *discard) List(context.Context, sinks.Query, string) (*sinks.Page, error) {
	return &sinks.Page{Done: true}, nil
}
func (d *discard) Limits() sinks.Limits        { return sinks.Limits{Members: 100, Concurrency: 8} }
func (d *discard) Probe(context.Context) error { return nil }

// TestMemoryIsBounded sends a big directory through the whole pipeline and watches the
// heap. N changes the size.
func TestMemoryIsBounded(t *testing.T) {
	n := 200_000
	if s := os.Getenv("N"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	if testing.Short() {
		n = 20_000
	}
	r := newRig(t, options{})
	sink := &discard{}
	r.job.Sink = sink
	r.dir.PageSize = 200
	r.dir.CrowdSize, r.dir.Crowd = n, func(i int) sources.User { return user(i) }
	stop := watchHeap()
	for _, cycle := range []string{"initial", "full re-read", "nothing changed"} {
		began := time.Now()
		c := r.run("succeeded", engine.Request{Full: cycle == "full re-read"})
		took := time.Since(began)
		t.Logf("%s of %d users: %s, %.0f users/s, %d created, %d unchanged", cycle, n, took.Round(time.Millisecond),
			float64(n)/took.Seconds(), c.Users.Created, c.Users.Unchanged)
	}
	peak := stop()
	t.Logf("peak heap %d MB, state file %d B a user", peak>>20, size(t, r.file)/int64(n))
	if peak > 150<<20 {
		t.Errorf("peak heap is %d MB, want at most 150", peak>>20)
	}
	equal(t, "writes", sink.n.Load(), int64(n))
}

func size(t *testing.T, file string) int64 {
	t.Helper()
	fi, err := os.Stat(file)
	must(t, err)
	return fi.Size()
}

// watchHeap samples the heap in use; the function it returns ends that and returns the
// highest.
func watchHeap() func() uint64 {
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var top uint64
		var m runtime.MemStats
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				runtime.ReadMemStats(&m)
				top = max(top, m.HeapInuse)
			case <-done:
				peak <- top
				return
			}
		}
	}()
	return func() uint64 { close(done); return <-peak }
}
