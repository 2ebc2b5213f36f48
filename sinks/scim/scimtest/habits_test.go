package scimtest

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

func habits() []habit {
	return slices.Concat(discoveryHabits(), uniqueHabits(), filterHabits(), listHabits(), answerHabits(),
		memberHabits(), memberPatchHabits(), userPatchHabits(), valueHabits(), verbHabits(), transportHabits())
}

func discoveryHabits() []habit {
	list := func(c *client) string {
		r := c.do("GET", "/ResourceTypes", "")
		return code(r) + " " + r.raw[:1] + " " + jsonText(r.doc["totalResults"])
	}
	config := get("/ServiceProviderConfig", "filter.maxResults", "bulk.maxOperations", "filter.supported", "changePassword.supported", "patch.supported")
	return []habit{
		{"NoDiscovery", Quirks{NoDiscovery: true}, get("/Schemas"), "200", "404"},
		{"DiscoveryArrays", Quirks{DiscoveryArrays: true}, list, "200 { 2", "200 [ null"},
		{"DiscoveryNoTotals", Quirks{DiscoveryNoTotals: true}, list, "200 { 2", "200 { null"},
		{"ConfigPlural", Quirks{ConfigPlural: true}, func(c *client) string {
			return code(c.do("GET", "/ServiceProviderConfig", "")) + " " + code(c.do("GET", "/ServiceProviderConfigs", ""))
		}, "200 404", "404 200"},
		{"ConfigNoLimits", Quirks{ConfigNoLimits: true}, config, "200 2 5 true false true", "200 null null true false true"},
		{"ConfigDenies", Quirks{ConfigDenies: []string{"filter"}}, config, "200 2 5 true false true", "200 2 5 false false true"},
		{"ConfigClaims", Quirks{ConfigClaims: []string{"changePassword"}}, config, "200 2 5 true false true", "200 2 5 true true true"},
		{"ConfigOmits", Quirks{ConfigOmits: []string{"patch"}}, config, "200 2 5 true false true", "200 2 5 true false null"},
		{"Version11", Quirks{Version11: true}, func(c *client) string {
			return code(c.do("GET", "/ServiceProviderConfig", "")) + " " + get("/ServiceProviderConfigs", "schemas[0]")(c) + " " +
				get("/Users", "schemas[0]")(c) + " " + post("/Users", newUser(`"userName":"z"`))(c)
		}, `200 404 "` + errorURN + `" 200 "` + listURN + `" 201`, `404 200 "` + version11URN + `" 200 "` + version11URN + `" 400 invalidSyntax`},
		{"NoEnterprise", Quirks{NoEnterprise: true}, onUser(enterpriseURN+":department", `{"op":"add","path":"`+enterpriseURN+`:department","value":"D"}`), `200 "D"`, "400 invalidPath null"},
	}
}

func uniqueHabits() []habit {
	twin := func(c *client) string { populate(c); return post("/Users", newUser(`"userName":"a@example.com"`))(c) }
	upper := func(c *client) string { populate(c); return post("/Users", newUser(`"userName":"A@EXAMPLE.COM"`))(c) }
	race := func(c *client) string {
		var mu sync.Mutex
		made := map[string]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				r, _ := c.try("POST", "/Users", newUser(`"userName":"racer"`))
				mu.Lock()
				defer mu.Unlock()
				made[code(r)]++
			})
		}
		wg.Wait()
		return jsonText(made)
	}
	rename := onUser("userName", `{"op":"replace","path":"userName","value":"b@example.com"}`)
	return []habit{
		{"UserNameNotUnique", Quirks{UserNameNotUnique: true}, twin, "409 uniqueness", "201"},
		{"UserNameCaseExact", Quirks{UserNameCaseExact: true}, upper, "409 uniqueness", "201"},
		{"ExternalIDUnique", Quirks{ExternalIDUnique: true}, func(c *client) string {
			populate(c)
			return post("/Users", newUser(`"userName":"z","externalId":"X-a"`))(c)
		}, "201", "409 uniqueness"},
		{"GroupNameUnique", Quirks{GroupNameUnique: true}, func(c *client) string { populate(c); return post("/Groups", groupBody("Staff"))(c) }, "201", "409 uniqueness"},
		{"Race", Quirks{Race: Allow, RaceGap: 100 * time.Millisecond}, race, `{"201":1,"409 uniqueness":7}`, `{"201":8}`},
		{"Race", Quirks{Race: Fail, RaceGap: 100 * time.Millisecond}, race, `{"201":1,"409 uniqueness":7}`, `{"201":1,"500":7}`},
		{"RaceGap", Quirks{Race: Allow, RaceGap: 200 * time.Millisecond}, func(c *client) string {
			start := time.Now()
			post("/Users", newUser(`"userName":"z"`))(c)
			return jsonText(time.Since(start) >= 200*time.Millisecond)
		}, "false", "true"},
		{"RenameConflict", Quirks{RenameConflict: Allow}, rename, `409 uniqueness "a@example.com"`, `200 "b@example.com"`},
		{"RenameConflict", Quirks{RenameConflict: Fail}, rename, `409 uniqueness "a@example.com"`, `500 "a@example.com"`},
		{"ConflictNoScimType", Quirks{ConflictNoScimType: true}, twin, "409 uniqueness", "409"},
	}
}

