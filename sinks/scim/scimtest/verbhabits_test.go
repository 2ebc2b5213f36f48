package scimtest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

func verbHabits() []habit {
	put := inWorld(func(w world) string {
		r := w.do("PUT", "/Users/"+w.a, newUser(`"userName":"z"`))
		return code(r) + " " + r.header.Get("Content-Type")
	})
	patch := inWorld(func(w world) string {
		r := w.do("PATCH", "/Users/"+w.a, patchBody(`{"op":"remove","path":"title"}`))
		return code(r) + " " + r.header.Get("Content-Type")
	})
	del := inWorld(func(w world) string {
		r := w.do("DELETE", "/Users/"+w.a, "")
		u, there := w.s.User(w.a)
		return code(r) + " " + jsonText(there) + " " + jsonText(u.Active)
	})
	bulk := func(c *client) string {
		r := c.do("POST", "/Bulk", `{"schemas":["`+bulkURN+`"],"Operations":[{"method":"POST","path":"/Users","bulkId":"1","data":`+newUser(`"userName":"z"`)+`}]}`)
		return code(r) + " " + r.header.Get("Content-Type") + " " + jsonText(len(c.s.Users()))
	}
	// A user, a group with that user, and a change of that group.
	refers := func(c *client) string {
		r := c.bulk("", bulkOp("POST", "/Users", "u", newUser(`"userName":"z"`)), bulkOp("POST", "/Groups", "g", groupBody("staff", "bulkId:u")),
			bulkOp("PATCH", "/Groups/bulkId:g", "", patchBody(`{"op":"add","path":"externalId","value":"x"}`)))
		return code(r) + " " + strings.Join(r.bulkStatuses(), " ") + " " + strings.Join(c.s.Members("staff"), " ")
	}
	several := func(c *client) string {
		r := c.bulk("", bulkOp("POST", "/Users", "u", newUser(`"userName":"z"`)), bulkOp("POST", "/Users", "v", newUser(`"userName":"y"`)),
			bulkOp("POST", "/Groups", "g", groupBody("staff", "bulkId:u", "bulkId:v")))
		return code(r) + " " + strings.Join(r.bulkStatuses(), " ") + " " + strings.Join(c.s.Members("staff"), " ")
	}
	ok, page := " "+scimJSON, "404 text/html; charset=utf-8"
	return []habit{
		{"Put", Quirks{Put: NotAllowed}, put, "200" + ok, "405" + ok},
		{"Put", Quirks{Put: NotImplemented}, put, "200" + ok, "501" + ok},
		{"Put", Quirks{Put: HTML}, put, "200" + ok, page},
		{"Patch", Quirks{Patch: NotAllowed}, patch, "200" + ok, "405" + ok},
		{"Patch", Quirks{Patch: NotImplemented}, patch, "200" + ok, "501" + ok},
		{"Patch", Quirks{Patch: HTML}, patch, "200" + ok, page},
		{"DeleteUser", Quirks{DeleteUser: NotAllowed}, del, "204 false false", "405 true true"},
		{"DeleteUser", Quirks{DeleteUser: NotImplemented}, del, "204 false false", "501 true true"},
		{"DeleteUser", Quirks{DeleteUser: Deactivate}, del, "204 false false", "204 true false"},
		{"BulkRefs", Quirks{BulkRefs: Refuse}, refers, "200 201 201 200 z", "200 201 400 400 "},
		{"BulkRefs", Quirks{BulkRefs: Store, UnknownMember: Store}, refers, "200 201 201 200 z", "200 201 201 404 bulkId:u"},
		{"BulkRefs", Quirks{BulkRefs: First, UnknownMember: Store}, several, "200 201 201 201 y z", "200 201 201 201 bulkId:v z"},
		{"BulkRefs", Quirks{BulkRefs: Ignore}, refers, "200 201 201 200 z", "200 201 201 404 "},
		{"BulkBroken", Quirks{BulkBroken: Refuse}, bulk, "200" + ok + " 1", "400" + ok + " 0"},
		{"BulkBroken", Quirks{BulkBroken: Fail}, bulk, "200" + ok + " 1", "500" + ok + " 0"},
		{"BulkBroken", Quirks{BulkBroken: NotImplemented}, bulk, "200" + ok + " 1", "501" + ok + " 0"},
		{"BulkBroken", Quirks{BulkBroken: HTML}, bulk, "200" + ok + " 1", page + " 0"},
		{"BulkBroken", Quirks{BulkBroken: Ignore}, bulk, "200" + ok + " 1", "200" + ok + " 0"},
	}
}

func transportHabits() []habit {
	withQuery := func(c *client) string {
		return code(c.do("GET", "/Users?count=1", "")) + " " + code(c.do("GET", "/Users?aadOptscim062020&count=1", ""))
	}
	idle := func(c *client) string {
		c.do("GET", "/Users", "")
		time.Sleep(60 * time.Millisecond)
		// A request with a body that can't be sent again: the client must not retry by itself.
		req, _ := http.NewRequest("POST", c.base+"/Users", strings.NewReader(newUser(`"userName":"z"`)))
		req.GetBody = nil
		req.Header.Set("Content-Type", scimJSON)
		resp, err := c.http.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		return jsonText(err == nil) + " " + code(c.do("GET", "/Users", ""))
	}
	return []habit{
		{"Inactive", Quirks{Inactive: true}, func(c *client) string {
			return c.do("POST", "/Users", aUser).show("userName") + jsonText(len(c.s.Users()))
		}, `201 "alice"1`, "200 null0"},
		{"RequireQuery", Quirks{RequireQuery: "aadOptscim062020"}, withQuery, "200 200", "404 200"},
		{"RequireUserAgent", Quirks{RequireUserAgent: true}, func(c *client) string {
			return code(c.do("GET", "/Users?"+url.Values{"count": {"1"}}.Encode(), "", "User-Agent", ""))
		}, "200", "403"},
		{"IdleDrop", Quirks{IdleDrop: 50 * time.Millisecond}, idle, "true 200", "false 200"},
	}
}
