package scim

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
)

const (
	mediaType = "application/scim+json"
	// maxBody bounds one answer. A page of groups from a server that ignores
	// excludedAttributes is the largest thing seen.
	maxBody = 256 << 20
)

// request is one request under the base URL.
type request struct {
	method   string
	resource sinks.Resource // 0: discovery
	id       sinks.ID
	endpoint string // of discovery
	query    url.Values
	body     any
	ifMatch  string
}

// op names the request in errors: "PATCH /Users/2819c223".
func (r request) op() string { return r.method + " " + r.path() }

// path is the escaped path below the base URL.
func (r request) path() string {
	p := "/" + r.endpoint
	switch r.resource {
	case sinks.User:
		p = "/Users"
	case sinks.Group:
		p = "/Groups"
	}
	if r.id != "" {
		p += "/" + escapeID(r.id)
	}
	return p
}

// escapeID makes an id one path segment. Ids may be anything: a userName with a slash, a
// dot that a server would take for a directory.
func escapeID(id sinks.ID) string {
	if strings.Trim(string(id), ".") == "" {
		return strings.ReplaceAll(string(id), ".", "%2E")
	}
	return url.PathEscape(string(id))
}

// url puts path and query under the base, whose own query comes first.
func (r request) url(base *url.URL) string {
	query := base.RawQuery
	if own := encodeQuery(r.query); own != "" {
		if query != "" {
			query += "&"
		}
		query += own
	}
	u := base.Scheme + "://" + base.Host + strings.TrimRight(base.EscapedPath(), "/") + r.path()
	if query != "" {
		u += "?" + query
	}
	return u
}

// encodeQuery writes spaces as %20: some servers don't read + in a filter as a space.
func encodeQuery(v url.Values) string {
	return strings.ReplaceAll(v.Encode(), "+", "%20")
}

// answer is a 2xx answer.
type answer struct {
	op     string
	status int
	header http.Header
	body   []byte
}

// send makes one request. Any answer but 2xx, and no answer, is a *sinks.Error.
func (s *Sink) send(ctx context.Context, r request) (*answer, error) {
	body, err := encode(r.body)
	if err != nil {
		return nil, fmt.Errorf("%s: write body: %w", r.op(), err)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url(s.base), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.op(), cause(err))
	}
	setHeaders(req, r)
	resp, err := s.hc.Do(req)
	if err != nil {
		return nil, unanswered(r, err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is lost: the body was read
	content, err := s.readBody(resp)
	if err != nil {
		return nil, unanswered(r, fmt.Errorf("read answer: %w", err))
	}
	if len(content) > maxBody {
		return nil, &sinks.Error{Class: unread(r), Op: r.op(), Status: resp.StatusCode, Message: fmt.Sprintf("an answer of more than %d MB", maxBody>>20), Hint: "Lower override.page_size."}
	}
	a := &answer{op: r.op(), status: resp.StatusCode, header: resp.Header, body: content}
	if a.status < 200 || a.status > 299 {
		return nil, s.refusal(r, a)
	}
	return a, nil
}

// largestRoom is what a buffer for answers may hold to be used again.
const largestRoom = 1 << 20

// readBody reads up to a byte more than maxBody. Long answers seldom tell their length, so
// that they are read to a room that has grown before, and a copy is kept.
func (s *Sink) readBody(resp *http.Response) ([]byte, error) {
	room, ok := s.rooms.Get().(*bytes.Buffer)
	if !ok {
		room = new(bytes.Buffer)
	}
	_, err := room.ReadFrom(io.LimitReader(resp.Body, maxBody+1))
	if room.Cap() > largestRoom {
		return room.Bytes(), err
	}
	body := bytes.Clone(room.Bytes())
	room.Reset()
	s.rooms.Put(room)
	return body, err
}

func setHeaders(req *http.Request, r request) {
	req.Header.Set("Accept", mediaType+", application/json;q=0.9")
	if r.body != nil {
		req.Header.Set("Content-Type", mediaType)
	} else {
		req.Body, req.GetBody = http.NoBody, nil
	}
	if r.ifMatch != "" {
		req.Header.Set("If-Match", r.ifMatch)
	}
}

// unanswered classifies a request without a whole answer.
func unanswered(r request, err error) error {
	if e, ok := errors.AsType[*sinks.Error](err); ok {
		return e // the transport's own word, e.g. a dry run's refusal
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // its text repeats the address
	}
	e := &sinks.Error{Class: sinks.Unclear, Op: r.op(), Err: err}
	told := heard(err)
	switch {
	case errors.Is(err, errToken):
		return tokenFailure(e)
	case told.readOnly:
		e.Class, e.Hint = sinks.ReadOnly, "This is a dry run or a probe, which writes nothing."
	case told.wait > 0:
		e.Class, e.RetryAfter, e.Hint = sinks.Throttled, told.wait, "The application wants no requests for that long; it is asked again after that."
	case told.notSent || unconnected(err):
		e.Class, e.Hint = sinks.Unreachable, "Check base_url, the network and the application's certificate (tls.ca_file for a private authority)."
	case r.method == http.MethodGet:
		e.Class, e.Hint = sinks.Unreachable, "The application did not answer in full; it may be down or overloaded."
	default:
		e.Hint = "The request may have had an effect; the object is looked up before anything is sent again."
	}
	return e
}

// unconnected says that no connection was made, for clients whose errors don't tell whether
// a request was sent. Other failures to connect can't be told from a broken connection.
func unconnected(err error) bool {
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return true
	}
	_, refused := errors.AsType[*tls.CertificateVerificationError](err)
	return refused
}

// word is what the client's transport knows of a request without an answer.
type word struct {
	readOnly, notSent bool
	wait              time.Duration // no request is wanted for that long
}

// heard asks an error of the transport by method, since its types can't be imported here.
func heard(err error) word {
	var w word
	if e, ok := errors.AsType[interface {
		error
		ReadOnly() bool
	}](err); ok {
		w.readOnly = e.ReadOnly()
	}
	if e, ok := errors.AsType[interface {
		error
		NotSent() bool
	}](err); ok {
		w.notSent = e.NotSent()
	}
	if e, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		w.wait = e.RetryAfter()
	}
	return w
}

// refuseRedirects keeps requests on the configured host. A GET may follow a redirect on
// it; a write never does, since its method would change on the way.
func refuseRedirects(req *http.Request, via []*http.Request) error {
	first := via[0]
	stays := req.URL.Host == first.URL.Host && req.URL.Scheme == first.URL.Scheme
	if first.Method != http.MethodGet || !stays || len(via) > 5 {
		return http.ErrUseLastResponse
	}
	return nil
}
