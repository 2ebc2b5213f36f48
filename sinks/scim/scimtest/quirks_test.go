package scimtest

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// habit is one quirk shown by a question whose answer it changes. ask returns what is
// observed; the answer without the quirk must be rfc and with it odd.
type habit struct {
	field    string // of Quirks
	quirks   Quirks
	ask      func(c *client) string
	rfc, odd string
}

// world is what a question finds: users a, b, c, the group "staff" with a and b.
type world struct {
	*client
	a, b, c, g string
}

func populate(c *client) world {
	w := world{client: c}
	w.a = c.s.AddUser(map[string]any{"userName": "a@example.com", "externalId": "X-a", "displayName": "A", "active": true, "title": "T"})
	w.b = c.s.AddUser(map[string]any{"userName": "b@example.com", "emails": []any{map[string]any{"type": "work", "value": "b@example.com"}}})
	w.c = c.s.AddUser(map[string]any{"userName": "c@example.com"})
	w.g = c.s.AddGroup("staff", w.a, w.b)
	_ = c.s.Edit(w.g, "externalId", "X-g")
	return w
}

// post, patch and so on are the questions.

func post(path, body string) func(*client) string {
	return func(c *client) string { return code(c.do("POST", path, body)) }
}

func newUser(rest string) string { return `{"schemas":["` + userURN + `"],` + rest + `}` }

func get(path string, show ...string) func(*client) string {
	return func(c *client) string { return c.do("GET", path, "").show(show...) }
}

// code is the status and the scimType.
func code(r result) string {
	out := []string{jsonText(r.status)}
	if k := r.text("scimType"); k != "" {
		out = append(out, k)
	}
	return strings.Join(out, " ")
}

// show is the status and the values at paths, or the whole body for "*".
func (r result) show(paths ...string) string {
	out := []string{code(r)}
	for _, p := range paths {
		if p == "*" {
			out = append(out, r.raw)
			continue
		}
		out = append(out, jsonText(r.flat()[p]))
	}
	return strings.Join(out, " ")
}

// onUser patches user a and shows the status and the value held at path.
func onUser(path string, ops ...string) func(*client) string {
	return func(c *client) string {
		w := populate(c)
		r := c.do("PATCH", "/Users/"+w.a, patchBody(w.fill(ops)...))
		u, _ := c.s.User(w.a)
		return code(r) + " " + jsonText(u.Values[path])
	}
}

// onGroup patches group staff and shows the status and the members.
func onGroup(ops ...string) func(*client) string {
	return func(c *client) string {
		w := populate(c)
		r := c.do("PATCH", "/Groups/"+w.g, patchBody(w.fill(ops)...))
		return code(r) + " " + members(c)
	}
}

// members shows the members of staff by the first letters of their names.
func members(c *client) string {
	names := c.s.Members("staff")
	for i, n := range names {
		names[i] = n[:1]
	}
	return strings.Join(names, "")
}

func (w world) fill(ops []string) []string {
	out := make([]string, len(ops))
	for i, op := range ops {
		out[i] = strings.NewReplacer("$a", w.a, "$b", w.b, "$c", w.c, "$g", w.g).Replace(op)
	}
	return out
}

// inWorld asks with a populated world.
func inWorld(f func(w world) string) func(*client) string {
	return func(c *client) string { return f(populate(c)) }
}

// find lists with a filter and shows the status and the number of hits.
func find(path, filter string) func(*client) string {
	return inWorld(func(w world) string {
		r, names := w.names(path, filter)
		return code(r) + " " + jsonText(len(names))
	})
}

// TestQuirks shows that each habit does what it says, and that the server does not have it
// without being asked.
func TestQuirks(t *testing.T) {
	for _, h := range habits() {
		t.Run(h.field, func(t *testing.T) {
			opts := Options{MaxResults: 2, BulkOperations: 5, Cursors: true}
			if got := h.ask(serve(t, opts)); got != h.rfc {
				t.Errorf("without the quirk: %s, want %s", got, h.rfc)
			}
			opts.Quirks = h.quirks
			if got := h.ask(serve(t, opts)); got != h.odd {
				t.Errorf("with the quirk: %s, want %s", got, h.odd)
			}
			if h.rfc == h.odd || !reflect.ValueOf(h.quirks).FieldByName(h.field).IsValid() || reflect.ValueOf(h.quirks).FieldByName(h.field).IsZero() {
				t.Errorf("the case does not show %s", h.field)
			}
		})
	}
}

// TestEveryQuirkIsShown checks that no field and no behaviour of a field is without a case.
func TestEveryQuirkIsShown(t *testing.T) {
	shown := map[string]bool{}
	for _, h := range habits() {
		shown[h.field] = true
		if b, ok := reflect.ValueOf(h.quirks).FieldByName(h.field).Interface().(Behaviour); ok {
			shown[h.field+"="+b.String()] = true
		}
	}
	typ := reflect.TypeFor[Quirks]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !shown[f.Name] {
			t.Errorf("no case shows %s", f.Name)
		}
		for b := range strings.SplitSeq(f.Tag.Get("can"), ",") {
			if b != "" && !shown[f.Name+"="+b] {
				t.Errorf("no case shows %s: %s", f.Name, b)
			}
		}
	}
}

func TestQuirkValidation(t *testing.T) {
	if err := (Quirks{MemberAddAgain: Append, RaceGap: time.Second}).Validate(); err != nil {
		t.Error(err)
	}
	if err := (Quirks{MemberAddAgain: Drop}).Validate(); err == nil || !strings.Contains(err.Error(), "MemberAddAgain") {
		t.Errorf("error %v", err)
	}
	for b := Refuse; b <= Deactivate; b++ {
		var back Behaviour
		text, _ := b.MarshalText()
		if err := back.UnmarshalText(text); err != nil || back != b {
			t.Errorf("%d → %q → %d, %v", b, text, back, err)
		}
	}
	var b Behaviour
	if err := b.UnmarshalText([]byte("sulk")); err == nil {
		t.Error("an unknown word is taken")
	}
}
