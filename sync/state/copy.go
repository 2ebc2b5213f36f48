package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Copy opens a private copy of the state, for a run that must change nothing. The
// function it returns closes and removes the copy.
func (s *Store) Copy(ctx context.Context) (*Store, func(), error) {
	dir, err := os.MkdirTemp("", "idpbridge-dry-run-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	file := filepath.Join(dir, "state.db")
	if err := s.Backup(ctx, file); err != nil {
		remove()
		return nil, nil, err
	}
	c, err := Open(ctx, Options{Path: file, Log: s.log, Now: s.now})
	if err != nil {
		remove()
		return nil, nil, fmt.Errorf("copy of the state: %w", err)
	}
	// Whoever works on the original does not work on the copy.
	if err := c.set(ctx, `DELETE FROM leases`); err != nil {
		_ = c.Close()
		remove()
		return nil, nil, err
	}
	return c, func() { _ = c.Close(); remove() }, nil
}
