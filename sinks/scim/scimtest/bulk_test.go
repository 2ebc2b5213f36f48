package scimtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func bulkOp(method, path, id, data string) string {
	return `{"method":"` + method + `","path":"` + path + `","bulkId":"` + id + `","data":` + data + `}`
}

func (c *client) bulk(extra string, ops ...string) result {
	return c.do("POST", "/Bulk", `{"schemas":["`+bulkURN+`"]`+extra+`,"Operations":[`+strings.Join(ops, ",")+`]}`)
}

// bulkStatuses are the statuses of the operations of a bulk request.
func (r result) bulkStatuses() []string {
	var out []string
	list, _ := r.doc["Operations"].([]any)
	for _, o := range list {
		m, _ := o.(map[string]any)
		s, _ := m["status"].(string)
		out = append(out, s)
	}
	return out
}

func TestBulk(t *testing.T) {
	c := serve(t, Options{BulkOperations: 6, BulkPayload: 4000})
	id := c.user("old", "")
	op, bulk := bulkOp, c.bulk
	r := bulk("",
		op("POST", "/Groups", "g", groupBody("staff", "bulkId:u")), // refers to a later one
		op("POST", "/Users", "u", `{"schemas":["`+userURN+`"],"userName":"new"}`),
		op("PATCH", "/Users/"+id, "", patchBody(`{"op":"add","path":"title","value":"x"}`)),
		op("PATCH", "/Groups/bulkId:g", "", patchBody(`{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)),
		op("POST", "/Users", "dup", `{"schemas":["`+userURN+`"],"userName":"OLD"}`),
		op("POST", "/Groups", "bad", groupBody("other", "bulkId:nobody")),
	)
	var got struct {
		Operations []struct {
			BulkID, Status, Location, Version string
			Response                          map[string]any
		}
	}
	if err := json.Unmarshal([]byte(r.raw), &got); err != nil || r.status != 200 {
		t.Fatal(r.status, r.raw)
	}
	for i, want := range []string{"201", "201", "200", "200", "409", "409"} {
		o := got.Operations[i]
		if failed := want == "409"; o.Status != want || (o.Response != nil) != failed || (o.Location == "") != failed {
			t.Errorf("operation %d: %+v, want %s", i, o, want)
		}
	}
	if m := strings.Join(c.s.Members("staff"), " "); m != "new old" {
		t.Errorf("members %q", m)
	}
	dup := op("POST", "/Users", "d", `{"schemas":["`+userURN+`"],"userName":"old"}`)
	if r := bulk(`,"failOnErrors":1`, dup, dup, dup); strings.Count(r.raw, `"409"`) != 2 { // status and response
		t.Errorf("failOnErrors: %s", r.raw)
	}
	if r := bulk("", dup, dup, dup, dup, dup, dup, dup); r.status != 413 {
		t.Errorf("too many operations: %d", r.status)
	}
	if r := bulk("", op("POST", "/Users", "x", quote(strings.Repeat("x", 4000)))); r.status != 413 {
		t.Errorf("too large: %d", r.status)
	}
	if r := bulk("", op("GET", "/Users/"+id, "", "{}"), op("POST", "/Bulk", "", "{}")); strings.Count(r.raw, "invalidPath") != 2 {
		t.Errorf("operations that bulk has not: %s", r.raw)
	}
	c2 := serve(t, Options{})
	c2.must(501, "POST", "/Bulk", `{}`)
}

// TestBulkReferences: operations refer to each other in any order and in circles, in
// paths, members and managers; what can't be resolved is a conflict and leaves nothing.
func TestBulkReferences(t *testing.T) {
	user := func(id, manager string) string {
		ext := ""
		if manager != "" {
			ext = `,"` + enterpriseURN + `":{"department":"D","manager":{"value":"bulkId:` + manager + `"}}`
		}
		return bulkOp("POST", "/Users", id, newUser(`"userName":"`+id+`"`+ext))
	}
	group := func(id string, members ...string) string {
		for i := range members {
			members[i] = "bulkId:" + members[i]
		}
		return bulkOp("POST", "/Groups", id, groupBody(id, members...))
	}
	patch := func(id, op string) string { return bulkOp("PATCH", "/Groups/bulkId:"+id, "", patchBody(op)) }
	tests := map[string]struct {
		ops      []string
		statuses string
		managers string // "of manager"
		members  string // "group: members"
	}{
		"managers later":       {[]string{user("a", "b"), user("b", "c"), user("c", "")}, "201 201 201", "a b,b c", ""},
		"managers in a circle": {[]string{user("a", "b"), user("b", "a")}, "201 201", "a b,b a", ""},
		"own manager":          {[]string{user("a", "a")}, "201", "a a", ""},
		"members later":        {[]string{group("g", "a", "b"), user("a", ""), user("b", "")}, "201 201 201", "", "g: a b"},
		"groups in a circle":   {[]string{group("g", "h", "a"), group("h", "g"), user("a", "")}, "201 201 201", "", "g: a h,h: g"},
		"path before":          {[]string{patch("g", `{"op":"add","path":"members","value":[{"value":"bulkId:a"}]}`), user("a", ""), group("g")}, "200 201 201", "", "g: a"},
		"removal by path": {
			[]string{group("g", "a", "b"), patch("g", `{"op":"remove","path":"members[value eq \"bulkId:a\"]"}`), user("a", ""), user("b", "")},
			"201 200 201 201", "", "g: b",
		},
		"nobody":                  {[]string{group("g", "nobody"), patch("nobody", `{"op":"remove","path":"members"}`)}, "409 409", "", ""},
		"one that failed":         {[]string{user("taken", ""), group("g", "taken"), user("a", "taken"), user("b", "a")}, "409 409 409 409", "", ""},
		"a circle with a failure": {[]string{user("a", "taken"), user("taken", "a")}, "409 409", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := serve(t, Options{BulkOperations: 10})
			c.user("taken", "")
			r := c.bulk("", tt.ops...)
			if diff := cmp.Diff(tt.statuses, strings.Join(r.bulkStatuses(), " ")); diff != "" {
				t.Errorf("statuses (-want +got):\n%s\n%s", diff, r.raw)
			}
			users, gs, _ := c.s.Len()
			if made := strings.Count(tt.statuses, "201"); users-1+gs != made {
				t.Errorf("%d users and %d groups are there, %d were made", users-1, gs, made)
			}
			var managers, groups []string
			names := map[string]string{}
			for _, u := range c.s.Users() {
				names[u.ID] = u.UserName
			}
			for _, u := range c.s.Users() {
				if m, _ := u.Values[enterpriseURN+":manager.value"].(string); m != "" {
					managers = append(managers, u.UserName+" "+names[m])
				}
			}
			for _, g := range c.s.Groups() {
				names[g.ID] = g.DisplayName
			}
			for _, g := range c.s.Groups() {
				var in []string
				for _, m := range g.Members {
					in = append(in, names[m])
				}
				slices.Sort(in)
				groups = append(groups, g.DisplayName+": "+strings.Join(in, " "))
			}
			slices.Sort(managers)
			slices.Sort(groups)
			if diff := cmp.Diff([]string{tt.managers, tt.members}, []string{strings.Join(managers, ","), strings.Join(groups, ",")}); diff != "" {
				t.Errorf("managers and members (-want +got):\n%s\n%s", diff, r.raw)
			}
		})
	}
}