func filterHabits() []habit {
	unknown := find("/Users", `shoeSize eq "44"`)
	none := find("/Users", `userName eq "nobody"`)
	mail := find("/Users", `emails.value eq "b@example.com"`)
	return []habit{
		{"FilterUserNameCaseExact", Quirks{FilterUserNameCaseExact: true}, find("/Users", `userName eq "A@example.com"`), "200 1", "200 0"},
		{"FilterExternalID", Quirks{FilterExternalID: IgnoreCase}, find("/Users", `externalId eq "x-A"`), "200 0", "200 1"},
		{"FilterExternalID", Quirks{FilterExternalID: Nothing}, find("/Users", `externalId eq "X-a"`), "200 1", "200 0"},
		{"FilterGroupExternalID", Quirks{FilterGroupExternalID: Nothing}, find("/Groups", `externalId eq "X-g"`), "200 1", "200 0"},
		{"FilterEmails", Quirks{FilterEmails: Nothing}, mail, "200 1", "200 0"},
		{"FilterEmails", Quirks{FilterEmails: Everything}, mail, "200 1", "200 2"},
		{"FilterUnknown", Quirks{FilterUnknown: Nothing}, unknown, "400 invalidFilter 0", "200 0"},
		{"FilterUnknown", Quirks{FilterUnknown: Everything}, unknown, "400 invalidFilter 0", "200 2"},
		{"FilterUnknown", Quirks{FilterUnknown: Fail}, unknown, "400 invalidFilter 0", "500 0"},
		{"FilterAny", Quirks{FilterAny: Refuse}, none, "200 0", "400 invalidFilter 0"},
		{"FilterAny", Quirks{FilterAny: Everything}, none, "200 0", "200 2"},
		{"FilterAny", Quirks{FilterAny: NotImplemented}, none, "200 0", "501 0"},
		{"FilterEqOnly", Quirks{FilterEqOnly: true}, find("/Users", `userName eq "a@example.com" and externalId pr`), "200 1", "400 invalidFilter 0"},
		{"FilterNoHit", Quirks{FilterNoHit: NotFound}, none, "200 0", "404 0"},
		{"FilterNoHit", Quirks{FilterNoHit: HTML}, func(c *client) string {
			return c.do("GET", "/Users?filter=title+pr", "").header.Get("Content-Type")
		}, scimJSON, "text/html; charset=utf-8"},
		{"FilterHidesUnmanaged", Quirks{FilterHidesUnmanaged: true}, func(c *client) string {
			return find("/Users", `userName eq "a@example.com"`)(c) + " " + post("/Users", newUser(`"userName":"a@example.com"`))(c)
		}, "200 1 409 uniqueness", "200 0 409 uniqueness"},
	}
}

