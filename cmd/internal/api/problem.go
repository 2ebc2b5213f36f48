package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/cmd/internal/control"
	"github.com/idpbridge/idpbridge/sync/schedule"
	"github.com/idpbridge/idpbridge/sync/state"
)

// problem makes a problem document (RFC 9457).
func problem(status int, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail}
}

// writeProblem answers with a problem document where no handler does.
func writeProblem(w http.ResponseWriter, r *http.Request, p *huma.ErrorModel) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return
	}
	_ = json.NewEncoder(w).Encode(p) // whoever hung up is told nothing
}

// refuse answers a request that may not come in.
func refuse(w http.ResponseWriter, r *http.Request, no *refusal) {
	if no.status == http.StatusUnauthorized || no.challenge != "" {
		challenge := `Bearer realm="idpbridge"`
		if no.challenge != "" {
			challenge += fmt.Sprintf(", error=%q, error_description=%q", no.challenge, no.detail)
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	writeProblem(w, r, problem(no.status, no.detail))
}

// badRequest is an error of whoever sent the request, found by a handler.
type badRequest struct{ location, message string }

func (e *badRequest) Error() string { return e.message }

// unknownReference is an error about somebody whom neither source nor state knows.
type unknownReference struct{ message string }

func (e *unknownReference) Error() string { return e.message }

// sourceError is an error of a source that an answer can't do without.
type sourceError struct{ message string }

func (e *sourceError) Error() string { return e.message }

// explain turns a handler's error into a problem document. What nobody outside can do
// anything about is logged, and stays in the log.
func (s *server) explain(ctx context.Context, err error) error {
	if bad, ok := errors.AsType[*badRequest](err); ok {
		p := problem(http.StatusUnprocessableEntity, "validation failed")
		p.Errors = []*huma.ErrorDetail{{Message: bad.message, Location: bad.location}}
		return p
	}
	if refused := control.Refusal(err); refused != nil {
		return problem(http.StatusConflict, refused.Message+"; "+refused.Advice)
	}
	if leased, ok := errors.AsType[*state.LeasedError](err); ok {
		return problem(http.StatusConflict, leased.Error())
	}
	if missing := notFound(err); missing != "" {
		return problem(http.StatusNotFound, missing)
	}
	if silent, ok := errors.AsType[*sourceError](err); ok {
		return problem(http.StatusServiceUnavailable, silent.message)
	}
	switch {
	case errors.Is(err, schedule.ErrStopped):
		return problem(http.StatusServiceUnavailable, schedule.ErrStopped.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusServiceUnavailable, "this took too long")
	}
	id := ""
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		id = v.id
	}
	s.log.LogAttrs(ctx, slog.LevelError, "request could not be answered", slog.String("request_id", id), slog.Any("error", err))
	return problem(http.StatusInternalServerError, "the bridge could not do this; its log has more under the request id")
}

// notFound says what is not there, or "".
func notFound(err error) string {
	if unknown, ok := errors.AsType[*app.UnknownJobError](err); ok {
		return fmt.Sprintf("there is no job %q", unknown.Name)
	}
	if unknown, ok := errors.AsType[*schedule.UnknownJobError](err); ok {
		return unknown.Error()
	}
	if unknown, ok := errors.AsType[*unknownReference](err); ok {
		return unknown.message
	}
	if errors.Is(err, state.ErrNotFound) {
		return "there is no such cycle; the newest 1000 of a job are kept, and the latest dry runs until the server stops"
	}
	return ""
}
