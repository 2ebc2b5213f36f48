package scimtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
)

const scimJSON = "application/scim+json"

// outgoing is an answer ready for the wire.
type outgoing struct {
	status int
	header http.Header
	sent   []byte
	drop   bool // close the connection instead
	cut    int  // close it after this many bytes of the body; 0: don't
}

const webPage = "<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>\n"

// encode turns a reply or an error into bytes.
func (s *Server) encode(rep *reply, err error, f *activeFault) *outgoing {
	if err != nil {
		p := asProblem(err)
		switch {
		case p.drop:
			return &outgoing{drop: true}
		case p.html:
			return &outgoing{status: p.status, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, sent: []byte(webPage)}
		}
		rep = answer(p.status, p.document(s.quirks))
	}
	if f != nil && f.NoID {
		withoutID(rep)
	}
	out := &outgoing{status: rep.status, header: rep.header}
	switch body := rep.body.(type) {
	case nil:
		return out
	case []byte:
		out.sent = body
	case json.RawMessage:
		out.sent = body
	default:
		// Values come from JSON and are written as JSON: this cannot fail.
		out.sent, _ = json.Marshal(body)
	}
	if out.header.Get("Content-Type") == "" {
		out.header.Set("Content-Type", cmp.Or(s.quirks.AnswerType, scimJSON))
	}
	return out
}

// withoutID takes out of an answer what tells the id.
func withoutID(rep *reply) {
	rep.header.Del("Location")
	if raw, ok := rep.body.(json.RawMessage); ok {
		var doc map[string]any
		if json.Unmarshal(raw, &doc) == nil {
			delete(doc, "id")
			delete(doc, "meta")
			rep.body = doc
		}
	}
}

func (s *Server) write(w http.ResponseWriter, out *outgoing) {
	maps.Copy(w.Header(), out.header)
	if out.cut > 0 && out.cut < len(out.sent) {
		w.Header().Set("Content-Length", strconv.Itoa(len(out.sent)))
		w.WriteHeader(out.status)
		_, _ = w.Write(out.sent[:out.cut]) // the connection is closed next
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(out.sent) // a client that went away is no concern
}