func listHabits() []habit {
	list := func(query string, show ...string) func(*client) string {
		return inWorld(func(w world) string {
			r := w.do("GET", "/Users"+query, "")
			letters := ""
			for _, id := range r.ids() {
				u, _ := w.s.User(id)
				letters += (u.UserName + "?")[:1]
			}
			return r.show(show...) + " " + letters
		})
	}
	return []habit{
		{"CountZeroReturnsAll", Quirks{CountZeroReturnsAll: true}, list("?count=0"), "200 ", "200 abc"},
		{"PastEndReturnsAll", Quirks{PastEndReturnsAll: true}, list("?startIndex=4"), "200 ", "200 abc"},
		{"ItemsPerPageWrong", Quirks{ItemsPerPageWrong: true}, list("?startIndex=3", "itemsPerPage"), "200 1 c", "200 2 c"},
		{"OmitEmptyResources", Quirks{OmitEmptyResources: true}, func(c *client) string { return jsonText(strings.Contains(get("/Users", "*")(c), "Resources")) }, "true", "false"},
		{"OmitTotalResults", Quirks{OmitTotalResults: true}, list("", "totalResults"), "200 3 ab", "200 null ab"},
		{"TotalResultsOfPage", Quirks{TotalResultsOfPage: true}, list("?count=1", "totalResults"), "200 3 a", "200 1 a"},
		{"TotalResultsOff", Quirks{TotalResultsOff: 2}, list("", "totalResults"), "200 3 ab", "200 5 ab"},
		{"PagesOverlap", Quirks{PagesOverlap: true}, list("?startIndex=2&count=2"), "200 bc", "200 ab"},
		{"IgnorePaging", Quirks{IgnorePaging: true}, list("?startIndex=2&count=1"), "200 b", "200 abc"},
		{"IgnoreStartIndex", Quirks{IgnoreStartIndex: true}, list("?startIndex=2&count=2", "startIndex"), "200 2 bc", "200 1 ab"},
		{"CursorOnly", Quirks{CursorOnly: true}, list("?startIndex=2"), "200 bc", "400 invalidValue "},
		{"TooMany", Quirks{TooMany: 2}, list(""), "200 ab", "400 tooMany "},
		{"IgnoreAttributes", Quirks{IgnoreAttributes: true}, func(c *client) string { return userShows(c, "?attributes=displayName", "title") }, "null", `"T"`},
		{"IgnoreExcluded", Quirks{IgnoreExcluded: true}, func(c *client) string { return userShows(c, "?excludedAttributes=title", "title") }, "null", `"T"`},
	}
}

func userShows(c *client, query, path string) string {
	w := populate(c)
	return jsonText(c.do("GET", "/Users/"+w.a+query, "").flat()[path])
}

