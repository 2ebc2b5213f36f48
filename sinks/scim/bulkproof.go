package scim

import (
	"context"
	"errors"
	"fmt"

	"github.com/idpbridge/idpbridge/sinks"
)

// compare ends the use of bulk where most operations are refused in it and taken alone.
func (b *batch) compare(ctx context.Context, items, refused []bulkItem) {
	taken := 0
	for _, item := range refused {
		if b.results[item.index].Err == nil {
			taken++
		}
	}
	if taken > len(items)/2 {
		b.s.stopBulk(ctx, fmt.Errorf("%d of %d operations were refused in a bulk request, and taken alone", taken, len(items)))
	}
}

// prove reads one result of the first bulk request back. Success without effect makes
// every outcome unclear, and ends the use of bulk.
func (b *batch) prove(ctx context.Context, items []bulkItem) {
	b.s.bulk.Lock()
	proven := b.s.bulk.proven
	b.s.bulk.Unlock()
	if proven {
		return
	}
	for _, item := range items {
		result, op := b.results[item.index], b.ops[item.index]
		if result.Err != nil {
			continue
		}
		happened, known := b.happened(ctx, item, op, result.Receipt)
		if !known {
			continue
		}
		if !happened {
			b.disproved(ctx, items)
			return
		}
		b.s.bulk.Lock()
		b.s.bulk.proven = true
		b.s.bulk.Unlock()
		return
	}
}

// happened reads one object back; known is false when that can't tell.
func (b *batch) happened(ctx context.Context, item bulkItem, op sinks.Op, receipt sinks.Receipt) (happened, known bool) {
	id := op.ID
	if op.Action == sinks.Create {
		id = receipt.ID
	}
	r, _, err := b.s.fetch(ctx, sinks.Query{Resource: op.Resource}, id)
	gone := sinks.ClassOf(err) == sinks.Missing
	if err != nil && !gone {
		return false, false
	}
	switch op.Action {
	case sinks.Create:
		return !gone, true
	case sinks.Delete:
		return gone, true
	case sinks.Update:
		return !gone && len(b.s.untaken(r, item.changes)) == 0, len(item.changes) > 0
	}
	return false, false
}

func (b *batch) disproved(ctx context.Context, items []bulkItem) {
	b.s.stopBulk(ctx, errors.New("success was answered, and nothing happened"))
	for _, item := range items {
		if b.results[item.index].Err == nil {
			b.results[item.index] = sinks.Result{Err: unclearBulk(item, "a bulk request was answered with success, and one of its operations did not happen")}
		}
	}
}
