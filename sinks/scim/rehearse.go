package scim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
)

// Rehearsal is what CheckWrite found out by doing.
type Rehearsal struct {
	Steps []Step `json:"steps"`
	// Proposal has the settings that this application needs and the profile in force
	// lacks, as lines for the configuration's override: "member_removal: value".
	Proposal []string `json:"proposal"`
	// Override is the proposal as a value.
	Override Override `json:"-"`
	// LeftBehind are the names of accounts that could not be deleted again.
	LeftBehind []string `json:"left_behind"`
}

// CheckWrite makes two throw-away accounts and a group, tries each form of request that
// a job uses, reads back what became of it, and deletes everything. Where a form fails it
// tries the next one. The error is that of the first step nothing could be made of.
func (s *Sink) CheckWrite(ctx context.Context) (*Rehearsal, error) {
	r := &rehearsal{s: s, p: s.profile, out: &Rehearsal{}, tag: "idpbridge-check-" + strings.ToLower(rand.Text()[:10])}
	steps := []func(context.Context) error{
		r.noHits, r.makeUsers, r.searches, r.change, r.clear, r.extension, r.makeGroup, r.addMember, r.removeMember, r.rename, r.disable,
	}
	var err error
	for _, step := range steps {
		if err = step(ctx); err != nil {
			break
		}
	}
	r.cleanUp(context.WithoutCancel(ctx))
	r.out.Override = difference(s.profile, r.p)
	r.out.Proposal = r.out.Override.lines()
	return r.out, err
}

// rehearsal is the state of CheckWrite: p is the profile as far as it is found out.
type rehearsal struct {
	s     *Sink
	p     Profile
	out   *Rehearsal
	tag   string
	users []sinks.ID
	group sinks.ID
}

// sink is a sink with the profile found out so far, and nothing remembered.
func (r *rehearsal) sink() *Sink {
	return &Sink{base: r.s.base, hc: r.s.hc, log: r.s.log, profile: r.p}
}

func (r *rehearsal) note(name string, status Status, format string, args ...any) {
	r.out.Steps = append(r.out.Steps, Step{Name: name, Status: status, Detail: fmt.Sprintf(format, args...)})
}

func (r *rehearsal) failed(name string, err error) error {
	r.note(name, Failed, "%v. %s", err, sinks.HintOf(err))
	return fmt.Errorf("%s: %w", name, err)
}

// attempt is one way to do something: how the profile differs, and in which words.
type attempt struct {
	words  string
	change func(*Profile)
}

// firstThatWorks tries ways in order, keeps the profile of the first that works, and
// leaves it as it was when none does.
func (r *rehearsal) firstThatWorks(name string, ways []attempt, try func() error) error {
	before := r.p
	var first error
	for _, way := range ways {
		r.p = before
		way.change(&r.p)
		err := try()
		if err == nil {
			r.note(name, Passed, "%s", way.words)
			return nil
		}
		r.note(name, Warned, "not as %s: %v", way.words, err)
		if first == nil {
			first = err
		}
		if giveUp(err) {
			break
		}
	}
	r.p = before
	return first
}

// giveUp reports errors that no other form helps against.
func giveUp(err error) bool {
	switch c := sinks.ClassOf(err); c {
	case sinks.Denied, sinks.Unreachable, sinks.ReadOnly:
		return true
	default:
		return false
	}
}

func asIs(*Profile) {}

func (r *rehearsal) noHits(ctx context.Context) error {
	const name = "search for nobody"
	err := r.firstThatWorks(name, []attempt{
		{"200 and an empty list", asIs},
		{"a 404", func(p *Profile) { p.NotFoundIsEmpty = true }},
	}, func() error { return r.sink().Probe(ctx) })
	if err != nil && giveUp(err) {
		return r.failed(name, err)
	}
	return nil
}

func (r *rehearsal) userValues(i int) []sinks.Attribute {
	name := fmt.Sprintf("%s-%d", r.tag, i)
	return []sinks.Attribute{
		{Path: sinks.PathUserName, Value: name + "@example.com"},
		{Path: sinks.PathExternalID, Value: name},
		{Path: sinks.PathDisplayName, Value: "idpbridge check"},
		{Path: sinks.PathActive, Value: true},
		{Path: "name.givenName", Value: "Idpbridge"},
		{Path: "name.familyName", Value: "Check"},
		{Path: mailPath, Value: name + "@example.com"},
		{Path: "title", Value: "Throw-away"},
	}
}

const mailPath = `emails[type eq "work"].value`

func (r *rehearsal) makeUsers(ctx context.Context) error {
	const name = "create users"
	for i := range 2 {
		receipt, err := r.sink().Do(ctx, sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: r.userValues(i)})
		if err != nil {
			return r.failed(name, err)
		}
		r.users = append(r.users, receipt.ID)
		if i == 0 && len(receipt.Ignored) > 0 {
			r.note(name, Warned, "not taken: %s", strings.Join(receipt.Ignored, ", "))
		}
	}
	r.note(name, Passed, "two users, %s-0 and -1", r.tag)
	return nil
}