func answerHabits() []habit {
	title := `{"op":"replace","path":"title","value":"N"}`
	same := `{"op":"replace","path":"title","value":"T"}`
	stale := func(method, body string) func(*client) string {
		return inWorld(func(w world) string { return code(w.do(method, "/Users/"+w.a, body, "If-Match", `W/"99"`)) })
	}
	present := inWorld(func(w world) string { // twice with the version told, once without
		out := ""
		for range 2 {
			out += code(w.do("PATCH", "/Users/"+w.a, patchBody(same), "If-Match", w.do("GET", "/Users/"+w.a, "").header.Get("ETag"))) + " "
		}
		return out + code(w.do("PATCH", "/Users/"+w.a, patchBody(same)))
	})
	location := func(c *client) string {
		r := c.must(201, "POST", "/Users", newUser(`"userName":"z"`))
		at := strings.TrimPrefix(r.header.Get("Location"), strings.TrimSuffix(c.base, "/scim/v2"))
		return strings.ReplaceAll(at, r.text("id"), "ID")
	}
	twice := inWorld(func(w world) string {
		return w.do("DELETE", "/Users/"+w.a, "").show("title") + " " + code(w.do("DELETE", "/Users/"+w.a, ""))
	})
	wrong := func(c *client) string { return jsonText(c.do("GET", "/Users/nobody", "").doc["status"]) }
	return []habit{
		{"PatchUserNoContent", Quirks{PatchUserNoContent: true}, onUser("title", title), `200 "N"`, `204 "N"`},
		{"PatchGroupNoContent", Quirks{PatchGroupNoContent: true}, onGroup(`{"op":"remove","path":"members"}`), "200 ", "204 "},
		{"PatchUnchangedNoContent", Quirks{PatchUnchangedNoContent: true}, onUser("title", same), `200 "T"`, `204 "T"`},
		{"NoETag", Quirks{NoETag: true}, inWorld(func(w world) string { return w.do("GET", "/Users/"+w.a, "").header.Get("ETag") }), `W/"1"`, ""},
		{"ETagStrong", Quirks{ETagStrong: true}, inWorld(func(w world) string {
			return w.do("GET", "/Users/"+w.a, "").header.Get("ETag") + " " + code(w.do("DELETE", "/Users/"+w.a, "", "If-Match", `"1"`))
		}), `W/"1" 412`, `"1" 204`},
		{"ETagInMetaOnly", Quirks{ETagInMetaOnly: true}, inWorld(func(w world) string {
			r := w.do("GET", "/Users/"+w.a, "")
			return r.show("meta.version") + " " + r.header.Get("ETag")
		}), `200 "W/\"1\"" W/"1"`, `200 "W/\"1\"" `},
		{"NoContentNoETag", Quirks{NoContentNoETag: true, PatchUserNoContent: true}, inWorld(func(w world) string {
			return w.do("PATCH", "/Users/"+w.a, patchBody(title)).header.Get("ETag")
		}), `W/"2"`, ""},
		{"IfMatchFails", Quirks{IfMatchFails: First}, present, "200 200 200", "412 200 200"},
		{"IfMatchFails", Quirks{IfMatchFails: Precondition}, present, "200 200 200", "412 412 200"},
		{"IgnoreIfMatch", Quirks{IgnoreIfMatch: true}, stale("DELETE", ""), "412", "204"},
		{"IgnoreIfMatchOnPatch", Quirks{IgnoreIfMatchOnPatch: true}, stale("PATCH", patchBody(title)), "412", "200"},
		{"DeleteBody", Quirks{DeleteBody: true}, twice, "204 null 404", `200 "T" 404`},
		{"DeleteTwice", Quirks{DeleteTwice: Fail}, twice, "204 null 404", "204 null 500"},
		{"Location", Quirks{Location: LocationOtherPath}, location, "/scim/v2/Users/ID", "/scim/v2/endpoints/Users/ID"},
		{"Location", Quirks{Location: LocationRelative}, location, "/scim/v2/Users/ID", "Users/ID"},
		{"Location", Quirks{Location: LocationNone}, location, "/scim/v2/Users/ID", ""},
		{"NoMeta", Quirks{NoMeta: true}, func(c *client) string { return userShows(c, "", "meta.resourceType") }, `"User"`, "null"},
		{"IDs", Quirks{IDs: IDUserName}, idShape, "uuid", "a@example.com"},
		{"IDs", Quirks{IDs: IDNumber}, idShape, "uuid", "1"},
		{"IDs", Quirks{IDs: IDHex}, idShape, "uuid", "hex"},
		{"IDs", Quirks{IDs: IDLetters}, idShape, "uuid", "letters"},
		{"UnsafeIDLost", Quirks{UnsafeIDLost: true}, func(c *client) string {
			r := c.must(201, "POST", "/Users", newUser(`"userName":"a/b"`))
			id := c.s.UsersNamed("a/b")[0].ID
			return jsonText(r.text("id") == id) + " " + code(c.do("DELETE", "/Users/"+id, ""))
		}, "true 204", "false 500"},
		{"RejectPlainJSON", Quirks{RejectPlainJSON: true}, func(c *client) string {
			return code(c.do("POST", "/Users", newUser(`"userName":"z"`), "Content-Type", "application/json")) + " " + post("/Users", newUser(`"userName":"y"`))(c)
		}, "201 201", "400 invalidSyntax 201"},
		{"AnswerType", Quirks{AnswerType: "application/json"}, func(c *client) string { return c.do("GET", "/Users", "").header.Get("Content-Type") }, scimJSON, "application/json"},
		{"ErrorStatusNumber", Quirks{ErrorStatusNumber: true}, wrong, `"404"`, "404"},
		{"ErrorNoStatus", Quirks{ErrorNoStatus: true}, wrong, `"404"`, "null"},
		{"UnauthorizedText", Quirks{UnauthorizedText: true}, unauthorized, "application/scim+json true", "text/plain; charset=utf-8 true"},
		{"UnauthorizedEmpty", Quirks{UnauthorizedEmpty: true}, unauthorized, "application/scim+json true", " false"},
		{"EchoNulls", Quirks{EchoNulls: true}, func(c *client) string {
			return jsonText(strings.Contains(c.do("POST", "/Users", newUser(`"userName":"z","nickName":null`)).raw, `"nickName":null`))
		}, "false", "true"},
		{"ActiveAsText", Quirks{ActiveAsText: true}, func(c *client) string { return userShows(c, "", "active") }, "true", `"true"`},
		{"ReadLag", Quirks{ReadLag: time.Hour}, func(c *client) string {
			id := c.user("z", "")
			return code(c.do("GET", "/Users/"+id, "")) + get("/Users", "totalResults")(c) + code(c.do("POST", "/Groups", groupBody("g", id))) + post("/Users", newUser(`"userName":"z"`))(c)
		}, "200200 1201409 uniqueness", "404200 0400 invalidValue409 uniqueness"},
	}
}

func idShape(c *client) string {
	id := populate(c).a
	switch {
	case regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id):
		return "uuid"
	case regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(id):
		return "hex"
	case regexp.MustCompile(`^[0-9A-Z]{32}$`).MatchString(id):
		return "letters"
	default:
		return id
	}
}

