package engine

import (
	"context"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// unmapped counts and logs the entries of a page that could not be read or mapped. They
// are in escrow, and nothing was tried for them.
func (c *cycle) unmapped(ctx context.Context, b *state.Batch) error {
	var records []provlog.Record
	for _, entries := range [][]state.Entry{b.Entries, b.Bad} {
		for i := range entries {
			e := &entries[i]
			if e.Failure == nil {
				continue
			}
			records = append(records, c.unmappedRecord(e))
			if e.SourceID == "" {
				c.out.Nameless++
			}
			if e.Resource == sinks.Group {
				c.out.Groups.Failed++
			} else {
				c.out.Users.Failed++
			}
			if c.req.DryRun {
				c.out.Plan = append(c.out.Plan, unmappedChange(&records[len(records)-1]))
			}
		}
	}
	return c.store.PutRecords(ctx, records)
}

func (c *cycle) unmappedRecord(e *state.Entry) provlog.Record {
	name := e.DisplayName
	if slices.Contains(c.table(e.Resource).Sensitive, true) {
		name = "" // it may be one of the values that must not be stored
	}
	r := provlog.Record{
		ID: ulid.Make().String(), Time: c.e.now().UTC(), Job: c.job.Name, CycleID: c.out.ID, Trigger: c.req.Trigger,
		Resource: e.Resource.String(), Action: provlog.ActionNone, Status: provlog.StatusFailure,
		SourceIdentity: provlog.Identity{ID: string(e.SourceID), DisplayName: name, Type: e.Resource.String()},
		TargetIdentity: provlog.Identity{Type: e.Resource.String()},
		Error:          &provlog.Error{Code: provlog.Code(e.Failure.Code), Message: e.Failure.Message, Advice: e.Failure.Advice},
	}
	r.ChangeID = r.ID
	return r
}

func unmappedChange(r *provlog.Record) state.Change {
	return state.Change{
		Resource: r.Resource, Action: r.Action.String(), SourceID: r.SourceIdentity.ID, DisplayName: r.SourceIdentity.DisplayName,
		Properties: []state.Property{}, Error: &state.Problem{Code: string(r.Error.Code), Message: r.Error.Message, Advice: r.Error.Advice},
	}
}
