package file_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/file"
)

// many writes a file of n people, about 150 bytes each.
func many(tb testing.TB, n int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "people.jsonl")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range n {
		_, _ = fmt.Fprintf(w, `{"id":"%08d","userName":"user%d@example.com","displayName":"User %d","title":"Engineer","department":"Research and development","manager":"%08d"}`+"\n", i, i, i, i/10)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

func read(tb testing.TB, s *file.Source, visit func(*sources.Page)) {
	tb.Helper()
	q := sources.Query{UserAttributes: []string{"department", "title"}}
	at := sources.Cursor("")
	for {
		page, err := s.Read(tb.Context(), q, at)
		if err != nil {
			tb.Fatal(err)
		}
		visit(page)
		if at = page.Cursor; page.Done {
			return
		}
	}
}

// TestMemory reads a file of 15 MB and looks at what is alive between the pages.
func TestMemory(t *testing.T) {
	const people = 100_000
	s := file.New(file.Config{Users: many(t, people)}, slog.New(slog.DiscardHandler))
	var seen, pages int
	var most uint64
	read(t, s, func(p *sources.Page) {
		seen += len(p.Users)
		if pages++; pages%20 != 0 {
			return
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	})
	if seen != people || pages < people/500 {
		t.Errorf("%d people in %d pages", seen, pages)
	}
	if limit := uint64(8 << 20); most > limit {
		t.Errorf("%d bytes alive, want at most %d: memory grows with the file", most, limit)
	}
}

func BenchmarkRound(b *testing.B) {
	const people = 20_000
	path := many(b, people)
	for b.Loop() {
		s := file.New(file.Config{Users: path}, slog.New(slog.DiscardHandler))
		read(b, s, func(*sources.Page) {})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/people, "ns/person")
}