func unauthorized(c *client) string {
	c.s.SetAuth(Auth{Bearer: "x"})
	r := c.must(401, "GET", "/Users", "")
	return r.header.Get("Content-Type") + " " + jsonText(r.raw != "")
}

func memberHabits() []habit {
	unknown := onGroup(`{"op":"add","path":"members","value":[{"value":"x"},{"value":"$c"}]}`)
	shown := inWorld(func(w world) string {
		list, ok := w.do("GET", "/Groups/"+w.g, "").doc["members"].([]any)
		return jsonText(ok) + " " + jsonText(len(list))
	})
	rename := func(op string) func(*client) string {
		return inWorld(func(w world) string {
			r := w.do("PATCH", "/Groups/"+w.g, patchBody(w.fill([]string{op})...))
			_, old := w.names("/Groups", `displayName eq "staff"`)
			_, fresh := w.names("/Groups", `displayName eq "crew"`)
			return strings.Join([]string{code(r), jsonText(len(old)), jsonText(len(fresh)), code(w.do("GET", "/Groups/"+w.g, ""))}, " ")
		})
	}
	byPath, noPath := rename(`{"op":"replace","path":"displayName","value":"crew"}`), rename(`{"op":"replace","value":{"id":"$g","displayName":"crew"}}`)
	return []habit{
		{"UnknownMember", Quirks{UnknownMember: Store}, unknown, "400 invalidValue ab", "200 abcx"},
		{"UnknownMember", Quirks{UnknownMember: Ignore}, unknown, "400 invalidValue ab", "200 abc"},
		{"UnknownMember", Quirks{UnknownMember: NotFound}, unknown, "400 invalidValue ab", "404 ab"},
		{"MembersOnCreate", Quirks{MembersOnCreate: Ignore}, inWorld(func(w world) string { w.group("new", w.a); return jsonText(len(w.s.Members("new"))) }), "1", "0"},
		{"MembersAlwaysEmpty", Quirks{MembersAlwaysEmpty: true}, shown, "true 2", "true 0"},
		{"MembersNeverShown", Quirks{MembersNeverShown: true}, shown, "true 2", "false 0"},
		{"MembersShown", Quirks{MembersShown: 1}, shown, "true 2", "true 1"},
		{"KeepDeletedMembers", Quirks{KeepDeletedMembers: true}, inWorld(func(w world) string {
			w.must(204, "DELETE", "/Users/"+w.a, "")
			return jsonText(len(w.s.Members("staff")))
		}), "1", "2"},
		{"NoUserGroups", Quirks{NoUserGroups: true}, func(c *client) string { return userShows(c, "", `groups[type eq "direct"].display`) }, `"staff"`, "null"},
		{"GroupRename", Quirks{GroupRename: Refuse}, byPath, "200 0 1 200", "400 mutability 1 0 200"},
		{"GroupRename", Quirks{GroupRename: Ignore}, byPath, "200 0 1 200", "200 1 0 200"},
		{"GroupRename", Quirks{GroupRename: Stale}, byPath, "200 0 1 200", "200 1 0 200"},
		{"GroupRenameNoPath", Quirks{GroupRenameNoPath: NotImplemented}, noPath, "200 0 1 200", "501 1 0 200"},
		{"GroupRenameNoPath", Quirks{GroupRenameNoPath: Lose}, noPath, "200 0 1 200", "200 0 0 404"},
		{"GroupRenameNoPath", Quirks{GroupRenameNoPath: Stale}, noPath, "200 0 1 200", "200 1 0 200"},
		{"GroupRenameNoPath", Quirks{GroupRenameNoPath: Ignore}, noPath, "200 0 1 200", "200 1 0 200"},
		{"ConcurrentGroupPatch", Quirks{ConcurrentGroupPatch: Precondition, RaceGap: 200 * time.Millisecond}, concurrent, "200 200", "200 412"},
		{"ConcurrentGroupPatch", Quirks{ConcurrentGroupPatch: Fail, RaceGap: 200 * time.Millisecond}, concurrent, "200 200", "200 500"},
	}
}

// concurrent sends two PATCHes of a group at the same time.
func concurrent(c *client) string {
	w := populate(c)
	codes := make([]string, 2)
	var wg sync.WaitGroup
	for i, id := range []string{w.a, w.b} {
		wg.Go(func() {
			codes[i] = code(c.do("PATCH", "/Groups/"+w.g, patchBody(`{"op":"remove","path":"members[value eq \"`+id+`\"]"}`)))
		})
	}
	wg.Wait()
	slices.Sort(codes)
	return strings.Join(codes, " ")
}

