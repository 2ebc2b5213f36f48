package graph

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/idpbridge/idpbridge/sources"
)

// get sends a request and returns the answer if it is a success. Everything else becomes
// a *sources.Error, except that a context which ended is handed back as it is.
func (s *Source) get(ctx context.Context, r Request) (Answer, error) {
	if err := s.pin(r.Link); err != nil {
		return Answer{}, err
	}
	answer, err := s.client.Get(ctx, r)
	switch {
	case err == nil && answer.Status >= 200 && answer.Status < 300:
		return answer, nil
	case err == nil:
		return Answer{}, refusal(r.Op, answer)
	case ctx.Err() != nil || sources.ClassOf(err) != 0:
		return Answer{}, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Answer{}, &sources.Error{Class: sources.Incomplete, Op: r.Op.String(), Message: "the answer was cut off", Err: err}
	default:
		return Answer{}, sources.NoAnswer(r.Op.String(), "check the network, the proxy and base_url", err)
	}
}

// refusal turns an answer that is no success into an error.
func refusal(op Op, a Answer) *sources.Error {
	e := &sources.Error{Op: op.String(), Status: a.Status}
	var body struct {
		Error struct{ Code, Message string }
	}
	isGraph := json.Unmarshal(a.Body, &body) == nil && (body.Error.Code != "" || body.Error.Message != "")
	if isGraph {
		e.Code, e.Message = body.Error.Code, body.Error.Message
	}
	e.Class = classOf(op, a.Status, e.Code, isGraph)
	e.Hint = hint(op, e)
	if e.Class == sources.Throttled || e.Class == sources.Transient {
		e.RetryAfter = retryAfter(a.Header, time.Now)
	}
	return e
}

// classOf classifies by code first: Graph tells an expired token as 400 or 410. Rules:
// "Microsoft Graph error responses and resource types", "Use delta query".
func classOf(op Op, status int, code string, isGraph bool) sources.Class {
	switch code {
	case "syncStateNotFound", "resyncRequired", "Directory_ExpiredPageToken":
		return sources.Expired
	}
	switch {
	case status == http.StatusGone:
		return sources.Expired
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return sources.Denied
	case status == http.StatusTooManyRequests:
		return sources.Throttled
	case status == http.StatusNotFound && isGraph && op != OpUsersDelta && op != OpGroupsDelta:
		return sources.Missing
	case status >= 500 || status == http.StatusRequestTimeout:
		return sources.Transient
	default:
		return sources.Rejected
	}
}

// hint says what an administrator can do, where that is known.
func hint(op Op, e *sources.Error) string {
	switch {
	case e.Status == http.StatusUnauthorized:
		return "the token was refused: check tenant_id, client_id, and whether the secret or certificate expired"
	case e.Class == sources.Denied:
		return "grant the application the permission " + permission(op) + " (or Directory.Read.All) with admin consent"
	case e.Class == sources.Missing && op == OpAssignments:
		return "scope.app must be the object id of the enterprise application (service principal), not its client id"
	case e.Class == sources.Expired:
		return "a full round follows by itself"
	case e.Class == sources.Rejected && e.Code == "":
		return "the answer did not come from Microsoft Graph: check base_url"
	case e.Class == sources.Rejected:
		return "check that the attributes named in mapping and scope exist in Microsoft Graph and can be tracked"
	default:
		return ""
	}
}

// permission returns the least application permission for an operation.
func permission(op Op) string {
	switch op {
	case OpGroupsDelta, OpGroup, OpGroups, OpMembers:
		return "GroupMember.Read.All"
	case OpAssignments:
		return "Application.Read.All"
	case OpUsersDelta, OpUser, OpUsers, OpMemberOf, OpDeletedUsers:
		return "User.Read.All"
	default:
		return "Directory.Read.All"
	}
}

// retryAfter reads Retry-After: seconds or a date (RFC 9110 section 10.2.3).
func retryAfter(h http.Header, now func() time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now()))
	}
	return 0
}

// incomplete is an error about an answer that can't be trusted.
func incomplete(op Op, message string, cause error) error {
	return &sources.Error{
		Class: sources.Incomplete, Op: op.String(), Message: message, Err: cause,
		Hint: "nobody is removed because of this read; if it lasts, look for a proxy that alters answers",
	}
}
