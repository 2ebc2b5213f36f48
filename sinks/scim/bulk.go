package scim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
)

const (
	schemaBulk = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	// maxBulk bounds a bulk request whatever the server allows: a failure concerns all
	// of its operations, and each is then looked up.
	maxBulk = 200
	// bulkFrame is room for what surrounds the operations.
	bulkFrame = 256
)

// bulkState is what was learnt of the server's bulk: offers of it are often broken.
type bulkState struct {
	sync.Mutex
	broken, proven bool
}

func (b *bulkState) isBroken() bool {
	b.Lock()
	defer b.Unlock()
	return b.broken
}

// BulkSize is the most Ops worth giving to DoAll at once; below 2, DoAll brings nothing.
// It may read the ServiceProviderConfig.
func (s *Sink) BulkSize(ctx context.Context) int {
	if s.profile.NoBulk || s.bulk.isBroken() {
		return 0
	}
	c := s.claims(ctx)
	if c.Bulk != Yes || c.MaxOperations < 2 {
		return 0 // without a bound nobody knows what fits
	}
	return min(c.MaxOperations, maxBulk)
}

// DoAll makes several writes, as few requests as the application's bulk allows. Results
// are in the order of ops, which concern different objects, and mean the same as Do's.
// What does not fit bulk, or is
// refused in it, goes through Do. The first use is read back; an application that
// answers success and does nothing is found out, and bulk is not used again.
func (s *Sink) DoAll(ctx context.Context, ops []sinks.Op) []sinks.Result {
	results := make([]sinks.Result, len(ops))
	size := s.BulkSize(ctx)
	payload := s.claims(ctx).MaxPayload
	if payload == 0 {
		payload = 1 << 20
	}
	b := &batch{s: s, ops: ops, results: results, slots: make(chan struct{}, s.limits.Concurrency)}
	for i, op := range ops {
		item, bytes, ok := s.bulkItem(i, op)
		if size < 2 || !ok || bytes > payload-bulkFrame {
			b.single(ctx, i)
			continue
		}
		if len(b.items) == size || b.bytes+bytes > payload-bulkFrame {
			b.flush(ctx)
		}
		b.items, b.bytes = append(b.items, item), b.bytes+bytes+1
	}
	b.flush(ctx)
	b.singles.Wait()
	return results
}

// bulkItem is one operation of a bulk request.
type bulkItem struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	BulkID string `json:"bulkId"`
	Data   any    `json:"data,omitempty"`

	index    int
	req      request
	changes  []change
	ignored  []string
	creation creation
}

// bulkItem prepares an Op; ok is false when it has to go alone.
func (s *Sink) bulkItem(i int, op sinks.Op) (item bulkItem, size int, ok bool) {
	changes, err := parseChanges(op)
	if err != nil {
		return item, 0, false
	}
	item.index, item.BulkID = i, "op"+strconv.Itoa(i)
	switch op.Action {
	case sinks.Create:
		// Most answers don't show what was created, so nobody would know whether the
		// members were taken, and a second addition makes duplicates in some
		// applications. They follow by PATCH.
		op.AddMembers = nil
		if item.creation, err = s.creation(op, changes); err != nil {
			return item, 0, false
		}
		item.req = request{method: http.MethodPost, resource: op.Resource, body: item.creation.body}
	case sinks.Update:
		item.changes, item.ignored = s.sendable(op, changes)
		operations := append(s.operations(item.changes), s.memberOperations(op)...)
		guarded := len(op.RemoveMembers) > 0 && s.profile.MemberRemoval != RemoveByFilter
		if len(operations) == 0 || guarded || s.byPut(op.Resource) {
			return item, 0, false
		}
		item.req = request{method: http.MethodPatch, resource: op.Resource, id: op.ID, body: patchBody(operations)}
	case sinks.Delete:
		if op.Resource == sinks.User && s.profile.UserDelete == DeleteUnsupported {
			return item, 0, false
		}
		item.req = request{method: http.MethodDelete, resource: op.Resource, id: op.ID}
	default:
		return item, 0, false
	}
	item.Method, item.Path, item.Data = item.req.method, item.req.path(), item.req.body
	body, err := encode(item)
	return item, len(body), err == nil
}

// batch collects operations and hands their results out.
type batch struct {
	s       *Sink
	ops     []sinks.Op
	results []sinks.Result
	items   []bulkItem
	bytes   int

	singles sync.WaitGroup
	slots   chan struct{} // as many as requests may be under way
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
		for _, item := range items {
			b.single(ctx, item.index)
		}
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
		if !b.take(item, answer) {
			refused = append(refused, item)
			b.single(ctx, item.index)
		}
	}
	b.singles.Wait()
	b.compare(ctx, items, refused)
	b.prove(ctx, items)
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
		for _, item := range items {
			b.single(ctx, item.index)
		}
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
	status   int
	location string
	response json.RawMessage
}

// readBulk sorts the answers by operation: by bulkId, else, where a server gives none
// back, by position.
func readBulk(body []byte, items []bulkItem) map[string]bulkAnswer {
	var doc struct {
		Operations []struct {
			BulkID   string          `json:"bulkId"`
			Location string          `json:"location"`
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
		if m, ok := status.(map[string]any); ok {
			status = lookup(m, "code")
		}
		code, _ := strconv.Atoi(fmt.Sprint(status))
		out[key] = bulkAnswer{status: code, location: o.Location, response: o.Response}
	}
	return out
}

// take turns the answer to one operation into its result. It returns false when the
// operation had no effect: alone, all ways are open to it.
func (b *batch) take(item bulkItem, got bulkAnswer) bool {
	result, op := &b.results[item.index], b.ops[item.index]
	a := &answer{op: item.req.op(), status: got.status, header: http.Header{}, body: got.response}
	switch {
	case got.status >= 500 && got.status != http.StatusNotImplemented, got.status == http.StatusTooManyRequests:
		result.Err = b.s.refusal(item.req, a)
	case got.status < 200 || got.status > 299:
		return false
	case op.Action == sinks.Create:
		r, _ := decodeResource(got.response, true) // without a response the location has the id
		if r == nil {
			r = resource{}
		}
		if r.id() == "" {
			r["id"] = string(locationID(got.location, item.req.path()))
		}
		result.Receipt = b.s.createReceipt(op, item.creation, r)
		if r.id() == "" {
			result.Err = unclearBulk(item, "created without an id")
		}
	case op.Action == sinks.Update:
		now, err := echo(item.req, a)
		if err != nil || len(b.s.untaken(now, item.changes)) > 0 {
			return false
		}
		result.Receipt.Ignored = item.ignored
		result.Err = b.s.judgeMembersOf(op, now)
	}
	return true
}

func (s *Sink) judgeMembersOf(op sinks.Op, now resource) error {
	if now == nil {
		return nil
	}
	return s.judgeMembers(op, now)
}

func unclearBulk(item bulkItem, message string) *sinks.Error {
	return &sinks.Error{
		Class: sinks.Unclear, Op: "POST /Bulk: " + strings.TrimSpace(item.req.op()), Message: message,
		Hint: "The object is looked up before anything is sent again; override.no_bulk: true keeps from bulk requests.",
	}
}