func memberPatchHabits() []habit {
	again := onGroup(`{"op":"add","path":"members","value":[{"value":"$a"}]}`)
	noPath := onGroup(`{"op":"add","value":{"members":[{"value":"$c"}]}}`)
	single := onGroup(`{"op":"add","path":"members","value":{"value":"$c"}}`)
	filter := onGroup(`{"op":"remove","path":"members[value eq \"$a\"]"}`)
	values := onGroup(`{"op":"remove","path":"members","value":[{"value":"$a"}]}`)
	or := onGroup(`{"op":"remove","path":"members[value eq \"$a\" or value eq \"$b\"]"}`)
	replace := onGroup(`{"op":"replace","path":"members","value":[{"value":"$c"}]}`)
	empty := onGroup(`{"op":"replace","path":"members","value":[]}`)
	emptyThenAdd := func(c *client) string {
		w := populate(c)
		r := c.do("PATCH", "/Groups/"+w.g, patchBody(`{"op":"replace","path":"members","value":[]}`))
		return code(r) + " " + code(c.do("PATCH", "/Groups/"+w.g, patchBody(`{"op":"add","path":"members","value":`+memberValues(w.c)+`}`)))
	}
	clearAll := onGroup(`{"op":"remove","path":"members"}`)
	two := onGroup(`{"op":"remove","path":"members[value eq \"$a\"]"}`, `{"op":"add","path":"members","value":[{"value":"$a"},{"value":"$c"}]}`)
	return []habit{
		{"MemberAddAgain", Quirks{MemberAddAgain: Append}, again, "200 ab", "200 aab"},
		{"MemberAddNoPath", Quirks{MemberAddNoPath: Refuse}, noPath, "200 abc", "400 invalidPath ab"},
		{"MemberAddNoPath", Quirks{MemberAddNoPath: Replace}, noPath, "200 abc", "200 c"},
		{"MemberAddNoPath", Quirks{MemberAddNoPath: Ignore}, noPath, "200 abc", "200 ab"},
		{"MemberAddSingle", Quirks{MemberAddSingle: Refuse}, single, "200 abc", "400 invalidValue ab"},
		{"MemberAddSingle", Quirks{MemberAddSingle: Fail}, single, "200 abc", "500 ab"},
		{"MemberAddSingle", Quirks{MemberAddSingle: Ignore}, single, "200 abc", "200 ab"},
		{"MemberRemoveFilter", Quirks{MemberRemoveFilter: NotImplemented}, filter, "200 b", "501 ab"},
		{"MemberRemoveFilter", Quirks{MemberRemoveFilter: Refuse}, filter, "200 b", "400 invalidFilter ab"},
		{"MemberRemoveFilter", Quirks{MemberRemoveFilter: Ignore}, filter, "200 b", "200 ab"},
		{"MemberRemoveValues", Quirks{MemberRemoveValues: Select}, values, "200 ", "200 b"},
		{"MemberRemoveValues", Quirks{MemberRemoveValues: Refuse}, values, "200 ", "400 invalidValue ab"},
		{"MemberRemoveValues", Quirks{MemberRemoveValues: Ignore}, values, "200 ", "200 ab"},
		{"MemberRemoveOr", Quirks{MemberRemoveOr: Refuse}, or, "200 ", "400 invalidFilter ab"},
		{"MemberRemoveOr", Quirks{MemberRemoveOr: Ignore}, or, "200 ", "200 ab"},
		{"MemberRemoveOr", Quirks{MemberRemoveOr: First}, or, "200 ", "200 b"},
		{"MemberRemoveOr", Quirks{MemberRemoveOr: NotImplemented}, or, "200 ", "501 ab"},
		{"MemberReplace", Quirks{MemberReplace: Append}, replace, "200 c", "200 abc"},
		{"MemberReplace", Quirks{MemberReplace: NotImplemented}, replace, "200 c", "501 ab"},
		{"MemberReplace", Quirks{MemberReplace: Refuse}, replace, "200 c", "400 invalidValue ab"},
		{"MemberReplaceEmpty", Quirks{MemberReplaceEmpty: Ignore}, empty, "200 ", "200 ab"},
		{"MemberReplaceEmpty", Quirks{MemberReplaceEmpty: Wedge}, emptyThenAdd, "200 200", "200 500"},
		{"MemberReplaceEmpty", Quirks{MemberReplaceEmpty: NotImplemented}, empty, "200 ", "501 ab"},
		{"MemberReplaceEmpty", Quirks{MemberReplaceEmpty: Refuse}, empty, "200 ", "400 invalidValue ab"},
		{"MemberClear", Quirks{MemberClear: Refuse}, clearAll, "200 ", "400 invalidValue ab"},
		{"MemberClear", Quirks{MemberClear: Ignore}, clearAll, "200 ", "200 ab"},
		{"MembersPerOp", Quirks{MembersPerOp: 1}, two, "200 abc", "400 invalidValue ab"},
		{"MembersPerRequest", Quirks{MembersPerRequest: 2}, two, "200 abc", "400 invalidValue ab"},
		{"MembersPerRequest", Quirks{MembersPerRequest: 2}, inWorld(func(w world) string {
			return code(w.do("POST", "/Groups", groupBody("x", w.a, w.b, w.c))) + " " + code(w.do("PUT", "/Groups/"+w.g, groupBody("x", w.a, w.b, w.c)))
		}), "201 200", "400 invalidValue 400 invalidValue"},
		{"MembersPerGroup", Quirks{MembersPerGroup: 2}, two, "200 abc", "413 ab"},
	}
}

