package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// read reads the source to the end of a round and stores every page.
func (c *cycle) read(ctx context.Context) error {
	err := c.round(ctx, c.full)
	if sources.ClassOf(err) == sources.Expired {
		c.log.Warn("the source's position is too old, reading everything", provlog.LogAttr(err))
		if err := c.store.AbandonRound(ctx, c.row.ID); err != nil {
			return err
		}
		err = c.round(ctx, true)
	}
	return err
}

// usable says whether what was read before an error may be applied. Without the list of
// assignments nobody's scope is known.
func (c *cycle) usable(err error) bool {
	return sources.ClassOf(err) != 0 && c.job.Mapping.App() == "" && !errors.Is(err, context.Canceled)
}

func (c *cycle) round(ctx context.Context, full bool) error {
	m := c.job.Mapping
	round, cursor, err := c.store.BeginRound(ctx, c.row.ID, full, m.Fingerprint())
	if err != nil {
		return err
	}
	im, err := c.importer(ctx, round)
	if err != nil {
		return err
	}
	err = c.pages(ctx, im, cursor)
	if errors.Is(err, state.ErrEmptyRead) || errors.Is(err, state.ErrNoAssignments) {
		// The next cycle looks again from the start.
		err = errors.Join(err, c.store.AbandonRound(ctx, c.row.ID))
	}
	c.out.Users.Unchanged += im.Unchanged[sinks.User]
	c.out.Groups.Unchanged += im.Unchanged[sinks.Group]
	c.out.Users.Skipped += im.Outside[sinks.User]
	c.out.Groups.Skipped += im.Outside[sinks.Group]
	return err
}

func (c *cycle) importer(ctx context.Context, round state.Round) (*state.Importer, error) {
	return c.store.Importer(ctx, state.ImportOptions{
		Job: c.row.ID, UserTable: c.worker.Job.Tables[sinks.User], GroupTable: c.worker.Job.Tables[sinks.Group],
		AppScoped: c.job.Mapping.App() != "", Groups: c.job.Query().Groups, Round: round,
	})
}

// fetched is a page on its way from the source, and mapped what it says of the app.
type (
	fetched struct {
		page *sources.Page
		err  error
	}
	mapped struct {
		batch state.Batch
		err   error
	}
)

// pages imports a page while the next one is mapped and the one after it fetched: each
// needs a good part of a core.
func (c *cycle) pages(ctx context.Context, im *state.Importer, cursor sources.Cursor) error {
	ctx, cancel := context.WithCancel(ctx)
	pages, batches := make(chan fetched), make(chan mapped)
	go c.fetch(ctx, cursor, pages)
	go c.mapPages(ctx, pages, batches)
	defer drain(batches)
	defer cancel()
	read := 0
	for m := range batches {
		if m.err != nil {
			return fmt.Errorf("read the source: %w", m.err)
		}
		if err := im.Import(ctx, m.batch); err != nil {
			return fmt.Errorf("store a page of the source: %w", err)
		}
		if err := c.unmapped(ctx, &m.batch); err != nil {
			return fmt.Errorf("log what could not be mapped: %w", err)
		}
		read += len(m.batch.Entries)
		c.progress("read", read, 0)
		if m.batch.Done {
			return nil
		}
	}
	return ctx.Err()
}

// drain returns when the stage before has ended, which a cancelled context makes it do.
func drain[T any](stage <-chan T) {
	for range stage {
	}
}

