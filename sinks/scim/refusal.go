package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"

	"github.com/idpbridge/idpbridge/sinks"
)

// fault is what can be read from an error body: RFC 7644 section 3.12 and the other
// shapes that applications use.
type fault struct {
	scimType, message string
	// scim is set for a body that only a SCIM service writes, as against a gateway's
	// or a framework's.
	scim bool
}

func readFault(body []byte) fault {
	var f fault
	v, err := decodeAny(body)
	m := objectOf(v)
	if err != nil || m == nil {
		if !looksLikeHTML(body) {
			f.message = clean(string(body))
		}
		return f
	}
	f.scimType, _ = m.get("scimType").(string)
	f.message = clean(firstText(m))
	schemas := texts(m.get("schemas"))
	f.scim = slices.ContainsFunc(schemas, func(s string) bool { return strings.EqualFold(s, schemaError) }) ||
		hasStatus(m.get("status")) && (m.get("detail") != nil || f.scimType != "")
	return f
}

// firstText finds the words of an error body.
func firstText(m *object) string {
	if errs, ok := m.get("Errors").([]any); ok && len(errs) > 0 { // SCIM 1.1
		m = objectOf(errs[0])
	}
	for _, name := range []string{"detail", "message", "description", "error_description", "title", "error"} {
		switch v := m.get(name).(type) {
		case string:
			if v != "" {
				return v
			}
		case map[string]any:
			if s, _ := objectOf(v).get("message").(string); s != "" {
				return s
			}
		}
	}
	return ""
}

func hasStatus(v any) bool {
	switch v := v.(type) {
	case string:
		n, err := strconv.Atoi(v)
		return err == nil && n >= 400 && n < 600
	case json.Number:
		n, err := v.Int64()
		return err == nil && n >= 400 && n < 600
	default:
		return false
	}
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func looksLikeHTML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeftFunc(body, unicode.IsSpace), []byte("<"))
}

// clean makes an application's words fit for one log line.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > 500 {
		s = string(runes[:500]) + "…"
	}
	return s
}

const throttleHint = "The application limits the rate of requests; rate_limit and concurrency lower it from this side."

// errForeign marks a 404 that no SCIM service wrote: a gateway's page, a framework's.
var errForeign = errors.New("not a SCIM answer")

// refusal classifies an answer that is not 2xx.
func (s *Sink) refusal(r request, a *answer) *sinks.Error {
	f := readFault(a.body)
	e := &sinks.Error{Op: a.op, Status: a.status, ScimType: f.scimType, Message: f.message}
	if e.Message == "" && looksLikeHTML(a.body) {
		e.Message = "an HTML page"
	}
	if a.status == http.StatusNotFound && !f.scim {
		e.Err = errForeign
	}
	if throttled(s.profile, a.status, a.header) {
		e.Class, e.RetryAfter = sinks.Throttled, retryAfter(a.header, time.Now())
		e.Hint = throttleHint
		return e
	}
	e.Class, e.Hint = s.classify(r, a.status, f)
	return e
}

func (s *Sink) classify(r request, status int, f fault) (sinks.Class, string) {
	read := r.method == http.MethodGet
	switch {
	case status == http.StatusUnauthorized:
		return sinks.Denied, "The application refuses the credentials: the token may have expired or been revoked."
	case status == http.StatusForbidden:
		return sinks.Denied, "The credentials lack a right: the token needs to read and write users and groups over SCIM."
	case status == http.StatusConflict || f.scimType == "uniqueness":
		return s.conflict(f)
	case status == http.StatusNotFound && read && r.id != "" && f.scim:
		return sinks.Missing, "The object no longer exists in the application."
	case status == http.StatusPreconditionFailed:
		return sinks.Throttled, "The object was being changed by others at the same time; it is tried again later."
	case status == http.StatusRequestTimeout:
		return orUnreachable(read), "The application gave up waiting for the request."
	case status == http.StatusRequestEntityTooLarge:
		return sinks.Rejected, "The request is too large for the application; lower override.members_per_request."
	case status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented:
		return sinks.Incompatible, unsupportedHint(r)
	case status >= 300 && status < 400:
		return sinks.Incompatible, "The application redirects; set base_url to the address it redirects to."
	case status == http.StatusNotFound:
		return sinks.Incompatible, "There is no SCIM service at this path; check base_url (most end in /v2)."
	case status == http.StatusInternalServerError:
		return sinks.Unclear, "The application failed; the object is looked up before anything is sent again."
	case status >= 500:
		return orUnreachable(read), "The application or a gateway before it is failing."
	default:
		return sinks.Rejected, rejectedHint(f)
	}
}

