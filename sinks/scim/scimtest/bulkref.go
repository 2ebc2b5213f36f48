package scimtest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// debt is what an object is still owed that was made before all it refers to was there.
type debt struct {
	index int // of the operation that made it
	path  string
	ops   []any
}

// run goes over the operations until nothing more can be done. What refers to a bulkId
// that never comes is a conflict (RFC 7644 section 3.7.1).
func (b *bulkRun) run(ctx context.Context) {
	for b.pass(ctx) || b.untie(ctx) {
		b.pay(ctx)
	}
	if b.stopped() {
		return
	}
	unresolved := &problem{status: http.StatusConflict, scimType: "invalidValue", detail: "unresolved bulkId"}
	for _, d := range b.debts { // what it was to refer to could not be made
		b.one(ctx, map[string]any{"method": http.MethodDelete, "path": d.path})
		b.done[d.index] = b.failed(b.ops[d.index], unresolved)
	}
	for i, op := range b.ops {
		if b.done[i] == nil {
			b.done[i] = b.failed(op, unresolved)
		}
	}
}

func (b *bulkRun) stopped() bool { return b.most > 0 && b.errors >= b.most }

// pass runs what waits for nothing, and says whether there was anything.
func (b *bulkRun) pass(ctx context.Context) bool {
	progress := false
	for i, op := range b.ops {
		if b.stopped() {
			return false
		}
		if b.done[i] == nil && !b.waits(op) {
			b.done[i] = b.one(ctx, op)
			progress = true
		}
	}
	return progress
}

// waits says whether a part of a request refers to a bulkId that is not known yet.
func (b *bulkRun) waits(v any) bool {
	return b.s.quirks.BulkRefs == 0 && slices.ContainsFunc(refs(v), func(id string) bool { return b.ids[id] == "" })
}

// untie breaks a circle, as RFC 7644 section 3.7.1 asks to try: an object is made without
// what refers to the others, and gets it once they are there.
func (b *bulkRun) untie(ctx context.Context) bool {
	coming := map[string]bool{}
	for i, op := range b.ops {
		if id, ok := field(op, "bulkId").(string); ok && b.done[i] == nil && field(op, "method") == http.MethodPost {
			coming[id] = true
		}
	}
	for i, op := range b.ops {
		data, ok := field(op, "data").(map[string]any)
		hopeless := slices.ContainsFunc(refs(op), func(id string) bool { return b.ids[id] == "" && !coming[id] })
		if b.done[i] != nil || field(op, "method") != http.MethodPost || !ok || hopeless || b.stopped() {
			continue
		}
		first := maps.Clone(op)
		kept, owed := b.split(data)
		first["data"] = kept
		b.done[i] = b.one(ctx, first)
		if id, made := b.ids[word(op, "bulkId")]; made {
			delete(b.done[i], "version") // it is about to change
			b.debts = append(b.debts, debt{i, word(op, "path") + "/" + id, owed})
		}
		return true
	}
	return false
}

// split takes what waits out of a document, and returns it as PATCH operations.
func (b *bulkRun) split(doc map[string]any) (kept map[string]any, owed []any) {
	kept = map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		v := doc[name]
		list, isList := v.([]any)
		switch {
		case !b.waits(v):
			kept[name] = v
		case isList:
			waiting := slices.DeleteFunc(slices.Clone(list), func(e any) bool { return !b.waits(e) })
			kept[name] = slices.DeleteFunc(slices.Clone(list), b.waits)
			owed = append(owed, map[string]any{"op": "add", "path": name, "value": waiting})
		default: // a whole extension: what waits in it is required of nobody
			owed = append(owed, map[string]any{"op": "add", "path": name, "value": v})
		}
	}
	return kept, owed
}

// pay gives the objects of a broken circle what they were owed.
func (b *bulkRun) pay(ctx context.Context) {
	b.debts = slices.DeleteFunc(b.debts, func(d debt) bool {
		if b.waits(d.ops) {
			return false
		}
		patch := map[string]any{"schemas": []any{patchURN}, "Operations": d.ops}
		b.one(ctx, map[string]any{"method": http.MethodPatch, "path": d.path, "data": patch})
		return true
	})
}

// refs are the bulkIds that a part of a request refers to: in a path, or as a value.
func refs(v any) []string {
	var out []string
	rewrite(v, func(id string) string { out = append(out, id); return "" })
	return out
}

// resolved is a part of a request with ids in the place of references, or what
// Quirks.BulkRefs makes of it.
func (b *bulkRun) resolved(v any) any {
	switch b.s.quirks.BulkRefs {
	case Store:
		return v
	case Ignore:
		return prune(v)
	case First:
		return rewrite(v, b.once())
	default:
		return rewrite(v, func(id string) string { return b.ids[id] })
	}
}

// once resolves one reference, and leaves the others as they are.
func (b *bulkRun) once() func(string) string {
	done := false
	return func(id string) string {
		if done || b.ids[id] == "" {
			return "bulkId:" + id
		}
		done = true
		return b.ids[id]
	}
}

// rewrite returns a copy of v in which f has replaced every bulkId reference.
func rewrite(v any, f func(string) string) any {
	switch v := v.(type) {
	case string:
		before, rest, found := strings.Cut(v, "bulkId:")
		if !found {
			return v
		}
		end := strings.IndexAny(rest, `"/]`)
		if end < 0 {
			end = len(rest)
		}
		return before + f(rest[:end]) + rest[end:]
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = rewrite(e, f)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = rewrite(e, f)
		}
		return out
	default:
		return v
	}
}

// prune leaves references out, with the complex value that they are the value of.
func prune(v any) any {
	switch v := v.(type) {
	case []any:
		out := []any{}
		for _, e := range v {
			if m, ok := e.(map[string]any); !ok || len(refs(m["value"])) == 0 || m["op"] != nil {
				out = append(out, prune(e))
			}
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			if m, ok := e.(map[string]any); !ok || len(refs(m["value"])) == 0 {
				out[k] = prune(e)
			}
		}
		return out
	default:
		return v
	}
}

func word(m map[string]any, name string) string {
	s, _ := field(m, name).(string)
	return s
}

// asJSON is a document as JSON; it came from JSON, so that can't fail.
func asJSON(v any) []byte {
	out, _ := json.Marshal(v)
	return out
}
