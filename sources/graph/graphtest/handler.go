package graphtest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// request is a request in the emulator's words.
type request struct {
	http  *http.Request
	base  string // where links lead: scheme, host and version
	path  string // below the version, without parentheses
	query url.Values
	kind  string // "users" or "groups"
	id    string
}

// response is an answer before it is sent, so that a fault can spoil it.
type response struct {
	status int
	header http.Header
	body   []byte
}

// page is an answer that lists objects.
type page struct {
	context     string
	value       []byte
	next, delta string
	count       int // with $count=true; -1 or 0: not told
}

func (p page) response(q request) response {
	var b bytes.Buffer
	b.Grow(len(p.value) + 512)
	fmt.Fprintf(&b, `{"@odata.context":%q`, q.base+"/$metadata#"+p.context)
	if p.count > 0 {
		fmt.Fprintf(&b, `,"@odata.count":%d`, p.count)
	}
	if p.next != "" {
		fmt.Fprintf(&b, `,"@odata.nextLink":%q`, p.next)
	}
	if p.delta != "" {
		fmt.Fprintf(&b, `,"@odata.deltaLink":%q`, p.delta)
	}
	b.WriteString(`,"value":`)
	b.Write(p.value)
	b.WriteByte('}')
	return response{status: http.StatusOK, header: jsonHeader(), body: b.Bytes()}
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"}}
}

// fail is an error in Graph's shape.
func fail(status int, code, message string) response {
	body := fmt.Sprintf(`{"error":{"code":%q,"message":%q,"innerError":{"date":"2026-01-01T00:00:00","request-id":%q,"client-request-id":%q}}}`,
		code, message, "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002")
	return response{status: status, header: jsonHeader(), body: []byte(body)}
}

// gone tells that a token has expired, with the place to begin again.
func gone(q request) response {
	r := fail(http.StatusGone, "syncStateNotFound", "The sync state generation is not found; continue with a full resync.")
	r.header.Set("Location", q.base+q.path+"?$deltatoken=")
	return r
}

// ServeHTTP answers one request.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := parse(r)
	route := routeOf(&q)
	spoil := t.requests.note(r.Method+" "+route, route)
	answer := t.answer(q, route)
	if spoil != nil {
		answer = spoil.apply(q, answer)
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.Header().Set("request-id", "00000000-0000-4000-8000-000000000001")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
	w.WriteHeader(answer.status)
	if spoil != nil && spoil.Kind == CutBody {
		_, _ = w.Write(answer.body[:len(answer.body)/2])
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(answer.body) // the client may have gone
}

func parse(r *http.Request) request {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	path := strings.TrimPrefix(r.URL.Path, "/v1.0")
	path = strings.TrimSuffix(strings.ReplaceAll(path, "microsoft.graph.delta", "delta"), "()")
	path = strings.ReplaceAll(path, "/graph.", "/microsoft.graph.")
	return request{http: r, base: scheme + "://" + r.Host + "/v1.0", path: path, query: r.URL.Query()}
}

// routeOf names the kind of request with ids taken out, and fills in kind and id.
func routeOf(q *request) string {
	parts := strings.Split(strings.Trim(q.path, "/"), "/")
	q.kind = parts[0]
	if len(parts) == 1 || parts[1] == "delta" || parts[0] == "directory" {
		if parts[0] == "directory" && len(parts) == 3 {
			q.id = parts[2]
		}
		return "/" + strings.Join(parts, "/")
	}
	q.id = parts[1]
	parts[1] = "{id}"
	return "/" + strings.Join(parts, "/")
}

func (t *Tenant) answer(q request, route string) response {
	if r := t.authorize(q); r != nil {
		return *r
	}
	if q.http.Method != http.MethodGet {
		return fail(http.StatusMethodNotAllowed, "Request_BadRequest", "The emulated directory is read-only.")
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	switch route {
	case "/users/delta", "/groups/delta":
		return t.delta(q)
	case "/servicePrincipals/{id}/appRoleAssignedTo":
		return t.assignedTo(q)
	case "/users", "/groups":
		return t.list(q)
	case "/users/{id}", "/groups/{id}":
		return t.get(q)
	case "/users/{id}/memberOf", "/users/{id}/memberOf/microsoft.graph.group":
		return t.memberOf(q)
	case "/groups/{id}/members", "/groups/{id}/members/microsoft.graph.user":
		return t.membersOf(q)
	case "/directory/deletedItems/microsoft.graph.user":
		return t.deleted(q)
	default:
		return fail(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+q.kind+"'.")
	}
}

func (t *Tenant) authorize(q request) *response {
	if t.options.Token == "" || q.http.Header.Get("Authorization") == "Bearer "+t.options.Token {
		return nil
	}
	r := fail(http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty or wrong.")
	r.header.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"`)
	return &r
}
