package okta_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/okta"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

// BenchmarkFullRound reads an org of a million users over loopback, and reports what the
// heap holds in the middle of it, emulator included.
func BenchmarkFullRound(b *testing.B) {
	const users = 1_000_000
	org := oktatest.New(oktatest.Options{Token: token})
	org.Seed(users, func(i int) map[string]any { return person(fmt.Sprint("p", i)) })
	server := httptest.NewServer(org)
	defer server.Close()
	cfg := okta.Config{BaseURL: server.URL, Auth: okta.Auth{Type: okta.AuthAPIToken, Token: token}}
	idle := &http.Transport{}
	defer idle.CloseIdleConnections()
	transport, err := okta.Transport(cfg, okta.Limit(idle, quiet()))
	if err != nil {
		b.Fatal(err)
	}
	source := okta.New(cfg, plainClient{cfg.Base(), &http.Client{Transport: transport}}, quiet())
	for b.Loop() {
		seen, pages, at := 0, 0, sources.Cursor("")
		for done := false; !done; pages++ {
			p, err := source.Read(b.Context(), sources.Query{UserAttributes: []string{"email", "login", "title"}}, at)
			if err != nil {
				b.Fatal(err)
			}
			seen += len(p.Users)
			at, done = p.Cursor, p.Done
			if pages == 2500 {
				b.ReportMetric(heap(), "MB-heap")
			}
		}
		if seen != users {
			b.Fatalf("%d users, want %d", seen, users)
		}
		org.ForgetRequests()
	}
	b.ReportMetric(users*float64(b.N)/b.Elapsed().Seconds(), "users/s")
}

func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// BenchmarkEmulator measures one page of the emulator alone, at the end of a large org.
func BenchmarkEmulator(b *testing.B) {
	org := oktatest.New(oktatest.Options{Token: token})
	org.Seed(1_000_000, func(i int) map[string]any { return person(fmt.Sprint("p", i)) })
	req := httptest.NewRequest(http.MethodGet, "/api/v1/users?limit=200&filter="+
		"lastUpdated+gt+%22"+time.Unix(0, 0).UTC().Format("2006-01-02T15:04:05.000Z")+"%22", nil)
	req.Header.Set("Authorization", "SSWS "+token)
	for b.Loop() {
		w := httptest.NewRecorder()
		org.ServeHTTP(w, req)
		if n, _ := io.Copy(io.Discard, w.Body); n < 200*100 || w.Code != http.StatusOK {
			b.Fatal(w.Code, n)
		}
		org.ForgetRequests()
	}
}
