package scim

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
)

// change is one attribute of an Op, parsed.
type change struct {
	*target
	value any // nil: clear
}

// Do makes one write. It is one request, except where the dialect needs the object read
// first (PUT), where an entry of a multi-valued attribute turns out to be missing, or
// where a 404 must be told from a missing object.
func (s *Sink) Do(ctx context.Context, op sinks.Op) (sinks.Receipt, error) {
	changes, err := s.parseChanges(op)
	if err == nil && refers(op) {
		err = errReference
	}
	if err != nil {
		return sinks.Receipt{}, err
	}
	receipt, err := s.do(ctx, op, changes)
	if !s.keepsVersions() {
		receipt.Version = ""
	}
	return receipt, err
}

func (s *Sink) do(ctx context.Context, op sinks.Op, changes []change) (sinks.Receipt, error) {
	switch op.Action {
	case sinks.Create:
		return s.create(ctx, op, changes)
	case sinks.Update:
		return s.update(ctx, op, changes)
	case sinks.Delete:
		return s.delete(ctx, op)
	default:
		return sinks.Receipt{}, fmt.Errorf("write %s: unknown action %d", op.Resource, op.Action)
	}
}

func (s *Sink) parseChanges(op sinks.Op) ([]change, error) {
	if op.Action != sinks.Create && op.ID == "" {
		return nil, fmt.Errorf("%s %s: without an id", op.Action, op.Resource)
	}
	out := make([]change, 0, len(op.Attributes))
	for _, a := range op.Attributes {
		t, err := s.paths.parse(a.Path)
		if err != nil {
			return nil, &sinks.Error{Class: sinks.Rejected, Op: op.Action.String(), Message: err.Error(), Hint: "Correct the mapping's target path."}
		}
		out = append(out, change{t, outgoing(t.path, a.Value)})
	}
	return out, nil
}

func (s *Sink) create(ctx context.Context, op sinks.Op, changes []change) (sinks.Receipt, error) {
	c, err := s.creation(op, changes)
	if err != nil {
		return sinks.Receipt{}, err
	}
	body, written, err := c.body.write()
	if err != nil {
		return sinks.Receipt{}, fmt.Errorf("create %s: write body: %w", op.Resource, err)
	}
	c.written = written
	req := request{method: http.MethodPost, resource: op.Resource, body: json.RawMessage(body)}
	a, err := s.write(ctx, req)
	if err != nil {
		return sinks.Receipt{}, err
	}
	d, err := s.created(ctx, req, a)
	if err != nil {
		return sinks.Receipt{}, err
	}
	receipt := s.createReceipt(op, c, d)
	receipt.Version = versionOf(a.header, d)
	if c.body.get(sinks.PathMembers) != nil && d.showsNobody() {
		receipt.MembersDone = s.tookUnseen(ctx, receipt.ID, op.AddMembers)
	}
	return receipt, nil
}

// creation is what a Create sends.
type creation struct {
	body    *object
	written *document // the body, as it was written; nil in a bulk request
	sent    []change
	ignored []string
}

func (s *Sink) creation(op sinks.Op, changes []change) (creation, error) {
	changes = slices.DeleteFunc(changes, func(c change) bool { return c.value == nil })
	if err := s.required(op, changes); err != nil {
		return creation{}, err
	}
	var c creation
	c.sent, c.ignored = s.sendable(op, changes)
	c.body = newBody(op.Resource, c.sent)
	if op.Resource == sinks.Group && s.profile.MembersOnCreate && !s.unreadable() && len(op.AddMembers) > 0 {
		c.body.put(sinks.PathMembers, memberList(op.AddMembers))
	}
	return c, nil
}

// createReceipt compares the object in the answer with what was sent.
func (s *Sink) createReceipt(op sinks.Op, c creation, d *document) sinks.Receipt {
	receipt := sinks.Receipt{ID: d.id(), Ignored: c.ignored}
	if len(d.attributes) > 1 {
		for _, change := range d.differing(c) {
			if d.find(change.path) == nil && !listed(s.profile.Unechoed, change.path) {
				receipt.Ignored = append(receipt.Ignored, change.name)
			}
		}
	}
	if c.body.get(sinks.PathMembers) != nil {
		members := d.roll(op.AddMembers)
		receipt.MembersDone = members.shown && members.absent == 0
	}
	return receipt
}

// differing are the changes of attributes that are shown otherwise than they were sent,
// to the byte: many applications give back most of them as they are.
func (d *document) differing(c creation) []change {
	if c.written == nil {
		return c.sent
	}
	var out []change
	last, same := "", false
	for _, change := range c.sent {
		top := cmp.Or(change.path.schema, change.path.attr)
		if top != last { // several changes of one attribute follow each other
			last, same = top, bytes.Equal(c.written.attribute(top), d.attribute(top))
		}
		if !same {
			out = append(out, change)
		}
	}
	return out
}

// required refuses an account that the application is known to refuse, with words that
// name what is missing.
func (s *Sink) required(op sinks.Op, changes []change) error {
	if op.Resource != sinks.User {
		return nil
	}
	for _, name := range s.profile.Required {
		if !slices.ContainsFunc(changes, func(c change) bool { return listed([]string{name}, c.path) }) {
			return &sinks.Error{
				Class: sinks.Rejected, Op: "POST /Users", Message: fmt.Sprintf("not sent: %s needs a value for %s", s.profile.Name, name),
				Hint: "Give the person this attribute in the source, or map another one to it.",
			}
		}
	}
	return nil
}

