package api

import (
	"context"
	"encoding/base64"
	"log/slog"
	"strconv"
	"time"

	"github.com/idpbridge/idpbridge/cmd/internal/control"
	"github.com/idpbridge/idpbridge/cmd/internal/view"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

type logInput struct {
	OnJob
	Identity string `query:"identity" maxLength:"1024" doc:"Only one user or group: the source's id, user name, mail address or group name"`
	Status   string `query:"status" enum:"success,failure,skipped,warning" doc:"Only records of this status"`
	Action   string `query:"action" enum:"create,update,disable,delete,none" doc:"Only records of this action"`
	Since    string `query:"since" maxLength:"64" doc:"Only what is newer: a time (2026-01-01T00:00:00Z) or a while (90m, 12h, 30d)"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The most records of one answer"`
	Cursor   string `query:"cursor" maxLength:"64" doc:"The next_cursor of the answer before, with the same filters"`
}

type logAnswer struct{ Body view.Records }

func (s *server) listLog(ctx context.Context, in *logInput) (*logAnswer, error) {
	filter, err := in.filter(s.now())
	if err != nil {
		return nil, err
	}
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	if in.Identity != "" {
		filter.Identity, err = w.SourceID(ctx, in.Identity)
		if several := control.Refusal(err); several != nil {
			return nil, &badRequest{location: "query.identity", message: several.Message + "; " + several.Advice}
		}
		if err != nil {
			return nil, err
		}
	}
	filter.Limit++ // one more says whether there is a next page
	found, err := w.store.Logs(ctx, w.Row().ID, filter)
	if err != nil {
		return nil, err
	}
	return &logAnswer{page(found, in.Limit)}, nil
}

// page cuts off what is beyond the limit.
func page(found []state.Logged, limit int) view.Records {
	out := view.Records{Records: make([]provlog.Record, 0, min(len(found), limit))}
	if len(found) > limit {
		found = found[:limit]
		next := cursorOf(found[limit-1].Seq)
		out.NextCursor = &next
	}
	for i := range found {
		out.Records = append(out.Records, found[i].Record)
	}
	return out
}

// filter reads the query, except for the identity.
func (in *logInput) filter(now time.Time) (provlog.Filter, error) {
	f := provlog.Filter{Status: provlog.Status(in.Status), Action: provlog.Action(in.Action), Limit: in.Limit}
	var err error
	if in.Since != "" {
		if f.Since, err = parseSince(in.Since, now); err != nil {
			return f, &badRequest{location: "query.since", message: err.Error()}
		}
	}
	if in.Cursor != "" {
		if f.Cursor, err = parseCursor(in.Cursor); err != nil {
			return f, &badRequest{location: "query.cursor", message: "not a next_cursor of an earlier answer"}
		}
	}
	return f, nil
}

func parseSince(text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	d, err := view.ParseDuration(text)
	return now.Add(-d), err
}

type explainInput struct {
	OnJob
	User  string `query:"user" maxLength:"1024" doc:"The user: the source's id, user name or mail address"`
	Group string `query:"group" maxLength:"1024" doc:"The group: the source's id or name"`
}

type explainAnswer struct{ Body engine.Explanation }

func (s *server) explainObject(ctx context.Context, in *explainInput) (*explainAnswer, error) {
	job, err := s.app.Job(in.Job)
	if err != nil {
		return nil, err
	}
	e, err := s.app.Engine(ctx)
	if err != nil {
		return nil, err
	}
	if (in.User == "") == (in.Group == "") {
		return nil, &badRequest{location: "query", message: "name either a user or a group"}
	}
	ask, ref, where := e.Explain, in.User, "query.user"
	if in.Group != "" {
		ask, ref, where = e.ExplainGroup, in.Group, "query.group"
	}
	x, err := ask(ctx, job, ref)
	if err != nil {
		return nil, unexplained(err, where)
	}
	return &explainAnswer{*x}, nil
}

// unexplained tells a reference that is wrong from a source that could not be asked about
// it.
func unexplained(err error, where string) error {
	switch why := provlog.FromError(err); why.Code {
	case provlog.CodeUnknownReference:
		return &unknownReference{why.Message}
	case provlog.CodeAmbiguousReference:
		return &badRequest{location: where, message: why.Message + "; " + why.Advice}
	case provlog.CodeInternal, provlog.CodeInterrupted:
		return err
	default:
		return &sourceError{why.Message + "; " + why.Advice}
	}
}

// cursorOf makes a cursor that nobody is tempted to count with.
func cursorOf(seq int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte("seq " + strconv.FormatInt(seq, 36)))
}

func parseCursor(cursor string) (int64, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < 5 || string(b[:4]) != "seq " {
		return 0, strconv.ErrSyntax
	}
	seq, err := strconv.ParseInt(string(b[4:]), 36, 64)
	if err == nil && seq <= 0 {
		err = strconv.ErrRange
	}
	return seq, err
}

type (
	escrowsAnswer struct{ Body view.Escrows }
	stagedAnswer  struct{ Body view.StagedDeletions }
	decidedAnswer struct{ Body view.Decided }
)

func (s *server) listEscrows(ctx context.Context, in *OnJob) (*escrowsAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	found, err := view.OfEscrows(ctx, w.store, w.Row().ID)
	return &escrowsAnswer{found}, err
}

func (s *server) listStaged(ctx context.Context, in *OnJob) (*stagedAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	found, err := view.OfStagedDeletions(ctx, w.store, w.Row())
	return &stagedAnswer{found}, err
}

// decideInput says which deletions are meant.
type decideInput struct {
	OnJob
	Body *DecideRequest
}

// DecideRequest is the body of POST …/approve and …/reject.
type DecideRequest struct {
	Set string `json:"set,omitempty" minLength:"1" maxLength:"64" doc:"The set of the list that was looked at: the decision is for these or is refused. Without, it is for whatever is held back now"`
}

func (s *server) approve(ctx context.Context, in *decideInput) (*decidedAnswer, error) {
	return s.decide(ctx, in, state.Approved)
}

func (s *server) reject(ctx context.Context, in *decideInput) (*decidedAnswer, error) {
	return s.decide(ctx, in, state.Denied)
}

func (s *server) decide(ctx context.Context, in *decideInput, d state.Decision) (*decidedAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	ruling := state.Ruling{Decision: d}
	if in.Body != nil {
		ruling.Set = in.Body.Set
	}
	n, err := w.Decide(ctx, ruling)
	if err != nil {
		return nil, err
	}
	note(ctx, slog.Int("count", n), slog.String("set", ruling.Set))
	return &decidedAnswer{view.Decided{Job: in.Job, Decision: d.String(), Count: n}}, nil
}
