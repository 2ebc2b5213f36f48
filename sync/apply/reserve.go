package apply

import (
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/state"
)

// reservations are the accounts that this run has given to objects and not stored yet: two
// objects that match the same account meet here before either of them is recorded.
type reservations struct {
	mu   sync.Mutex
	held map[reserved]*state.Object
	of   map[state.ObjectID]reserved
}

type reserved struct {
	resource sinks.Resource
	id       sinks.ID
}

// take reserves an account for an object. If it is taken, it returns by whom.
func (r *reservations) take(o *state.Object, id sinks.ID) (sources.ID, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := reserved{o.Resource, id}
	if other := r.held[key]; other != nil && other.ID != o.ID {
		return other.SourceID, false
	}
	if r.held == nil {
		r.held, r.of = map[reserved]*state.Object{}, map[state.ObjectID]reserved{}
	}
	r.held[key], r.of[o.ID] = o, key
	return "", true
}

// Recorded tells the worker that results are stored, and with them who holds which
// account.
func (w *Worker) Recorded(results []state.Result) {
	w.taken.mu.Lock()
	defer w.taken.mu.Unlock()
	for i := range results {
		id := results[i].Object.ID
		delete(w.taken.held, w.taken.of[id])
		delete(w.taken.of, id)
	}
}
