package graph

import (
	"fmt"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/sources"
)

// FuzzPage reads arbitrary answers as pages of each stream: no panic, and a page that is
// taken has entries with ids.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"value":[{"id":"u1","userPrincipalName":"a@example.com","manager@delta":[{"id":"m","@removed":{}}]}],"@odata.nextLink":"http://h/x"}`,
		`{"value":[{"id":"g1","displayName":"G","members@delta":[{"id":"u"},{"id":"d","@odata.type":"#microsoft.graph.device"}]}]}`,
		`{"value":[{"principalId":"u","principalType":"User"}]}`, `{"value":[null]}`, `{"value":[{"id":1}]}`, `{"value":{}}`, `<html>`,
		`{"value":[{"id":"x","@removed":1}],"@odata.deltaLink":7}`,
	} {
		f.Add([]byte(seed))
	}
	q := sources.Query{UserAttributes: []string{"manager", "originalUserPrincipalName"}, GroupAttributes: []string{"id"}}
	f.Fuzz(func(t *testing.T, text []byte) {
		for p := phaseUsers; p <= phaseAssignments; p++ {
			body, err := parsePage(OpUsersDelta, text)
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

// BenchmarkUsersPage decodes a page of 200 users with the properties of the default
// mapping.
func BenchmarkUsersPage(b *testing.B) {
	body := usersPage(200)
	q := sources.Query{UserAttributes: defaultAttributes()}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		p, err := parsePage(OpUsersDelta, body)
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