// handOver gives something to the next stage unless the context ends before, and says so.
func handOver[T any](ctx context.Context, next chan<- T, v T) bool {
	select {
	case next <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *cycle) fetch(ctx context.Context, cursor sources.Cursor, next chan<- fetched) {
	defer close(next)
	for {
		page, err := c.job.Source.Read(ctx, c.job.Query(), cursor)
		if err == nil && !page.Done && page.Cursor == cursor {
			err = &sources.Error{Class: sources.Incomplete, Op: "read", Message: "the source gave the same position twice"}
		}
		if !handOver(ctx, next, fetched{page, err}) || err != nil || page.Done {
			return
		}
		cursor = page.Cursor
	}
}

func (c *cycle) mapPages(ctx context.Context, pages <-chan fetched, next chan<- mapped) {
	defer close(next)
	defer drain(pages)
	for f := range pages {
		m := mapped{err: f.err}
		if f.err == nil {
			m.batch = c.batch(f.page)
		}
		if !handOver(ctx, next, m) {
			return
		}
	}
}

// batch maps a page. It runs beside the import of the page before, and only reads what
// stays the same in a cycle.
func (c *cycle) batch(p *sources.Page) state.Batch {
	b := state.Batch{
		CompleteGroups: p.CompleteGroups, Assignments: p.Assignments, CompleteAssignments: p.CompleteAssignments,
		Cursor: p.Cursor, Full: p.Full, Done: p.Done,
		Entries: make([]state.Entry, 0, len(p.Users)+len(p.Groups)),
	}
	for i := range p.Users {
		b.Entries = append(b.Entries, userEntry(c.job.Mapping, &p.Users[i]))
	}
	for i := range p.Groups {
		b.Entries = append(b.Entries, groupEntry(c.job.Mapping, &p.Groups[i]))
	}
	for _, bad := range p.Bad {
		b.Bad = append(b.Bad, badEntry(bad))
		c.log.Warn("entry of the source could not be read", "source_id", bad.ID, "code", string(provlog.CodeBadEntry))
	}
	for i := range b.Entries {
		if f := b.Entries[i].Failure; f != nil {
			c.log.Warn("object could not be mapped", "source_id", b.Entries[i].SourceID, "code", f.Code)
		}
	}
	return b
}

func userEntry(m *mapping.Mapping, u *sources.User) state.Entry {
	e := state.Entry{
		Resource: sinks.User, SourceID: u.ID, UserName: u.UserName, Mail: u.Mail, DisplayName: u.DisplayName,
		Presence: presence(u.Removal, u.Active), Manager: u.Manager,
	}
	if u.Removal != sources.NotRemoved {
		return e
	}
	fill(&e, m, withID(u.Attributes, u.ID))
	return e
}

func groupEntry(m *mapping.Mapping, g *sources.Group) state.Entry {
	e := state.Entry{
		Resource: sinks.Group, SourceID: g.ID, DisplayName: g.DisplayName, Presence: presence(g.Removal, true),
		MembersOnly: g.MembersOnly, Members: g.Members,
	}
	if g.Removal != sources.NotRemoved || g.MembersOnly {
		return e
	}
	fill(&e, m, withID(g.Attributes, g.ID))
	return e
}

// fill maps an object. What fails leaves it in escrow and as it was.
func fill(e *state.Entry, m *mapping.Mapping, attrs map[string]any) {
	kind, t := sources.KindUser, m.Users()
	if e.Resource == sinks.Group {
		kind, t = sources.KindGroup, m.Groups()
	}
	in, err := m.InScope(kind, attrs)
	if err != nil {
		e.Failure = failure(provlog.Coded(provlog.CodeScopeFailed, "%s", hide(err, attrs, hiddenAttributes(m, kind))))
		return
	}
	e.Filtered = in
	values, err := t.Values(attrs)
	if err != nil {
		e.Failure = failure(provlog.Coded(provlog.CodeMappingFailed, "%s", hide(err, attrs, hiddenAttributes(m, kind))))
		return
	}
	e.Desired = mapping.Encode(values)
	for i, sensitive := range t.Sensitive {
		if sensitive && values[i] == e.DisplayName && e.DisplayName != "" {
			e.DisplayName = provlog.Hidden
		}
	}
}

func badEntry(bad sources.BadEntry) state.Entry {
	r := sinks.User
	if bad.Kind == sources.KindGroup {
		r = sinks.Group
	}
	return state.Entry{Resource: r, SourceID: bad.ID, Failure: failure(provlog.Coded("bad_entry", "%s", bad.Err))}
}

func failure(err error) *state.Failure {
	e := provlog.FromError(err)
	return &state.Failure{Code: string(e.Code), Message: e.Message, Advice: e.Advice}
}

func withID(attrs map[string]any, id sources.ID) map[string]any {
	if attrs == nil {
		attrs = map[string]any{}
	}
	if _, ok := attrs["id"]; !ok {
		attrs["id"] = string(id)
	}
	return attrs
}

// presentNow says whether an entry is of somebody who is in the source.
func presentNow(e state.Entry) bool { return e.Presence < plan.DeletedSoft }

func presence(r sources.Removal, active bool) plan.Presence {
	switch {
	case r == sources.RemovedSoft:
		return plan.DeletedSoft
	case r == sources.RemovedHard:
		return plan.Gone
	case !active:
		return plan.Disabled
	default:
		return plan.Active
	}
}