// created reads the answer to a POST. The id comes from the body, else from the Location
// header, whose id must be readable: servers are known to send ".../undefined".
func (s *Sink) created(ctx context.Context, req request, a *answer) (*document, error) {
	d, err := readDocument(a.body, req.resource == sinks.Group)
	if err == nil && d.isV1() {
		return nil, garbage(req, a, "")
	}
	if err == nil && d.id() != "" {
		return d, nil
	}
	unclear := garbage(req, a, fmt.Sprintf("a %d without an id", a.status))
	unclear.Hint = "The object may have been created; it is looked up before anything is sent again."
	id := locationID(a.header.Get("Location"), req.path())
	if id == "" {
		return nil, unclear
	}
	d, _, err = s.fetch(ctx, sinks.Query{Resource: req.resource, Members: true}, id)
	if err != nil {
		unclear.Err = err
		return nil, unclear
	}
	return d, nil
}

// locationID is the id at the end of a Location that points into the collection.
func locationID(location, collection string) sinks.ID {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	escaped := "/" + strings.TrimLeft(u.EscapedPath(), "/")
	i := strings.LastIndex(escaped, collection+"/")
	if i < 0 {
		return ""
	}
	id, err := url.PathUnescape(escaped[i+len(collection)+1:])
	if err != nil {
		return ""
	}
	return sinks.ID(id)
}

func (s *Sink) delete(ctx context.Context, op sinks.Op) (sinks.Receipt, error) {
	req := request{method: http.MethodDelete, resource: op.Resource, id: op.ID}
	if op.Resource == sinks.User && s.profile.UserDelete == DeleteUnsupported {
		return sinks.Receipt{}, &sinks.Error{
			Class: sinks.Rejected, Op: req.op(), Message: fmt.Sprintf("not sent: %s can't delete users over SCIM", s.profile.Name),
			Hint: "Set the job's deprovision policy to disable.",
		}
	}
	req.ifMatch = s.ifMatch(op.Version)
	a, err := s.writeIf(ctx, req, s.present(req))
	if err == nil {
		return sinks.Receipt{}, s.deleted(ctx, req, a)
	}
	err = s.confirm(ctx, req, err)
	if sinks.ClassOf(err) == sinks.Missing {
		return sinks.Receipt{Gone: true}, nil
	}
	return sinks.Receipt{}, err
}

// deleted looks behind a successful DELETE that was answered with something else than
// nothing or the object: a server that is switched off answers so, and deletes nothing.
func (s *Sink) deleted(ctx context.Context, req request, a *answer) error {
	if now, err := echo(req, a); now != nil && err == nil {
		return nil
	}
	err := s.stillThere(ctx, req, a)
	if sinks.ClassOf(err) == sinks.Missing || a.status == http.StatusNoContent || len(a.body) == 0 {
		return nil
	}
	if err == nil {
		err = &sinks.Error{
			Class: sinks.Rejected, Op: req.op(), Status: a.status, Message: "answered with success, but the object is still there",
			Hint: "The application ignores deletions: set the job's deprovision policy to disable.",
		}
	}
	return err
}

// confirm looks into a 404 (or 410) to a write. Only a GET by id tells a missing object
// from a missing method, a missing member or a gateway's page. Some servers answer 500 to
// the DELETE of what is gone.
func (s *Sink) confirm(ctx context.Context, req request, err error) error {
	e, ok := errors.AsType[*sinks.Error](err)
	switch {
	case ok && e.Class == sinks.Missing:
		return err
	case ok && req.method == http.MethodDelete && e.Status == http.StatusInternalServerError:
		if _, _, getErr := s.fetch(ctx, sinks.Query{Resource: req.resource}, req.id); sinks.ClassOf(getErr) == sinks.Missing {
			return getErr
		}
		return err
	case !ok || e.Status != http.StatusNotFound && e.Status != http.StatusGone:
		return err
	}
	_, _, getErr := s.fetch(ctx, sinks.Query{Resource: req.resource}, req.id)
	switch sinks.ClassOf(getErr) {
	case sinks.Missing:
		return getErr
	case 0: // the object is there
		e.Class = sinks.Rejected
		e.Hint = "The object exists, so the application does not know something in the request (a member that was just created?), or not this method."
		return e
	case sinks.Incompatible, sinks.Rejected:
		return e
	default:
		return getErr
	}
}

// attempts at a write that is answered 412 although no version was sent: the server
// tripped over its own concurrency, and nothing was changed.
const attempts = 4

func (s *Sink) write(ctx context.Context, req request) (*answer, error) {
	for try := 1; ; try++ {
		a, err := s.send(ctx, req)
		e, ok := errors.AsType[*sinks.Error](err)
		if !ok || e.Status != http.StatusPreconditionFailed || req.ifMatch != "" || try == attempts {
			return a, err
		}
		wait := time.Duration(try) * (50*time.Millisecond + rand.N(50*time.Millisecond)) //nolint:gosec // jitter
		select {
		case <-ctx.Done():
			return nil, e
		case <-time.After(wait):
		}
	}
}