func userPatchHabits() []habit {
	phone := `phoneNumbers[type eq "mobile"].value`
	absent := onUser(phone, `{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"}`)
	absentAdd := onUser(phone, `{"op":"add","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"}`)
	dotted := onUser("name.familyName", `{"op":"replace","value":{"name.familyName":"F"}}`)
	ent := enterpriseURN + ":department"
	path, key := onUser(ent, `{"op":"replace","path":"`+ent+`","value":"D"}`), onUser(ent, `{"op":"replace","value":{"`+ent+`":"D"}}`)
	object := onUser(ent, `{"op":"add","path":"`+ent+`","value":"D"}`, `{"op":"replace","value":{"`+enterpriseURN+`":{"division":"V"}}}`)
	boolean := onUser("active", `{"op":"replace","path":"active","value":"False"}`)
	manager := func(c *client) string {
		return onUser(enterpriseURN+":manager.value", `{"op":"replace","path":"`+enterpriseURN+`:manager","value":"m"}`)(c)
	}
	stored := func(c *client) string {
		return onUser(enterpriseURN+":manager", `{"op":"replace","path":"`+enterpriseURN+`:manager","value":"m"}`)(c)
	}
	capital := onUser("title", `{"op":"Replace","path":"title","value":"N"}`)
	malformed := func(c *client) string {
		w := populate(c)
		r, err := c.try("PATCH", "/Users/"+w.a, patchBody(`{"op":"replace","path":"emails[type eq","value":"N"}`))
		return code(r) + " " + jsonText(err == nil)
	}
	partly := onUser("title", `{"op":"replace","path":"title","value":"N"}`, `{"op":"replace","path":"active","value":5}`)
	clear1 := onUser("title", `{"op":"remove","path":"title"}`)
	const gone = "400 noTarget null"
	return []habit{
		{"AbsentValue", Quirks{AbsentValue: Create}, absent, gone, `200 "1"`},
		{"AbsentValue", Quirks{AbsentValue: Ignore}, absent, gone, "200 null"},
		{"AbsentValue", Quirks{AbsentValue: NotImplemented}, absent, gone, "501 null"},
		{"AbsentValueAdd", Quirks{AbsentValueAdd: Create}, absentAdd, gone, `200 "1"`},
		{"AbsentValueAdd", Quirks{AbsentValueAdd: Ignore}, absentAdd, gone, "200 null"},
		{"AbsentValueAdd", Quirks{AbsentValueAdd: NotImplemented}, absentAdd, gone, "501 null"},
		{"DottedKey", Quirks{DottedKey: Coerce}, dotted, "400 invalidPath null", `200 "F"`},
		{"DottedKey", Quirks{DottedKey: Ignore}, dotted, "400 invalidPath null", "200 null"},
		{"DottedKey", Quirks{DottedKey: Store}, dotted, "400 invalidPath null", `200 "F"`},
		{"EnterprisePath", Quirks{EnterprisePath: Ignore}, path, `200 "D"`, "200 null"},
		{"EnterprisePath", Quirks{EnterprisePath: Refuse}, path, `200 "D"`, "400 invalidPath null"},
		{"EnterprisePath", Quirks{EnterprisePath: NotImplemented}, path, `200 "D"`, "501 null"},
		{"EnterpriseKey", Quirks{EnterpriseKey: Refuse}, key, `200 "D"`, "400 invalidPath null"},
		{"EnterpriseKey", Quirks{EnterpriseKey: Ignore}, key, `200 "D"`, "200 null"},
		{"ExtensionObject", Quirks{ExtensionObject: Replace}, object, `200 "D"`, "200 null"},
		{"BooleanText", Quirks{BooleanText: Coerce}, boolean, "400 invalidValue true", "200 false"},
		{"BooleanText", Quirks{BooleanText: Ignore}, boolean, "400 invalidValue true", "200 true"},
		{"BooleanText", Quirks{BooleanText: Store}, boolean, "400 invalidValue true", `200 "False"`},
		{"BooleanText", Quirks{BooleanText: NotFound}, boolean, "400 invalidValue true", "404 true"},
		{"ManagerText", Quirks{ManagerText: Coerce}, manager, "400 invalidValue null", `200 "m"`},
		{"ManagerText", Quirks{ManagerText: Store}, stored, "400 invalidValue null", `200 "m"`},
		{"CapitalOp", Quirks{CapitalOp: Refuse}, capital, `200 "N"`, `400 invalidSyntax "T"`},
		{"CapitalOp", Quirks{CapitalOp: NotImplemented}, capital, `200 "N"`, `501 "T"`},
		{"RemoveAbsent", Quirks{RemoveAbsent: Refuse}, onUser("nickName", `{"op":"remove","path":"nickName"}`), "200 null", gone},
		{"MalformedPath", Quirks{MalformedPath: Drop}, malformed, "400 invalidPath true", "0 false"},
		{"MalformedPath", Quirks{MalformedPath: Ignore}, malformed, "400 invalidPath true", "200 true"},
		{"PatchNotAtomic", Quirks{PatchNotAtomic: true}, partly, `400 invalidValue "T"`, `400 invalidValue "N"`},
		{"Clear", Quirks{Clear: Refuse}, clear1, "200 null", `400 invalidValue "T"`},
		{"Clear", Quirks{Clear: Ignore}, clear1, "200 null", `200 "T"`},
		{"PatchActiveOnly", Quirks{PatchActiveOnly: true}, onUser("title", `{"op":"replace","path":"title","value":"N"}`), `200 "N"`, `400 mutability "T"`},
		{"DisableDeletes", Quirks{DisableDeletes: true}, inWorld(func(w world) string {
			w.do("PATCH", "/Users/"+w.a, patchBody(`{"op":"replace","path":"active","value":false}`))
			return code(w.do("GET", "/Users/"+w.a, ""))
		}), "200", "404"},
		{"OpsPerPatch", Quirks{OpsPerPatch: 1}, onUser("title", `{"op":"remove","path":"title"}`, `{"op":"remove","path":"nickName"}`), "200 null", `400 invalidValue "T"`},
	}
}

