package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the test's own executable play the roles.
func TestMain(m *testing.M) {
	if os.Getenv("IDPBRIDGE_BENCH_ROLE") == "" {
		os.Exit(m.Run())
	}
	if _, err := Main(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// The whole measurement works at a small size: what must be exact is exact, every row has
// a figure, and the page and its plots are written. Time is not judged.
func TestSmall(t *testing.T) {
	r, err := Run(t.Context(), Options{N: 200, Turns: 1, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	rows := Rows(r)
	if len(rows) < 15 {
		t.Errorf("%d rows", len(rows))
	}
	for _, row := range rows {
		if row.Verdict == Missed {
			t.Errorf("%s: %s, and it must be %s", row.Work, row.Figure, row.Bar)
		}
		if !(row.Ratio > 0) {
			t.Errorf("%s has no figure: %+v", row.Work, row)
		}
	}
	if got, want := r.Side.Requests.POST, int64(200+4); got != want {
		t.Errorf("the initial cycle sent %d POST, want %d", got, want)
	}
	dir := t.TempDir()
	if err := Write(dir, r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if !strings.Contains(string(text), row.Work) {
			t.Errorf("performance.md lacks %q", row.Work)
		}
	}
	for _, name := range []string{"rates", "short", "memory"} {
		svg, err := os.ReadFile(filepath.Join(dir, "performance", name+".svg"))
		if err != nil || !bytes.Contains(svg, []byte("<svg")) {
			t.Errorf("%s.svg: %v", name, err)
		}
	}
}

// Changes and faults of a few cycles are survived, and the samples are printed.
func TestSoakRuns(t *testing.T) {
	var out bytes.Buffer
	if err := Soak(t.Context(), SoakOptions{People: 300, Cycles: 20, Dir: t.TempDir()}, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if n := strings.Count(out.String(), "\n"); n != 21 {
		t.Errorf("%d lines were printed:\n%s", n, out.String())
	}
}

// What grows is noticed, and noise is not.
func TestFlat(t *testing.T) {
	samples := func(growth float64) []Sample {
		out := make([]Sample, 20)
		for i := range out {
			out[i] = Sample{HeapMB: 20 + growth*float64(i) + float64(i%3), Goroutines: 30, FileMB: 40}
		}
		return out
	}
	if err := flat(samples(0)); err != nil {
		t.Errorf("noise was taken for growth: %v", err)
	}
	if err := flat(samples(2)); err == nil || !strings.Contains(err.Error(), "heap") {
		t.Errorf("growth was not noticed: %v", err)
	}
}