// searches finds out which attributes can be found by a filter. What can't is listed by
// what can: override.filterable names those that work.
func (r *rehearsal) searches(ctx context.Context) error {
	var works, fails []string
	for _, a := range r.userValues(0) {
		if a.Path != sinks.PathUserName && a.Path != sinks.PathExternalID && a.Path != mailPath {
			continue
		}
		p, err := parsePath(a.Path)
		if err != nil {
			return err
		}
		value, _ := a.Value.(string)
		want := wanted{path: p, value: value, exact: r.p.caseExact(p)}
		l, err := r.sink().filter(ctx, sinks.Query{Resource: sinks.User}, want)
		if err == nil && len(want.among(l.resources)) == 1 {
			works = append(works, a.Path)
		} else {
			fails = append(fails, a.Path)
		}
	}
	if len(fails) == 0 {
		r.note("search", Passed, "found by %s", strings.Join(works, ", "))
		return nil
	}
	if len(r.p.Filterable) == 0 || slices.ContainsFunc(fails, func(f string) bool { return slices.Contains(r.p.Filterable, f) }) {
		r.p.Filterable = slices.Concat(works, []string{"id", "group.displayName"})
	}
	r.note("search", Warned, "not found by %s: such searches read the list", strings.Join(fails, ", "))
	return nil
}

// set changes an attribute of the first user and reads it back.
func (r *rehearsal) set(ctx context.Context, path string, value any) error {
	s := r.sink()
	op := sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: r.users[0], Attributes: []sinks.Attribute{{Path: path, Value: value}}}
	if _, err := s.Do(ctx, op); err != nil {
		return err
	}
	o, err := s.Get(ctx, sinks.Query{Resource: sinks.User, Paths: []string{path}}, r.users[0])
	if err != nil {
		return err
	}
	if got := o.Values[path]; got != value {
		return fmt.Errorf("%s is %v after it was set to %v", path, got, value)
	}
	return nil
}

func (r *rehearsal) change(ctx context.Context) error {
	const name = "change a user"
	err := r.firstThatWorks(name, []attempt{
		{string(r.p.UserUpdate), asIs},
		{"patch", func(p *Profile) { p.UserUpdate = UpdatePatch }},
		{"put", func(p *Profile) { p.UserUpdate = UpdatePut }},
	}, func() error { return r.set(ctx, "title", "Changed") })
	if err != nil && giveUp(err) {
		return r.failed(name, err)
	}
	return nil
}

func (r *rehearsal) clear(ctx context.Context) error {
	err := r.firstThatWorks("clear an attribute", []attempt{{"remove", asIs}}, func() error { return r.set(ctx, "title", nil) })
	if err != nil && !giveUp(err) {
		r.p.NotClearable = []string{"*"}
	}
	return nil
}

// extension tries the enterprise attributes, which some applications take on creation and
// then answer changes of with success and nothing else.
func (r *rehearsal) extension(ctx context.Context) error {
	if slices.Contains(r.p.Fixed, sinks.PathManager) {
		return nil
	}
	err := r.firstThatWorks("change an enterprise attribute", []attempt{{string(r.p.UserUpdate), asIs}}, func() error {
		return r.set(ctx, schemaEnterprise+":department", "Checks")
	})
	if err != nil && !giveUp(err) && r.p.UserUpdate != UpdatePatchActive {
		r.p.Fixed = append(slices.Clone(r.p.Fixed), schemaEnterprise+":department", schemaEnterprise+":employeeNumber", sinks.PathManager)
	}
	return nil
}

func (r *rehearsal) disable(ctx context.Context) error {
	const name = "disable and enable"
	if err := r.set(ctx, sinks.PathActive, false); err != nil {
		if sinks.ClassOf(err) == sinks.Missing {
			r.p.DisableIsFinal = true
		}
		r.note(name, Warned, "disabling: %v", err)
		return nil
	}
	if err := r.set(ctx, sinks.PathActive, true); err != nil {
		r.p.DisableIsFinal = true
		r.note(name, Warned, "a disabled user can't be enabled again: %v", err)
		return nil
	}
	r.note(name, Passed, "active can be switched both ways")
	return nil
}

func (r *rehearsal) makeGroup(ctx context.Context) error {
	const name = "create a group"
	op := sinks.Op{Action: sinks.Create, Resource: sinks.Group, AddMembers: r.users[:1], Attributes: []sinks.Attribute{
		{Path: sinks.PathDisplayName, Value: r.tag}, {Path: sinks.PathExternalID, Value: r.tag},
	}}
	receipt, err := r.sink().Do(ctx, op)
	if err != nil && r.p.MembersOnCreate && !giveUp(err) {
		r.p.MembersOnCreate = false
		r.note(name, Warned, "not with members: %v", err)
		receipt, err = r.sink().Do(ctx, op)
	}
	if err != nil {
		return r.failed(name, err)
	}
	r.group = receipt.ID
	r.note(name, Passed, "members taken with it: %t", receipt.MembersDone)
	return nil
}

