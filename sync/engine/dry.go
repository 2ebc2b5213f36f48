package engine

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/idpbridge/idpbridge/sinks"
)

// dry is an app in a dry run: it is read for real, and writes are answered as an app
// that accepts everything would. The client below it refuses writes in any case.
type dry struct {
	Sink
	made atomic.Int64
}

// Do answers without sending anything.
func (d *dry) Do(_ context.Context, op sinks.Op) (sinks.Receipt, error) {
	if op.Action != sinks.Create {
		return sinks.Receipt{}, nil
	}
	return sinks.Receipt{ID: sinks.ID(fmt.Sprintf("dry-run-%d", d.made.Add(1))), MembersDone: true}, nil
}
