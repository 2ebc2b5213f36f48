package scimtest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// bulk answers /Bulk (RFC 7644 section 3.7). Operations run in order; one that refers to a
// bulkId made by a later operation waits for it, and circles are broken; see bulkref.go.
func (s *Server) bulk(ctx context.Context, c *call) (*reply, error) {
	if s.opts.BulkOperations == 0 || c.method != http.MethodPost {
		return nil, statusProblem(http.StatusNotImplemented, "bulk is not supported")
	}
	if err := refused(s.quirks.BulkBroken, "", "bulk failed"); err != nil {
		return nil, err
	}
	if err := s.bodyType(c); err != nil {
		return nil, err
	}
	if len(c.body) > s.opts.BulkPayload {
		return nil, statusProblem(http.StatusRequestEntityTooLarge, "more than "+strconv.Itoa(s.opts.BulkPayload)+" bytes (maxPayloadSize)")
	}
	b, err := s.parseBulk(c)
	if err != nil {
		return nil, err
	}
	if s.quirks.BulkBroken != Ignore {
		b.run(ctx)
	}
	return answer(http.StatusOK, map[string]any{"schemas": []any{bulkAnswerURN}, "Operations": b.answers()}), nil
}

// bulkRun is a bulk request being worked on.
type bulkRun struct {
	s      *Server
	c      *call
	ops    []map[string]any
	done   []map[string]any  // answers; nil: not run yet
	ids    map[string]string // bulkId → id
	debts  []debt
	most   int // failOnErrors; 0: no bound
	errors int
}

func (s *Server) parseBulk(c *call) (*bulkRun, error) {
	body, err := object(c.body)
	if err != nil {
		return nil, err
	}
	if !hasSchema(body, bulkURN) {
		return nil, bad("invalidSyntax", "schemas must name %s", bulkURN)
	}
	list, ok := field(body, "Operations").([]any)
	if !ok {
		return nil, bad("invalidSyntax", "Operations are missing")
	}
	if len(list) > s.opts.BulkOperations {
		return nil, statusProblem(http.StatusRequestEntityTooLarge, "more than "+strconv.Itoa(s.opts.BulkOperations)+" operations (maxOperations)")
	}
	b := &bulkRun{s: s, c: c, ids: map[string]string{}, done: make([]map[string]any, len(list))}
	if n, ok := field(body, "failOnErrors").(float64); ok {
		b.most = int(n)
	}
	for _, e := range list {
		op, ok := e.(map[string]any)
		if !ok {
			return nil, bad("invalidSyntax", "an operation must be an object")
		}
		b.ops = append(b.ops, op)
	}
	return b, nil
}

// one runs one operation and returns its answer.
func (b *bulkRun) one(ctx context.Context, op map[string]any) map[string]any {
	if b.s.quirks.BulkRefs == Refuse && len(refs(op)) > 0 {
		return b.failed(op, invalidValue("bulkId references are not supported"))
	}
	path, _ := b.resolved(field(op, "path")).(string)
	sub := &call{base: b.c.base, query: url.Values{}, header: http.Header{}, bulk: true, dry: b.c.dry}
	method, _ := field(op, "method").(string)
	sub.method = strings.ToUpper(method)
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		p, err := url.PathUnescape(part)
		if err != nil {
			return b.failed(op, bad("invalidPath", "path %q", path))
		}
		sub.path = append(sub.path, p)
	}
	if version, ok := field(op, "version").(string); ok {
		sub.header.Set("If-Match", version)
	}
	if data := field(op, "data"); data != nil {
		sub.body = asJSON(b.resolved(data))
	}
	if sub.path[0] != "Users" && sub.path[0] != "Groups" || sub.method == http.MethodGet {
		return b.failed(op, bad("invalidPath", "%s %q is no bulk operation", sub.method, path))
	}
	rep, err := b.s.handle(ctx, sub)
	if err != nil {
		return b.failed(op, asProblem(err))
	}
	return b.succeeded(op, sub, rep)
}

func (b *bulkRun) succeeded(op map[string]any, sub *call, rep *reply) map[string]any {
	out := b.answer(op, rep.status)
	if at := rep.header.Get("Location"); at != "" {
		out["location"] = at
	} else if len(sub.path) > 1 {
		out["location"] = sub.base + "/" + sub.path[0] + "/" + url.PathEscape(sub.path[1])
	}
	if tag := rep.header.Get("ETag"); tag != "" {
		out["version"] = tag
	}
	if id, ok := field(op, "bulkId").(string); ok && sub.method == http.MethodPost {
		doc, _ := rep.body.(json.RawMessage)
		var made struct{ ID string }
		if json.Unmarshal(doc, &made) == nil {
			b.ids[id] = made.ID
		}
	}
	return out
}

func (b *bulkRun) failed(op map[string]any, p *problem) map[string]any {
	b.errors++
	out := b.answer(op, p.status)
	out["response"] = p.document(b.s.quirks)
	return out
}

func (b *bulkRun) answer(op map[string]any, status int) map[string]any {
	out := map[string]any{"status": strconv.Itoa(status)}
	for _, name := range []string{"method", "bulkId"} {
		if v := field(op, name); v != nil {
			out[name] = v
		}
	}
	return out
}

// answers are those of the operations that were run.
func (b *bulkRun) answers() []any {
	out := []any{}
	for _, a := range b.done {
		if a != nil {
			out = append(out, a)
		}
	}
	return out
}