// members changes the group's members and reads them back, unless they can't be read.
func (r *rehearsal) members(ctx context.Context, add, remove, want []sinks.ID) error {
	s := r.sink()
	op := sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: r.group, AddMembers: add, RemoveMembers: remove}
	if _, err := s.Do(ctx, op); err != nil {
		return err
	}
	got, shown, err := s.membersOf(ctx, r.group)
	switch {
	case r.p.MembersUnreadable && len(got) == 0:
		return nil
	case err != nil:
		return err
	}
	slices.Sort(got)
	got = slices.Compact(got) // some applications add a member twice when told twice
	if lost, _ := missing(want, got, nil); len(lost) > 0 || len(got) > len(want) {
		return fmt.Errorf("the group shows %d members, want %d (attribute shown: %t)", len(got), len(want), shown)
	}
	return nil
}

func (r *rehearsal) addMember(ctx context.Context) error {
	const name = "add members"
	err := r.firstThatWorks(name, []attempt{
		{"add, read back", asIs},
		{"add, and members are never shown", func(p *Profile) { p.MembersUnreadable = true }},
		{"put", func(p *Profile) { p.GroupUpdate = UpdatePut }},
	}, func() error { return r.members(ctx, r.users, nil, r.users) })
	if err != nil {
		return r.failed(name, err)
	}
	if r.p.MembersUnreadable {
		r.unseen(ctx)
	}
	return nil
}

// unseen says whether members that the group does not show are in it for all that is known.
func (r *rehearsal) unseen(ctx context.Context) {
	const name = "members that are not shown"
	if r.sink().proofOfMember(ctx, r.group, r.users[1]) {
		r.note(name, Passed, "the application names them elsewhere")
		return
	}
	r.note(name, Warned, "nothing proves that they were taken: look at a group in the application once it has been provisioned")
}

func (r *rehearsal) removeMember(ctx context.Context) error {
	const name = "remove a member"
	try := func() error {
		if err := r.members(ctx, r.users, nil, r.users); err != nil {
			return fmt.Errorf("put the members back: %w", err)
		}
		return r.members(ctx, nil, r.users[:1], r.users[1:])
	}
	ways := []attempt{
		{string(r.p.MemberRemoval), asIs},
		{"filter", func(p *Profile) { p.MemberRemoval = RemoveByFilter }},
		{"value", func(p *Profile) { p.MemberRemoval = RemoveByValue }},
	}
	if !r.p.MembersUnreadable {
		ways = append(ways, attempt{"put", func(p *Profile) { p.MemberRemoval = RemoveByPut }})
	}
	if err := r.firstThatWorks(name, ways, try); err != nil {
		return r.failed(name, err)
	}
	return nil
}

func (r *rehearsal) rename(ctx context.Context) error {
	s := r.sink()
	op := sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: r.group, Attributes: []sinks.Attribute{{Path: sinks.PathDisplayName, Value: r.tag + "-renamed"}}}
	_, err := s.Do(ctx, op)
	if err == nil {
		var o *sinks.Object
		o, err = s.Get(ctx, sinks.Query{Resource: sinks.Group, Paths: []string{sinks.PathDisplayName}}, r.group)
		if err == nil && o.Values[sinks.PathDisplayName] != r.tag+"-renamed" {
			err = errors.New("the name did not change")
		}
	}
	if err != nil {
		r.p.Fixed = append(slices.Clone(r.p.Fixed), "group."+sinks.PathDisplayName)
		r.note("rename the group", Warned, "%v", err)
		return nil
	}
	r.note("rename the group", Passed, "the name changed")
	return nil
}

// cleanUp deletes what was made and finds out what DELETE does.
func (r *rehearsal) cleanUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s := r.sink()
	if r.group != "" {
		if _, err := s.Do(ctx, sinks.Op{Action: sinks.Delete, Resource: sinks.Group, ID: r.group}); err != nil {
			r.out.LeftBehind = append(r.out.LeftBehind, r.tag)
			r.note("delete the group", Warned, "%v", err)
		}
	}
	for i, id := range r.users {
		_, err := s.Do(ctx, sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: id})
		_, readErr := s.Get(ctx, sinks.Query{Resource: sinks.User}, id)
		switch {
		case err == nil && sinks.ClassOf(readErr) == sinks.Missing:
			continue
		case err == nil && readErr == nil:
			r.p.UserDelete = DeleteDeactivates
		case statusOf(err) == http.StatusMethodNotAllowed || statusOf(err) == http.StatusNotImplemented:
			r.p.UserDelete = DeleteUnsupported
		}
		r.out.LeftBehind = append(r.out.LeftBehind, fmt.Sprintf("%s-%d@example.com", r.tag, i))
		r.note("delete users", Warned, "a user is still there: %v", err)
	}
	if len(r.out.LeftBehind) == 0 {
		r.note("delete", Passed, "nothing is left behind")
	}
}
