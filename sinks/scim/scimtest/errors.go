package scimtest

import (
	"fmt"
	"net/http"
	"strconv"
)

// problem is a SCIM error (RFC 7644 section 3.12).
type problem struct {
	status   int
	scimType string // table 9; "" when none fits
	detail   string
	html     bool // answered as a web page
	drop     bool // not answered at all
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.status, p.scimType, p.detail) }

func bad(scimType, format string, args ...any) *problem {
	return &problem{status: http.StatusBadRequest, scimType: scimType, detail: fmt.Sprintf(format, args...)}
}

func invalidValue(format string, args ...any) *problem { return bad("invalidValue", format, args...) }

func notFound(kind, id string) *problem {
	return &problem{status: http.StatusNotFound, detail: fmt.Sprintf("%s %s not found", kind, id)}
}

func statusProblem(status int, detail string) *problem {
	return &problem{status: status, detail: detail}
}

// problemFor turns a behaviour that is an answer into that answer; scimType is used for a
// refusal.
func problemFor(b Behaviour, scimType, detail string) *problem {
	switch b {
	case Refuse:
		return bad(scimType, "%s", detail)
	case NotFound:
		return statusProblem(http.StatusNotFound, detail)
	case NotAllowed:
		return statusProblem(http.StatusMethodNotAllowed, detail)
	case Precondition:
		return statusProblem(http.StatusPreconditionFailed, detail)
	case Fail:
		return statusProblem(http.StatusInternalServerError, detail)
	case NotImplemented:
		return statusProblem(http.StatusNotImplemented, detail)
	case HTML:
		return &problem{status: http.StatusNotFound, html: true}
	case Drop:
		return &problem{drop: true}
	default:
		return nil
	}
}

// refused returns problemFor as an error, nil when the behaviour is no answer.
func refused(b Behaviour, scimType, detail string) error {
	if p := problemFor(b, scimType, detail); p != nil {
		return p
	}
	return nil
}

// document is the error's JSON. RFC 7644 writes the status as a string.
func (p *problem) document(q *Quirks) map[string]any {
	doc := map[string]any{"schemas": []any{errorURN}, "detail": p.detail}
	if p.scimType != "" && (p.status != http.StatusConflict || !q.ConflictNoScimType) {
		doc["scimType"] = p.scimType
	}
	switch {
	case q.ErrorNoStatus:
	case q.ErrorStatusNumber:
		doc["status"] = p.status
	default:
		doc["status"] = strconv.Itoa(p.status)
	}
	return doc
}
