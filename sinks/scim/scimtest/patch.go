package scimtest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// operation is one element of Operations (RFC 7644 section 3.5.2).
type operation struct {
	op    string
	path  string // "" when there is none
	value any
	given bool // value was there, be it null
}

// parsePatch reads a PatchOp message.
func parsePatch(body map[string]any, q *Quirks) ([]operation, error) {
	if !hasSchema(body, patchURN) {
		return nil, bad("invalidSyntax", "schemas must name %s", patchURN)
	}
	list, ok := field(body, "Operations").([]any)
	if !ok || len(list) == 0 {
		return nil, bad("invalidSyntax", "Operations are missing")
	}
	if q.OpsPerPatch > 0 && len(list) > q.OpsPerPatch {
		return nil, invalidValue("more than %d operations", q.OpsPerPatch)
	}
	ops := make([]operation, 0, len(list))
	for _, e := range list {
		op, err := parseOperation(e, q)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	return ops, checkMemberCount(ops, q)
}

func parseOperation(e any, q *Quirks) (operation, error) {
	m, ok := e.(map[string]any)
	if !ok {
		return operation{}, bad("invalidSyntax", "an operation must be an object")
	}
	name, _ := field(m, "op").(string)
	op := operation{op: strings.ToLower(name), value: field(m, "value")}
	_, op.given = fieldOK(m, "value")
	if op.op != name {
		if err := refused(q.CapitalOp, "invalidSyntax", "unknown op "+name); err != nil {
			return op, err
		}
	}
	if !slices.Contains([]string{"add", "remove", "replace"}, op.op) {
		return op, bad("invalidSyntax", "unknown op %q", name)
	}
	if path, there := fieldOK(m, "path"); there {
		if op.path, ok = path.(string); !ok || op.path == "" {
			return op, bad("invalidPath", "path must be a text")
		}
	}
	if op.op == "remove" && op.path == "" {
		return op, bad("noTarget", "remove needs a path")
	}
	if op.op == "add" && !op.given {
		return op, invalidValue("add needs a value")
	}
	return op, nil
}

// checkMemberCount applies limits on members by operation and by request.
func checkMemberCount(ops []operation, q *Quirks) error {
	total := 0
	for _, op := range ops {
		n := countMembers(op)
		if total += n; q.MembersPerOp > 0 && n > q.MembersPerOp {
			return invalidValue("one or more group members are invalid")
		}
	}
	if q.MembersPerRequest > 0 && total > q.MembersPerRequest {
		return invalidValue("more than %d members in one request", q.MembersPerRequest)
	}
	return nil
}

func countMembers(op operation) int {
	value := op.value
	if m, ok := value.(map[string]any); ok && op.path == "" {
		value = field(m, "members")
	}
	lower := strings.ToLower(op.path)
	if op.path != "" && !strings.HasPrefix(lower, "members") {
		return 0
	}
	if list, ok := value.([]any); ok {
		return len(list)
	}
	return strings.Count(lower, " eq ")
}

// draft is a resource being patched: attributes on a copy, members in place with undo.
type draft struct {
	reader
	s       *store
	res     *resource
	now     time.Time
	attrs   map[string]any
	members *memberEdit // nil for users
}

func newDraft(s *store, r *resource, q *Quirks, now time.Time) *draft {
	d := &draft{reader: reader{rt: r.rt, q: q}, s: s, res: r, now: now, attrs: cloneMap(r.attrs)}
	if r.members != nil {
		d.members = &memberEdit{store: s, group: r}
	}
	return d
}

// apply runs all operations; on an error nothing has changed, unless the server is not
// atomic.
func (d *draft) apply(ops []operation) error {
	for _, op := range ops {
		err := d.one(op)
		if err != nil && !d.q.PatchNotAtomic {
			d.rollback()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) rollback() {
	d.attrs = cloneMap(d.res.attrs)
	if d.members != nil {
		d.members.rollback()
	}
}

func (d *draft) changed() bool {
	return d.members != nil && d.members.changed || !equal(d.attrs, d.res.attrs)
}

func (d *draft) one(op operation) error {
	if op.path == "" {
		return d.withoutPath(op)
	}
	p, err := parsePath(op.path)
	if err != nil {
		if d.q.MalformedPath == Ignore {
			return nil
		}
		if err := refused(d.q.MalformedPath, "", ""); err != nil {
			return err
		}
		return bad("invalidPath", "path %q: %v", op.path, err)
	}
	return d.withPath(p, op)
}

// withoutPath applies an object whose keys are attributes.
func (d *draft) withoutPath(op operation) error {
	m, ok := op.value.(map[string]any)
	if !ok {
		return invalidValue("without a path the value must be an object")
	}
	if d.res.members != nil && field(m, "displayName") != nil {
		switch b := d.q.GroupRenameNoPath; b {
		case NotImplemented:
			return refused(b, "", "replace without path")
		case Ignore:
			return nil
		case Lose:
			d.res.lost = true
		case Stale:
			d.stale()
		default:
		}
	}
	for _, key := range sortedKeys(m) {
		if err := d.key(op, key, m[key]); err != nil {
			return err
		}
	}
	return nil
}

// key applies one key of a value without path.
func (d *draft) key(op operation, key string, v any) error {
	if ext := d.rt.extension(key); ext != nil {
		return d.extensionObject(op, ext, v)
	}
	if strings.EqualFold(key, "schemas") {
		return nil
	}
	p, err := parsePath(key)
	if err != nil || p.filter != nil {
		return bad("invalidPath", "%q is no attribute name", key)
	}
	dotted := p.attr.urn == "" && p.attr.sub != ""
	switch {
	case dotted && d.q.DottedKey == Ignore:
		return nil
	case dotted && d.q.DottedKey == Store:
		d.attrs[key] = v
		return nil
	case dotted && d.q.DottedKey != Coerce:
		return bad("invalidPath", "%q is no attribute name", key)
	case p.attr.urn != "" && d.q.EnterpriseKey == Refuse:
		return bad("invalidPath", "%q is no attribute name", key)
	case p.attr.urn != "" && d.q.EnterpriseKey == Ignore:
		return nil
	}
	t, ok := d.rt.resolve(p.attr)
	if !ok {
		return bad("invalidPath", "unknown attribute %q", key)
	}
	if t.attr != nil && t.attr.readOnly { // Okta sends the id with a rename
		return d.sameReadOnly(t, v)
	}
	return d.assign(operation{op: op.op, value: v, given: true}, t)
}

// sameReadOnly lets a read-only attribute pass if its value is the one it has.
func (d *draft) sameReadOnly(t target, v any) error {
	if t.attr.name == "id" && v != d.res.id {
		return bad("mutability", "id can't be changed")
	}
	return nil
}

func (d *draft) extensionObject(op operation, ext *schema, v any) error {
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		return invalidValue("%s must be an object", ext.id)
	}
	if d.q.ExtensionObject == Replace || v == nil {
		delete(d.attrs, ext.id)
	}
	for _, key := range sortedKeys(m) {
		a := ext.find(key)
		if a == nil {
			return bad("invalidPath", "unknown attribute %s:%s", ext.id, key)
		}
		if a.readOnly {
			continue
		}
		if err := d.assign(operation{op: op.op, value: m[key], given: true}, target{ext: ext, attr: a}); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) withPath(p patchPath, op operation) error {
	if strings.EqualFold(p.attr.urn, enterpriseURN) || strings.EqualFold(p.attr.String(), enterpriseURN) {
		if d.q.EnterprisePath == Ignore {
			return nil
		}
		if err := refused(d.q.EnterprisePath, "invalidPath", "no such path"); err != nil {
			return err
		}
	}
	t, ok := d.rt.resolve(p.attr)
	if !ok {
		return bad("invalidPath", "unknown attribute %q", op.path)
	}
	if t.attr != nil && (t.attr.readOnly || t.sub != nil && t.sub.readOnly) {
		return bad("mutability", "%s can't be changed", op.path)
	}
	if t.attr != nil && t.attr.name == "members" {
		return d.memberOp(p, t, op)
	}
	if p.filter != nil {
		return d.filtered(p, t, op)
	}
	if t.attr == nil {
		return d.wholeExtension(op, t.ext)
	}
	return d.assign(op, t)
}

func (d *draft) wholeExtension(op operation, ext *schema) error {
	if op.op == "remove" {
		delete(d.attrs, ext.id)
		return nil
	}
	if op.op == "replace" {
		delete(d.attrs, ext.id)
	}
	return d.extensionObject(op, ext, op.value)
}

func (d *draft) stale() {
	if d.res.staleName == "" {
		d.res.staleName = d.res.text("displayName")
	}
}

// finish checks the whole result and puts it in place. It returns false when nothing
// changed (no new version then, RFC 7644 section 3.5.2.1).
func (d *draft) finish() (bool, error) {
	if err := d.check(d.attrs); err != nil {
		d.rollback()
		return false, err
	}
	if n := d.q.MembersPerGroup; n > 0 && d.members != nil && d.members.list().len() > n {
		d.rollback()
		return false, statusProblem(http.StatusRequestEntityTooLarge, "too many members")
	}
	return d.changed(), nil
}
