package scim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
)

// batch collects operations and hands their results out.
type batch struct {
	s             *Sink
	ops           []sinks.Op
	results       []sinks.Result
	size, payload int // of a request, at most
	items         []bulkItem
	bytes         int

	singles sync.WaitGroup
	slots   chan struct{} // as many as requests may be under way
	refs
}

func (s *Sink) newBatch(ctx context.Context, ops []sinks.Op) *batch {
	size, payload := s.BulkSize(ctx), s.claims(ctx).MaxPayload
	if payload == 0 {
		payload = 1 << 20
	}
	return &batch{
		s: s, ops: slices.Clone(ops), results: make([]sinks.Result, len(ops)), size: size, payload: payload - bulkFrame,
		slots: make(chan struct{}, s.limits.Concurrency), refs: refs{settled: map[int]bool{}},
	}
}

// add puts an operation into the next request, or sends it alone.
func (b *batch) add(ctx context.Context, i int) {
	if !b.link(i) {
		b.later = append(b.later, i)
		return
	}
	item, bytes, ok := b.s.bulkItem(i, b.ops[i])
	switch {
	case b.size >= 2 && ok && bytes <= b.payload:
	case refers(b.ops[i]):
		b.later = append(b.later, i)
		return
	default:
		b.single(ctx, i)
		return
	}
	if len(b.items) == b.size || b.bytes+bytes > b.payload {
		b.flush(ctx)
		b.add(ctx, i) // what it refers to has an id now
		return
	}
	b.items, b.bytes = append(b.items, item), b.bytes+bytes+1
}

// single sends an operation alone, beside others; its result is there once singles are
// waited for.
func (b *batch) single(ctx context.Context, i int) {
	b.slots <- struct{}{}
	b.singles.Go(func() {
		defer func() { <-b.slots }()
		b.results[i].Receipt, b.results[i].Err = b.s.Do(ctx, b.ops[i])
	})
}

// flush sends what was collected.
func (b *batch) flush(ctx context.Context) {
	items := b.items
	b.items, b.bytes = nil, 0
	if len(items) < 2 || b.s.bulk.isBroken() {
		b.alone(ctx, items)
		return
	}
	body := map[string]any{"schemas": []string{schemaBulk}, "Operations": items}
	a, err := b.s.send(ctx, request{method: http.MethodPost, endpoint: "Bulk", body: body})
	if err != nil {
		b.refused(ctx, items, err)
		return
	}
	answers := readBulk(a.body, items)
	var refused []bulkItem
	for _, item := range items {
		answer, ok := answers[item.BulkID]
		if !ok {
			err := unclearBulk(item, "the answer to a bulk request leaves this operation out")
			b.results[item.index].Err = err
			b.s.stopBulk(ctx, err)
			continue
		}
		if !b.take(ctx, item, answer) {
			refused = append(refused, item)
			b.alone(ctx, []bulkItem{item})
		}
	}
	b.singles.Wait()
	b.compare(ctx, items, refused)
	b.prove(ctx, items)
	b.settle(ctx, items)
}

// alone sends operations through Do. What refers to another one has to wait for that.
func (b *batch) alone(ctx context.Context, items []bulkItem) {
	for _, item := range items {
		if refers(b.ops[item.index]) {
			b.later = append(b.later, item.index)
		} else {
			b.single(ctx, item.index)
		}
	}
}

// refused deals with a bulk request that failed as a whole.
func (b *batch) refused(ctx context.Context, items []bulkItem, err error) {
	switch sinks.ClassOf(err) {
	case sinks.Unreachable, sinks.Throttled, sinks.Denied, sinks.ReadOnly:
	case sinks.Unclear:
		if statusOf(err) != 0 {
			b.s.stopBulk(ctx, err)
		}
	default: // without effect
		b.s.stopBulk(ctx, err)
		b.alone(ctx, items)
		return
	}
	for _, item := range items {
		b.results[item.index].Err = err
	}
}

func (s *Sink) stopBulk(ctx context.Context, err error) {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	if s.bulk.broken {
		return
	}
	s.bulk.broken = true
	s.log.WarnContext(ctx, "bulk requests fail; single ones are used", "class", sinks.ClassOf(err).String())
}

// bulkAnswer is the answer to one operation, RFC 7644 section 3.7.3.
type bulkAnswer struct {
	status            int
	location, version string
	response          json.RawMessage
}

// readBulk sorts the answers by operation: by bulkId, else, where a server gives none
// back, by position.
func readBulk(body []byte, items []bulkItem) map[string]bulkAnswer {
	var doc struct {
		Operations []struct {
			BulkID   string          `json:"bulkId"`
			Location string          `json:"location"`
			Version  string          `json:"version"`
			Status   any             `json:"status"`
			Response json.RawMessage `json:"response"`
		} `json:"Operations"`
	}
	out := make(map[string]bulkAnswer, len(items))
	if err := json.Unmarshal(body, &doc); err != nil {
		return out
	}
	for i, o := range doc.Operations {
		key := o.BulkID
		if key == "" && len(doc.Operations) == len(items) {
			key = items[i].BulkID
		}
		status := o.Status
		if m := objectOf(status); m != nil {
			status = m.get("code")
		}
		code, _ := strconv.Atoi(fmt.Sprint(status))
		out[key] = bulkAnswer{status: code, location: o.Location, version: o.Version, response: o.Response}
	}
	return out
}

// take turns the answer to one operation into its result. It returns false when the
// operation had no effect: alone, all ways are open to it.
func (b *batch) take(ctx context.Context, item bulkItem, got bulkAnswer) bool {
	result, op := &b.results[item.index], b.named(item.index)
	a := &answer{op: item.req.op(), status: got.status, header: http.Header{"Etag": {got.version}}, body: got.response}
	switch {
	case got.status >= 500 && got.status != http.StatusNotImplemented, got.status == http.StatusTooManyRequests:
		result.Err = b.s.refusal(item.req, a)
	case got.status < 200 || got.status > 299:
		return false
	case op.Action == sinks.Create:
		d, err := readDocument(got.response, true)
		if err != nil {
			d = &document{} // without a response the location has the id
		}
		result.Receipt = b.s.createReceipt(op, item.creation, d)
		result.Receipt.Version = versionOf(a.header, d)
		if result.Receipt.ID == "" {
			result.Receipt.ID = locationID(got.location, item.req.path())
		}
		if result.Receipt.ID == "" {
			result.Err = unclearBulk(item, "created without an id")
		}
		b.settled[item.index] = true
	case op.Action == sinks.Update:
		now, err := echo(item.req, a)
		if err != nil || len(b.s.untaken(now, item.changes)) > 0 {
			return false
		}
		result.Receipt.Ignored, result.Receipt.Version = item.ignored, versionOf(a.header, now)
		result.Err = b.s.judgeMembersOf(ctx, op, now)
	}
	return true
}

func (s *Sink) judgeMembersOf(ctx context.Context, op sinks.Op, now *document) error {
	if now == nil {
		return nil
	}
	return s.judgeMembers(ctx, op, now)
}

func unclearBulk(item bulkItem, message string) *sinks.Error {
	return &sinks.Error{
		Class: sinks.Unclear, Op: "POST /Bulk: " + strings.TrimSpace(item.req.op()), Message: message,
		Hint: "The object is looked up before anything is sent again; override.no_bulk: true keeps from bulk requests.",
	}
}
