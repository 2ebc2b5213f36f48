package mapping_test

import (
	"testing"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

// entra is the size and mix of Entra's default table: plain paths and one expression.
func entra(t testing.TB) *mapping.Table {
	t.Helper()
	rows := []mapping.Row{{To: "userName", From: "user.userPrincipalName", Match: 1}}
	for to, from := range map[string]string{
		"displayName": "user.displayName", "title": "user.jobTitle", `emails[type eq "work"].value`: "user.mail",
		"preferredLanguage": "user.preferredLanguage", "name.givenName": "user.givenName", "name.familyName": "user.surname",
		"name.formatted":                          `join([user.givenName, user.surname], " ")`,
		`addresses[type eq "work"].formatted`:     "user.officeLocation",
		`addresses[type eq "work"].streetAddress`: "user.streetAddress", `addresses[type eq "work"].locality`: "user.city",
		`addresses[type eq "work"].region`: "user.state", `addresses[type eq "work"].postalCode`: "user.postalCode",
		`addresses[type eq "work"].country`: "user.country", `phoneNumbers[type eq "work"].value`: "user.businessPhones[0]",
		`phoneNumbers[type eq "mobile"].value`: "user.mobilePhone", `phoneNumbers[type eq "fax"].value`: "user.faxNumber",
		"externalId": "user.mailNickname",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "user.employeeId",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":     "user.department",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager":        "user.manager",
	} {
		rows = append(rows, mapping.Row{To: to, From: from})
	}
	return compile(t, mapping.Spec{Users: rows}, mapping.Scope{}).Users()
}

var person = map[string]any{
	"id": "8f7a2f1e-0000-4000-8000-000000000001", "userPrincipalName": "ada.lovelace@example.com", "displayName": "Ada Lovelace",
	"jobTitle": "Analyst", "mail": "ada.lovelace@example.com", "givenName": "Ada", "surname": "Lovelace",
	"officeLocation": "12/3", "city": "London", "country": "GB", "businessPhones": []any{"+44 20 7946 0000"},
	"mailNickname": "ada.lovelace", "employeeId": "100234", "department": "Engines", "state": nil,
}

// perSecond reports a rate, for the bar of 100,000 users a second.
func perSecond(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "users/s") }

func BenchmarkValues(b *testing.B) {
	table := entra(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Values(person); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b)
}

func BenchmarkScope(b *testing.B) {
	m := compile(b, mapping.Spec{}, mapping.Scope{Users: `user.department == "Engines" && user.mail.endsWith("@example.com")`})
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := m.InScope(sources.KindUser, person); !ok {
			b.Fatal(ok, err)
		}
	}
	perSecond(b)
}

func BenchmarkEncode(b *testing.B) {
	values, err := entra(b).Values(person)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(mapping.Encode(values)) == 0 {
			b.Fatal("nothing")
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	values, err := entra(b).Values(person)
	if err != nil {
		b.Fatal(err)
	}
	data := mapping.Encode(values)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapping.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	values, err := entra(b).Values(person)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var sum uint64
	for b.Loop() {
		sum ^= mapping.Hash(values)
	}
	_ = sum
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := mapping.Compile(mapping.Spec{}, mapping.Scope{Users: `user.a == "b"`}, defaults); err != nil {
			b.Fatal(err)
		}
	}
}
