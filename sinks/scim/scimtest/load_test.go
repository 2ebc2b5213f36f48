package scimtest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

func BenchmarkCreateUser(b *testing.B) {
	s := New(Options{NoLog: true})
	n := 0
	for b.Loop() {
		n++
		body := fmt.Appendf(nil, `{"schemas":[%q],"userName":"u%d@example.com","externalId":"x%d","active":true,"displayName":"User %d",`+
			`"name":{"givenName":"U","familyName":"N%d"},"emails":[{"type":"work","primary":true,"value":"u%d@example.com"}]}`, userURN, n, n, n, n, n)
		req := httptest.NewRequest("POST", "/scim/v2/Users", bytes.NewReader(body))
		req.Header.Set("Content-Type", scimJSON)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, req); w.Code != http.StatusCreated {
			b.Fatal(w.Code, w.Body)
		}
	}
}

func BenchmarkLargeGroup(b *testing.B) {
	s := New(Options{NoLog: true})
	ids := make([]string, 100_000)
	for i := range ids {
		ids[i] = s.AddUser(map[string]any{"userName": fmt.Sprint("u", i)})
	}
	g := s.AddGroup("everyone", ids...)
	i := 0
	for b.Loop() {
		id := ids[i%len(ids)]
		i++
		body := patchBody(`{"op":"remove","path":"members[value eq \"`+id+`\"]"}`, `{"op":"add","path":"members","value":`+memberValues(id)+`}`)
		req := httptest.NewRequest("PATCH", "/scim/v2/Groups/"+g, bytes.NewReader([]byte(body)))
		req.Header.Set("Content-Type", scimJSON)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, req); w.Code != http.StatusNoContent {
			b.Fatal(w.Code, w.Body)
		}
	}
}

func BenchmarkListPage(b *testing.B) {
	s := New(Options{NoLog: true})
	for i := range 100_000 {
		s.AddUser(map[string]any{"userName": fmt.Sprint("u", i), "externalId": fmt.Sprint("x", i)})
	}
	for _, path := range []string{"?startIndex=99000&count=100", "?filter=userName+eq+%22u77777%22", "?filter=externalId+eq+%22x77777%22"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				if s.ServeHTTP(w, httptest.NewRequest("GET", "/scim/v2/Users"+path, nil)); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
