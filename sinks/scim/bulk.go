package scim

import (
	"context"
	"net/http"
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
	// membersLost and membersProven are about members that go in together with what makes
	// their group, refsLost about those that go in together with what makes them.
	membersLost, membersProven, refsLost bool
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
// are in the order of ops, which concern different objects, and mean the same as Do's. A
// group may be given members that an op before it creates; see sinks.Made.
//
// What does not fit bulk, or is refused in it, goes through Do. The first use is read
// back; an application that answers success and does nothing is found out, and bulk is
// not used again.
func (s *Sink) DoAll(ctx context.Context, ops []sinks.Op) []sinks.Result {
	b := s.newBatch(ctx, ops)
	for i := range ops {
		b.add(ctx, i)
	}
	b.flush(ctx)
	b.singles.Wait()
	b.late(ctx)
	return b.results
}

// bulkItem is one operation of a bulk request.
type bulkItem struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	BulkID string `json:"bulkId"`
	// Version takes the place of If-Match (RFC 7644 section 3.7.3).
	Version string `json:"version,omitempty"`
	Data    any    `json:"data,omitempty"`

	index    int
	req      request
	changes  []change
	ignored  []string
	creation creation
}

// bulkItem prepares an Op; ok is false when it has to go alone.
func (s *Sink) bulkItem(i int, op sinks.Op) (item bulkItem, size int, ok bool) {
	changes, err := s.parseChanges(op)
	if err != nil {
		return item, 0, false
	}
	item.index, item.BulkID = i, bulkID(i)
	switch op.Action {
	case sinks.Create:
		if !s.joinsMembers() {
			op.AddMembers = nil
		}
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
	if op.Action != sinks.Create {
		item.Version = s.ifMatch(op.Version)
	}
	body, err := encode(item)
	return item, len(body), err == nil
}
