package okta

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

// The hints, each for one thing an administrator can do.
const (
	hintToken      = "Check the API token or the app's key; Okta revokes a token that was not used for 30 days."
	hintRights     = "Give the API token's owner or the service app an admin role (Read-only Administrator is enough) and, for an app, the scopes okta.users.read, okta.groups.read, okta.apps.read and okta.logs.read."
	hintNoPeople   = "Okta answers with an empty list to a service app that has no admin role: assign it one (Read-only Administrator is enough)."
	hintBase       = "Check base_url: it is the org's own address, such as https://acme.okta.com, without -admin and without a path."
	hintTransient  = "Okta or a proxy before it had trouble; the next cycle goes on from here. https://status.okta.com shows Okta's state."
	hintIncomplete = "Nothing is removed on the word of such an answer. If it stays so, look for a proxy between here and Okta that rewrites answers."
	hintLimit      = "Okta's rate limit is used up, also by others. The admin console shows under Reports > Rate limits by whom."
	hintMissing    = "Check the id; the token's owner may also not be allowed to see it."
	hintExpired    = "A full round begins anew."
)

// codeMissing is Okta's code of "resource not found", with status 404.
const codeMissing = "E0000007"

// body is Okta's error object, or that of its OAuth endpoints.
type errorBody struct {
	Code        string `json:"errorCode"`
	Summary     string `json:"errorSummary"`
	OAuthCode   string `json:"error"`
	Description string `json:"error_description"`
}

// refused turns an answer that is not 2xx into an error.
func refused(req Request, resp *http.Response) error {
	e := newRefusal(req.String(), resp)
	if e.Class == sources.Rejected && e.Status == http.StatusBadRequest && req.After != "" {
		// The request is the same as for the pages before but for its cursor.
		e.Class, e.Hint = sources.Expired, hintExpired
	}
	return e
}

// newRefusal reads Okta's words from an answer and classifies it.
func newRefusal(op string, resp *http.Response) *sources.Error {
	e := &sources.Error{Op: op, Status: resp.StatusCode}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // a body that can't be read only costs words
	var words errorBody
	if json.Unmarshal(b, &words) == nil {
		e.Code, e.Message = words.Code, words.Summary
		if e.Code == "" {
			e.Code, e.Message = words.OAuthCode, words.Description
		}
	}
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized:
		e.Class, e.Hint = sources.Denied, hintToken
	case status == http.StatusForbidden:
		e.Class, e.Hint = sources.Denied, hintRights
	case status == http.StatusTooManyRequests:
		e.Class, e.Hint = sources.Throttled, hintLimit
		e.RetryAfter = untilReset(resp.Header)
	case status == http.StatusNotFound && e.Code == codeMissing:
		e.Class, e.Hint = sources.Missing, hintMissing
	case status >= http.StatusInternalServerError || status == http.StatusRequestTimeout:
		e.Class, e.Hint = sources.Transient, hintTransient
	default:
		e.Class, e.Hint = sources.Rejected, hintBase
	}
	return e
}

// untilReset is how long to wait by an answer's own words: until X-Rate-Limit-Reset by
// the answer's clock and a second more, or Retry-After; 0 when it says neither.
func untilReset(h http.Header) time.Duration {
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil && s >= 0 {
		return time.Duration(s) * time.Second
	}
	reset, err := strconv.ParseInt(h.Get("X-Rate-Limit-Reset"), 10, 64)
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(time.Unix(reset, 0).Sub(date), 0) + time.Second
}

// unreachable wraps an error that came instead of an answer. Errors that are classified
// already (of the token request) and the caller's own cancellation stay as they are.
func unreachable(req Request, err error) error {
	if sources.ClassOf(err) != 0 || errors.Is(err, context.Canceled) {
		return err
	}
	return sources.NoAnswer(req.String(), hintBase, err)
}

// incomplete says that an answer can't be trusted to be whole.
func incomplete(req Request, message string, err error) error {
	return &sources.Error{Class: sources.Incomplete, Op: req.String(), Status: http.StatusOK, Message: message, Hint: hintIncomplete, Err: err}
}

// noPeople is the 200 with [] that Okta gives to who may see nobody.
func noPeople(req Request) error {
	return &sources.Error{Class: sources.Incomplete, Op: req.String(), Status: http.StatusOK, Message: "the list is empty, and an org is never", Hint: hintNoPeople}
}