func valueHabits() []habit {
	made := func(rest string) func(*client) string { return post("/Users", newUser(rest)) }
	return []habit{
		{"EmptyString", Quirks{EmptyString: Refuse}, made(`"userName":"z","title":""`), "201", "400 invalidValue"},
		{"UserNameIsMail", Quirks{UserNameIsMail: true}, made(`"userName":"jörg@example.com"`), "201", "400 invalidValue"},
		{"UserNameLowered", Quirks{UserNameLowered: true}, func(c *client) string { return c.s.mustName(c.user("ZoE", "")) }, "ZoE", "zoe"},
		{"UserNameLength", Quirks{UserNameLength: 3}, made(`"userName":"zoey"`), "201", "400 invalidValue"},
		{"DisplayNameForbids", Quirks{DisplayNameForbids: "@"}, made(`"userName":"z","displayName":"z@z"`), "201", "400 invalidValue"},
		{"Required", Quirks{Required: []string{"displayName", `emails[type eq "work"].value`}}, made(`"userName":"z","displayName":"z"`), "201", "400 invalidValue"},
		{"RequiredConflict", Quirks{Required: []string{"displayName"}, RequiredConflict: true}, made(`"userName":"z"`), "201", "409"},
		{"SingleValues", Quirks{SingleValues: true}, made(`"userName":"z","emails":[{"value":"1"},{"value":"2"}]`), "201", "400 invalidValue"},
	}
}

func (s *Server) mustName(id string) string {
	u, _ := s.User(id)
	return u.UserName
}
