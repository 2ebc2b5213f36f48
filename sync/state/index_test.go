package state_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/state"
)

// TestIndexAskedAtOnce: many workers look for matches at the same time, and each gets the
// account it asked for.
func TestIndexAskedAtOnce(t *testing.T) {
	t.Parallel()
	x, err := state.NewIndex(t.Context(), sinks.Query{Resource: sinks.User, Paths: []string{"userName"}}, []string{"userName"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = x.Close() }()
	var objects []sinks.Object
	for i := range 200 {
		objects = append(objects, sinks.Object{ID: sinks.ID(fmt.Sprint(i)), Values: map[string]any{"userName": fmt.Sprintf("Name%d", i)}})
	}
	if err := x.Add(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := worker; i < 200; i += 2 {
				found, err := x.Find(t.Context(), "userName", fmt.Sprintf("name%d", i))
				if err != nil || len(found) != 1 || found[0].ID != sinks.ID(fmt.Sprint(i)) {
					t.Errorf("name%d: %v, %v", i, found, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
