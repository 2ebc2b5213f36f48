package okta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

// benchPage is a page of 200 users with 29 profile attributes, as of a well-kept org.
func benchPage(tb testing.TB) []byte {
	tb.Helper()
	var users []map[string]any
	for i := range 200 {
		profile := map[string]any{"login": fmt.Sprintf("user%d@example.com", i), "email": fmt.Sprintf("user%d@example.com", i), "secondEmail": nil}
		for _, name := range []string{
			"firstName", "lastName", "middleName", "honorificPrefix", "honorificSuffix", "title", "displayName", "nickName",
			"profileUrl", "primaryPhone", "mobilePhone", "streetAddress", "city", "state", "zipCode", "countryCode",
			"postalAddress", "preferredLanguage", "locale", "timezone", "userType", "employeeNumber", "costCenter",
			"organization", "division", "department",
		} {
			profile[name] = "value of " + name
		}
		users = append(users, map[string]any{
			"id": fmt.Sprintf("00u%017d", i), "status": "ACTIVE", "created": "2025-01-01T00:00:00.000Z",
			"activated": "2025-01-01T00:00:00.000Z", "statusChanged": nil, "lastLogin": nil,
			"lastUpdated": "2026-01-01T00:00:00.000Z", "passwordChanged": nil, "type": map[string]any{"id": "oty1"},
			"profile": profile, "_links": map[string]any{"self": map[string]any{"href": "https://acme.okta.com/api/v1/users/00u1"}},
		})
	}
	b, err := json.Marshal(users)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// BenchmarkUsers measures from the bytes of a page to the words of package sources.
func BenchmarkUsers(b *testing.B) {
	page := benchPage(b)
	names := want([]string{"city", "department", "displayName", "email", "employeeNumber", "firstName", "id", "lastName", "login", "mobilePhone", "status", "title"})
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		items, bad, err := decodeList[userEntry](bytes.NewReader(page))
		if err != nil || len(bad) > 0 || len(items) != 200 {
			b.Fatal(len(items), bad, err)
		}
		for _, e := range items {
			if u := e.user(statusRule{}, names); len(u.Attributes) != len(names) {
				b.Fatal(u.Attributes)
			}
		}
	}
	b.ReportMetric(200*float64(b.N)/b.Elapsed().Seconds(), "users/s")
}
