// Package notify tells people, by webhook and mail, that a job entered quarantine, changed
// its reason there or left it, and that deletions wait for them.
//
// What there is to tell stands in the outbox of the state, written in the transaction that
// made it true. So nothing is lost with a process, it doesn't matter which process caused
// it, and what was delivered once is not sent again. Only an attempt that is cut off by
// the death of the process, after the receiver took the message and before that was
// stored, is made again; the receiver knows it by the same id.
//
// Each receiver is served by itself: one that hangs holds up nobody else. It hears of a
// job's events in their order. One that fails is tried again after 30 seconds, then after
// twice as long each time, at most an hour, for a day. A server delivers as long as it runs
// (Run); a command that ran a cycle makes one attempt (Flush).
//
// Messages hold no personal data: the job, what happened, counts, and what to do.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/idpbridge/idpbridge/sync/state"
)

// Options make a Notifier.
type Options struct {
	Store    *state.Store
	Log      *slog.Logger // nil: nothing is logged
	Webhooks []Webhook
	Mail     *Mail // nil: no mail
	// Version is the program's, for the User-Agent header.
	Version string
}

// Notifier delivers what stands in the outbox.
type Notifier struct {
	store     *state.Store
	log       *slog.Logger
	receivers []receiver
}

// receiver is somebody who is told.
type receiver struct {
	name   string // in the state; the same over restarts, and without secrets
	label  string // in logs
	events []state.NoticeEvent
	sender
}

// sender brings a message to a receiver.
type sender interface {
	send(ctx context.Context, m Message) error
}

// wants says whether the receiver asked for an event; none named means all.
func (r *receiver) wants(e state.NoticeEvent) bool {
	for _, want := range r.events {
		if want == e {
			return true
		}
	}
	return len(r.events) == 0
}

// New returns a Notifier, and makes its receivers known to the state: they are told of what
// happens from then on.
func New(ctx context.Context, o Options) (*Notifier, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n := &Notifier{store: o.Store, log: o.Log}
	for i, w := range o.Webhooks {
		label := fmt.Sprintf("webhook %d", i+1)
		s, err := newWebhook(w, o.Version)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", label, err)
		}
		n.receivers = append(n.receivers, receiver{name: "webhook " + fingerprint(w.URL), label: label, events: w.Events, sender: s})
	}
	if o.Mail != nil {
		s, err := newMail(*o.Mail)
		if err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		n.receivers = append(n.receivers, receiver{name: "mail", label: "mail", events: o.Mail.Events, sender: s})
	}
	for _, r := range n.receivers {
		if err := o.Store.AddReceiver(ctx, r.name); err != nil {
			return nil, fmt.Errorf("%s: %w", r.label, err)
		}
	}
	return n, nil
}

const (
	// poll is how often the outbox is looked into.
	poll = 3 * time.Second
	// sendTimeout bounds one attempt, claimed how long it is believed to be under way: an
	// attempt that takes longer died with its process.
	sendTimeout = 30 * time.Second
	claimed     = 2 * time.Minute
	// firstRetry is the wait after the first failure.
	firstRetry = 30 * time.Second
	maxRetry   = time.Hour
	// flushTime bounds Flush.
	flushTime = 5 * time.Second
)

// Run delivers until the context ends.
func (n *Notifier) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range n.receivers {
		wg.Go(func() {
			tick := time.NewTicker(poll)
			defer tick.Stop()
			for {
				n.serve(ctx, &n.receivers[i])
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	wg.Wait()
}

// Flush makes one attempt for everything that is due, for commands that end: it returns
// within seconds. What could not be delivered stays for the next process; an attempt that
// was cut off for want of time counts as one that was not made, and is due at once.
func (n *Notifier) Flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	var wg sync.WaitGroup
	for i := range n.receivers {
		wg.Go(func() { n.serve(ctx, &n.receivers[i]) })
	}
	wg.Wait()
}

// serve delivers what is due to one receiver.
func (n *Notifier) serve(ctx context.Context, r *receiver) {
	for ctx.Err() == nil {
		due, err := n.store.DueNotices(ctx, r.name)
		if err != nil && ctx.Err() == nil {
			n.log.Error("outbox can't be read", "receiver", r.label, "error", err)
		}
		if err != nil || len(due) == 0 {
			return
		}
		for _, notice := range due {
			if err := n.deliver(ctx, r, notice); ctx.Err() != nil {
				return
			} else if err != nil {
				n.log.Error("delivery can't be stored", "receiver", r.label, "error", err)
				return
			}
		}
	}
}

// deliver makes one attempt. Its error is about the state; a receiver's failure is stored
// as the time of the next attempt.
func (n *Notifier) deliver(ctx context.Context, r *receiver, notice state.Notice) error {
	d := state.Delivery{Notice: notice.ID, Receiver: r.name}
	mine, err := n.store.ClaimDelivery(ctx, d, time.Now().Add(claimed))
	if err != nil || !mine {
		return err
	}
	if !r.wants(notice.Event) {
		return n.store.EndDelivery(ctx, d, time.Time{})
	}
	log := n.log.With("receiver", r.label, "job", notice.Job, "event", notice.Event.String())
	attempt, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err = r.send(attempt, messageOf(notice)); err == nil {
		log.Info("notified")
		return n.store.EndDelivery(ctx, d, time.Time{})
	}
	again := time.Now().Add(retryAfter(notice.Attempts))
	if ctx.Err() != nil {
		again = time.Now() // stopping: the next process tries at once
	}
	if again.After(notice.At.Add(state.NoticeLife)) {
		log.Error("notification given up", "error", err)
	} else {
		log.Warn("notification failed, it is tried again", "next_attempt_at", again.UTC(), "error", err)
	}
	return n.store.EndDelivery(ctx, d, again)
}

// retryAfter returns the wait after a failure that had so many attempts before it.
func retryAfter(attempts int) time.Duration {
	wait := firstRetry
	for range attempts {
		if wait *= 2; wait >= maxRetry {
			return maxRetry
		}
	}
	return wait
}