// orUnreachable is Unclear for writes; a read has no effect to be unclear about.
func orUnreachable(read bool) sinks.Class {
	if read {
		return sinks.Unreachable
	}
	return sinks.Unclear
}

func (s *Sink) conflict(f fault) (sinks.Class, string) {
	for _, word := range s.profile.RejectedConflicts {
		if strings.Contains(f.message, word) {
			return sinks.Rejected, "The application asks for an attribute that the mapping does not give; see its message."
		}
	}
	return sinks.Conflict, "Another object holds a value that must be unique (userName, externalId, an address or a name)."
}

func unsupportedHint(r request) string {
	switch {
	case r.method == http.MethodPatch && r.resource == sinks.Group:
		return "The application refuses this form of PATCH; try override.member_removal: value or put, or override.group_update: put."
	case r.method == http.MethodPatch:
		return "The application has no PATCH for users; set override.user_update: put."
	case r.method == http.MethodPut:
		return "The application has no PUT; set override.user_update or group_update: patch."
	case r.method == http.MethodDelete:
		return "The application can't delete this kind of object over SCIM; choose another deprovision policy."
	default:
		return "The application does not offer this over SCIM; check base_url."
	}
}

func rejectedHint(f fault) string {
	switch f.scimType {
	case "invalidValue":
		return "The application does not take a value; compare its message with the mapping."
	case "mutability":
		return "The application does not allow an attribute to be changed; map it with `when: create` or list it in override.fixed."
	case "invalidPath", "noTarget":
		return "The application does not know an attribute, or has no such entry; check the mapping's target paths."
	case "invalidFilter":
		return "The application can't filter by this attribute; match by another, or set override.filterable."
	case "tooMany":
		return "The application refuses so large a result; lower override.page_size."
	default:
		return "The application refuses the object as it is; its message says why."
	}
}

// tokenFailure classifies a failure to get an OAuth 2 token: the application itself was
// not asked.
func tokenFailure(e *sinks.Error) error {
	re, ok := errors.AsType[*oauth2.RetrieveError](e.Err)
	if !ok {
		e.Class, e.Hint = sinks.Unreachable, "The token server can't be reached; check auth.token_url."
		return e
	}
	e.Message, e.Err = "the token server refused: "+clean(re.ErrorCode+" "+re.ErrorDescription), errToken
	if re.Response != nil {
		e.Status = re.Response.StatusCode
	}
	if e.Status >= 500 || e.Status == http.StatusTooManyRequests {
		e.Class, e.Hint = sinks.Unreachable, "The token server is failing; it is tried again later."
		return e
	}
	e.Class, e.Hint = sinks.Denied, "Check auth.client_id, auth.client_secret and auth.scopes."
	return e
}

// unread is the class of a 2xx whose body can't be understood: after a write nobody
// knows what happened, after a read the server is not what it should be.
func unread(r request) sinks.Class {
	if r.method == http.MethodGet {
		return sinks.Incompatible
	}
	return sinks.Unclear
}

// garbage is the error for a 2xx answer that is no SCIM.
func garbage(r request, a *answer, why string) *sinks.Error {
	e := &sinks.Error{Class: unread(r), Op: a.op, Status: a.status, Message: why}
	e.Hint = "Something other than a SCIM 2.0 service answers; check base_url."
	if bytes.Contains(a.body, []byte(schemaV1)) {
		e.Class, e.Message = sinks.Incompatible, "the answer is SCIM 1.1"
		e.Hint = "Only SCIM 2.0 is supported; the application may offer it under another path, often /v2."
	} else if looksLikeHTML(a.body) {
		e.Message += ": an HTML page"
	}
	return e
}

// statusOf is the HTTP status of an error, or 0.
func statusOf(err error) int {
	if e, ok := errors.AsType[*sinks.Error](err); ok {
		return e.Status
	}
	return 0
}
