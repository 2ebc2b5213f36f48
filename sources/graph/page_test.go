package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
)

func pageSeeds() []string {
	return []string{
		`{"value":[{"id":"u1","userPrincipalName":"a@example.com","manager@delta":[{"id":"m","@removed":{}}]}],"@odata.nextLink":"http://h/x"}`,
		`{"value":[{"id":"g1","displayName":"G","members@delta":[{"id":"u"},{"id":"d","@odata.type":"#microsoft.graph.device"}]}]}`,
		`{"value":[{"principalId":"u","principalType":"User"}]}`, `{"value":[null]}`, `{"value":[{"id":1}]}`, `{"value":{}}`, `<html>`,
		`{"value":[{"id":"x","@removed":1}],"@odata.deltaLink":7}`,
		`{"value":[{"id":"\u0061\ud83d","city":null,"x":[],"b":true,"id":"b"}],"@odata.deltaLink":null}`, `{"value":[],"value":[]}`,
		"{\"value\":[{\"id\":\"\xff\",\"city\":1e5}],\"@odata.context\":\"\\x\"}", `{"value":[{"id":"a","other":1e999}]}`, `{"value":[]}]`, `{"VALUE":[]}`,
	}
}

// FuzzPage reads arbitrary answers as pages of each stream: no panic, and a page that is
// taken has entries with ids.
func FuzzPage(f *testing.F) {
	for _, seed := range pageSeeds() {
		f.Add([]byte(seed))
	}
	q := sources.Query{UserAttributes: []string{"manager", "originalUserPrincipalName"}, GroupAttributes: []string{"id"}}
	f.Fuzz(func(t *testing.T, text []byte) {
		for p := phaseUsers; p <= phaseAssignments; p++ {
			body, err := parsePage(OpUsersDelta, text, kept(q, p))
			if err != nil {
				if sources.ClassOf(err) != sources.Incomplete {
					t.Fatalf("class %v: %v", sources.ClassOf(err), err)
				}
				return
			}
			var page sources.Page
			if fill(&page, q, p, body.value) != nil {
				continue
			}
			for _, u := range page.Users {
				if u.ID == "" || u.Removal == sources.NotRemoved && u.UserName == "" {
					t.Fatalf("user without id or name in %q", text)
				}
			}
			for _, g := range page.Groups {
				if g.ID == "" {
					t.Fatalf("group without id in %q", text)
				}
			}
		}
	})
}

// plainPage decodes a page with encoding/json, and keeps some properties afterwards.
func plainPage(text []byte, keep names) (page pageBody, ok bool) {
	var all map[string]json.RawMessage
	var value []map[string]json.RawMessage
	var next, delta string
	if json.Unmarshal(text, &all) != nil || json.Unmarshal(all["value"], &value) != nil || value == nil {
		return page, false
	}
	for name, link := range map[string]*string{"@odata.nextLink": &next, "@odata.deltaLink": &delta} {
		if all[name] != nil && json.Unmarshal(all[name], link) != nil {
			return page, false
		}
	}
	page = pageBody{value: []map[string]any{}, next: next, delta: delta}
	for _, raw := range value {
		entry := map[string]any{}
		for name := range keep {
			var v any
			if raw[name] != nil && json.Unmarshal(raw[name], &v) != nil {
				return page, false
			}
			if raw[name] != nil {
				entry[name] = v
			}
		}
		page.value = append(page.value, entry)
	}
	page.ids = idsOf(page.value)
	return page, !slices.ContainsFunc(value, func(raw map[string]json.RawMessage) bool { return raw == nil })
}

// FuzzPageDifference holds pages to encoding/json: the same answers are taken for pages,
// with the same entries and links, unless they tell something twice.
func FuzzPageDifference(f *testing.F) {
	for _, seed := range pageSeeds() {
		f.Add([]byte(seed))
	}
	keep := keep("id", "city", "x", "b", "@removed", "members@delta")
	f.Fuzz(func(t *testing.T, text []byte) {
		want, ok := plainPage(text, keep)
		got, err := parsePage(OpUsersDelta, text, keep)
		if errors.Is(err, errTwice) {
			return
		}
		if ok != (err == nil) {
			t.Fatalf("encoding/json takes it: %v; error %v", ok, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(pageBody{})); ok && diff != "" {
			t.Fatalf("(-encoding/json +page):\n%s", diff)
		}
	})
}

// TestTwice: a page that names its list or a link twice may hide people.
func TestTwice(t *testing.T) {
	for _, text := range []string{
		`{"value":[{"id":"a"}],"value":[]}`, `{"value":[],"v\u0061lue":[{"id":"a"}]}`,
		`{"value":[],"@odata.nextLink":"a","@odata.nextLink":"b"}`, `{"value":[],"@odata.deltaLink":"a","@odata.deltaLink":null}`,
	} {
		if _, err := parsePage(OpUsersDelta, []byte(text), keep("id")); !errors.Is(err, errTwice) || sources.ClassOf(err) != sources.Incomplete {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// BenchmarkUsersPage decodes a page of 200 users with the properties of the default
// mapping.
func BenchmarkUsersPage(b *testing.B) {
	body := usersPage(200)
	q := sources.Query{UserAttributes: defaultAttributes()}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		p, err := parsePage(OpUsersDelta, body, kept(q, phaseUsers))
		if err != nil {
			b.Fatal(err)
		}
		var page sources.Page
		if err := fill(&page, q, phaseUsers, p.value); err != nil || len(page.Users) != 200 || len(page.Bad) > 0 {
			b.Fatal(err, len(page.Users), page.Bad)
		}
	}
	b.ReportMetric(float64(200*b.N)/b.Elapsed().Seconds(), "users/s")
}

func defaultAttributes() []string {
	return strings.Split("businessPhones,city,country,department,displayName,employeeId,faxNumber,givenName,jobTitle,mail,mailNickname,manager,mobilePhone,officeLocation,postalCode,preferredLanguage,state,streetAddress,surname,userPrincipalName,userType", ",")
}

func usersPage(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users","@odata.nextLink":"https://graph.microsoft.com/v1.0/users/delta?$skiptoken=x","value":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"00000000-0000-4000-8000-%012x","userPrincipalName":"person%06[1]d@example.com","accountEnabled":true,
"displayName":"José Person %06[1]d","jobTitle":"Engineer","mail":"person%06[1]d@mail.example.com","preferredLanguage":"en-GB",
"givenName":"José","surname":"Person","officeLocation":"12/3456","streetAddress":"1 High Street","city":"London","state":null,
"postalCode":"N1 9GU","country":"GB","businessPhones":["+44 20 7946 0%06[1]d"],"mobilePhone":null,"faxNumber":null,
"mailNickname":"person%06[1]d","employeeId":"E%06[1]d","department":"Research","userType":"Member",
"manager@delta":[{"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000001"}]}`, i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}
