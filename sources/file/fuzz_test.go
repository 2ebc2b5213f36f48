package file_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/file"
)

// FuzzPages holds for every content: reading it row by row, each from where the last one
// ended, gives the same people, bad rows and lines as reading it in one page.
func FuzzPages(f *testing.F) {
	for _, text := range []string{
		"id,mail\n1,a\n2,\n", "\ufeffid,x\r\n1,\"a\r\nb\"\r\n\r\n2,c", "id,x\n1,a \"b\" c\n2,\"d\n3,e\n", "x,id\n1,2,3\n4,5\n",
	} {
		f.Add(text, true)
	}
	for _, text := range []string{`{"id":"1"}` + "\n\n" + `{"id":2}`, "[]\n" + `{"id":"1"}` + "\r\n" + `{"id":"1"}`, "\ufeff{}\n"} {
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, isCSV bool) {
		cfg := file.Config{Format: "jsonl", PageSize: 1 << 20}
		if isCSV {
			cfg.Format = "csv"
		}
		whole, wholeErr := readAll(t, directory(t, text, "", cfg), sources.Query{})
		cfg.PageSize = 1
		rows, rowsErr := readAll(t, directory(t, text, "", cfg), sources.Query{})
		if sources.ClassOf(wholeErr) != sources.ClassOf(rowsErr) {
			t.Fatalf("one page: %v; row by row: %v", wholeErr, rowsErr)
		}
		if diff := cmp.Diff(summary(whole), summary(rows)); diff != "" {
			t.Errorf("(-one page +row by row):\n%s", diff)
		}
	})
}

func summary(p sources.Page) []string {
	var out []string
	for _, u := range p.Users {
		out = append(out, string(u.ID))
	}
	for _, b := range p.Bad {
		out = append(out, string(b.ID)+": "+b.Err.Error())
	}
	return out
}
