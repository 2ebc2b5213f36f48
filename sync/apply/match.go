package apply

import (
	"context"
	"fmt"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// match looks for an account that exists already. Without one, a Create makes it.
func (t *task) match(ctx context.Context) {
	t.matching = true
	hits, path, err := t.candidates(ctx, t.o.Unclear)
	if err != nil {
		t.fail(provlog.ActionCreate, err)
		return
	}
	switch {
	case len(hits) > 1:
		t.fail(provlog.ActionCreate, provlog.Coded(provlog.CodeAmbiguousMatch,
			"%d objects of the app match by %s (%s); nothing was changed", len(hits), path, ids(hits)))
	case len(hits) == 1:
		t.found(ctx, &hits[0], path)
	case t.step.Kind == plan.Look:
		t.matching = false
		t.traceMatch("success", "no account exists, and none is wanted")
		t.out.Result.Probed = true
		t.skip()
	default:
		t.matching = false
		t.traceMatch("success", "no account exists")
		t.create(ctx)
	}
}

// candidates tries the matching attributes in their order and stops at the first that
// finds something. ask goes to the app even where the cycle has a list of it.
func (t *task) candidates(ctx context.Context, ask bool) ([]sinks.Object, string, error) {
	tried := 0
	for _, i := range t.table.Match {
		value, ok := t.facts.Desired[i].(string)
		if !ok || value == "" {
			t.attempt(i, nil)
			continue
		}
		tried++
		hits, err := t.find(ctx, t.table.Paths[i], value, ask)
		if err == nil {
			t.attempt(i, hits)
		}
		if err != nil || len(hits) > 0 {
			return hits, t.table.Paths[i], err
		}
	}
	if tried == 0 {
		return nil, "", provlog.Coded(provlog.CodeMissingMatchValue, "none of the matching attributes (%s) has a value", t.matchPaths())
	}
	return nil, "", nil
}

func (t *task) find(ctx context.Context, path, value string, ask bool) ([]sinks.Object, error) {
	if index := t.w.Index[t.o.Resource]; index != nil && !ask {
		return index.Find(ctx, path, value)
	}
	hits, err := t.w.Sink.Find(ctx, t.w.query(t.o.Resource), path, value)
	if err != nil {
		return nil, fmt.Errorf("look for an existing %s by %s: %w", t.o.Resource, path, err)
	}
	return hits, nil
}

func (t *task) matchPaths() string {
	s := ""
	for _, i := range t.table.Match {
		if s != "" {
			s += ", "
		}
		s += t.table.Paths[i]
	}
	return s
}

// found decides about the one account that matches.
func (t *task) found(ctx context.Context, hit *sinks.Object, path string) {
	holder, err := t.w.State.Linked(ctx, state.ClaimQuery{Job: t.w.Job.ID, Resource: t.o.Resource}, hit.ID)
	if err != nil {
		t.fail(provlog.ActionCreate, err)
		return
	}
	if holder != nil && holder.ID != t.o.ID {
		t.belongs(hit, path, holder.SourceID)
		return
	}
	t.matching = false
	t.traceMatch("success", fmt.Sprintf("found %s by %s", hit.ID, path))
	switch {
	case t.w.Job.Policy.Existing == plan.Adopt || t.o.Unclear && t.looksOurs(hit):
		if other, free := t.w.taken.take(t.o, hit.ID); !free {
			t.belongs(hit, path, other)
			return
		}
		t.adopt(ctx, hit, path)
	case t.w.Job.Policy.Existing == plan.Ignore:
		t.out.Counted, t.out.Action = Skipped, provlog.ActionNone
		t.trace(provlog.StepAct, "skipped", "an account exists and existing_accounts is ignore", nil)
	default:
		t.fail(provlog.ActionCreate, provlog.Coded(provlog.CodeExistingAccount,
			"the account %s exists already (found by %s), and existing_accounts is fail", hit.ID, path))
	}
}

// belongs refuses an account that another object of the source has.
func (t *task) belongs(hit *sinks.Object, path string, other sources.ID) {
	t.out.Blocked = true // the other one may be about to change
	t.fail(provlog.ActionCreate, provlog.Coded(provlog.CodeConflict,
		"the account %s, which matches by %s, belongs to %s %s of the source", hit.ID, path, t.o.Resource, other))
}

// looksOurs says whether an account is the one that an earlier process made and could not
// say so: then it shows what that process wanted. The mark of an unclear object alone
// proves nothing, since it stands before the request is sent.
func (t *task) looksOurs(hit *sinks.Object) bool {
	for i, p := range t.table.Paths {
		shown, ok := hit.Values[p]
		if ok && p != t.facts.ActivePath && !plan.Equal(t.facts.Desired[i], shown) && !sameText(p, t.facts.Desired[i], shown) {
			return false
		}
	}
	return true
}

// adopt links an account and goes on as if the app had acknowledged what it shows, so
// that exactly the difference is sent.
func (t *task) adopt(ctx context.Context, hit *sinks.Object, path string) {
	if err := t.adoptMembers(ctx, hit); err != nil {
		t.fail(provlog.ActionCreate, err)
		return
	}
	t.observe(hit)
	t.out.Adopted = path
	t.w.Log.Debug("existing account linked", "resource", t.o.Resource.String(), "source_id", t.o.SourceID, "sink_id", hit.ID, "matched_by", path)
	t.plan()
	if t.step.Kind == plan.Nothing {
		t.ackDesired()
		t.out.Counted = Unchanged
		t.preview("link")
		t.record(provlog.ActionNone, nil)
		t.trace(provlog.StepAct, "success", "the account is linked; it is equal already", nil)
		return
	}
	t.carryOut(ctx)
}

// observe takes what the app shows of the object for what it acknowledged.
func (t *task) observe(hit *sinks.Object) {
	values := make([]any, len(t.table.Paths))
	for i, p := range t.table.Paths {
		values[i] = hit.Values[p]
	}
	t.out.Result.SinkID, t.out.Result.Account = hit.ID, accountOf(t.o.Resource, hit)
	t.out.Result.Acked = &state.Acked{Table: t.w.Job.Tables[t.o.Resource], Values: mapping.Encode(values)}
	t.facts.Linked, t.facts.Account, t.facts.Acked = true, t.out.Result.Account, hit.Values
	if t.facts.Acked == nil {
		t.facts.Acked = map[string]any{}
	}
	if t.table.Reference {
		shown, _ := hit.Values[sinks.PathManager].(string)
		t.facts.Manager.Same = sinks.ID(shown) == t.facts.Manager.Want
		t.out.Result.AckedManager = 0
		if t.facts.Manager.Same && shown != "" {
			t.out.Result.AckedManager = t.o.Manager.ID
		}
	}
}

// accountOf reads `active`; an app that shows none has enabled accounts only.
func accountOf(r sinks.Resource, o *sinks.Object) plan.Account {
	if r == sinks.User && o.Values[sinks.PathActive] == false {
		return plan.Blocked
	}
	return plan.Enabled
}

func ids(objects []sinks.Object) string {
	s := ""
	for i, o := range objects {
		if i == 3 {
			return s + ", …"
		}
		if i > 0 {
			s += ", "
		}
		s += string(o.ID)
	}
	return s
}
