package apply

import (
	"context"
	"sync"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
)

// Bulker is an app that takes several writes in one request (RFC 7644 section 3.7).
type Bulker interface {
	// BulkSize is the most writes worth sending at once; below 2, none. It may ask the
	// app the first time.
	BulkSize(ctx context.Context) int
	// DoAll sends writes to different objects and returns their results in that order.
	DoAll(ctx context.Context, ops []sinks.Op) []sinks.Result
}

const (
	// lull is how long nothing more has to come before a batch leaves that is not full.
	// It outlasts the pause in which the next objects are claimed.
	lull = 40 * time.Millisecond
	// shortLull is the same after a batch of one: then there is nobody to wait for.
	shortLull = 2 * time.Millisecond
	// batchesInFlight is how many batches may be under way or filling at the same time.
	batchesInFlight = 3
)

// Batches is a Sink that sends the writes of workers who run at the same time in common
// requests. A worker sees no difference: its Do returns when the batch was answered, with
// the result of its own write. What an intent before each write promises after a crash
// stays true, since every object of a batch has one.
type Batches struct {
	Sink
	bulk Bulker

	mu      sync.Mutex
	size    int // writes in a full batch; below 2: they go one by one
	alone   bool
	filling *batch // nil: the next write begins one
}

// batch is some writes on their way together. Who began it sends it.
type batch struct {
	ops     []sinks.Op
	results []sinks.Result
	last    time.Time // when the last one joined
	full    chan struct{}
	done    chan struct{}
}

// Batched returns a Sink that sends writes in batches where the app offers that, once
// Expect was told that there are enough of them, and else s itself.
func Batched(s Sink) Sink {
	if bulk, ok := s.(Bulker); ok {
		return &Batches{Sink: s, bulk: bulk}
	}
	return s
}

// Expect prepares for about so many writes, and returns how many workers they are worth:
// at least the number given, and enough to fill batches. A few writes go one by one, and
// the app is not even asked whether it takes more at once.
func (b *Batches) Expect(ctx context.Context, writes, workers int) int {
	size := 0
	if writes > 2*workers {
		size = b.bulk.BulkSize(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size, b.alone = size, false
	if size < 2 {
		return workers
	}
	return max(workers, batchesInFlight*size)
}

// Do sends a write, alone or with others.
func (b *Batches) Do(ctx context.Context, op sinks.Op) (sinks.Receipt, error) {
	own, place := b.join(op)
	switch {
	case own == nil:
		return b.Sink.Do(ctx, op)
	case place == 0:
		b.lead(ctx, own)
	default:
		<-own.done
	}
	r := own.results[place]
	return r.Receipt, r.Err
}

// join puts a write into the batch that is filling. It returns nil when writes go one by
// one.
func (b *Batches) join(op sinks.Op) (own *batch, place int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size < 2 {
		return nil, 0
	}
	if b.filling == nil {
		b.filling = &batch{full: make(chan struct{}), done: make(chan struct{})}
	}
	own = b.filling
	own.ops, own.last = append(own.ops, op), time.Now()
	b.alone = b.alone && len(own.ops) == 1
	if len(own.ops) == b.size {
		b.filling = nil
		close(own.full)
	}
	return own, len(own.ops) - 1
}

// lead waits until the batch is full or nothing more comes, and sends it. A bulk that has
// turned out broken meanwhile ends the batches.
func (b *Batches) lead(ctx context.Context, own *batch) {
	defer close(own.done)
	timer := time.NewTimer(shortLull)
	defer timer.Stop()
	for waiting := true; waiting; {
		select {
		case <-own.full:
			waiting = false
		case <-timer.C:
			wait := b.left(own)
			waiting = wait > 0
			timer.Reset(wait)
		case <-ctx.Done():
			b.shut(own)
			waiting = false
		}
	}
	own.results = b.bulk.DoAll(ctx, own.ops)
	size := b.bulk.BulkSize(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = min(b.size, size)
}

// left is how much longer a batch has to wait; at 0 it is closed.
func (b *Batches) left(own *batch) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	wait := lull
	if b.alone && len(own.ops) == 1 {
		wait = shortLull
	}
	wait -= time.Since(own.last)
	if b.filling != own || wait <= 0 {
		b.close(own)
		return 0
	}
	return wait
}

// shut closes a batch at once.
func (b *Batches) shut(own *batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.close(own)
}

// close lets nobody join any more. The caller holds the lock.
func (b *Batches) close(own *batch) {
	if b.filling == own {
		b.filling = nil
	}
	b.alone = len(own.ops) == 1
}
