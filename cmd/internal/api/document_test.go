package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/cmd/internal/api"
)

// update is for go test ./cmd/internal/api -run Document -update.
var update = flag.Bool("update", false, "write docs/openapi.json anew")

const documentFile = "../../../docs/openapi.json"

// The document that is checked in is the one that the types give.
func TestDocument(t *testing.T) {
	doc, err := api.Document()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(documentFile, doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, doc) {
		t.Errorf("docs/openapi.json is not up to date, `make generate` writes it (-file +types):\n%s", cmp.Diff(string(have), string(doc)))
	}
}

// What is served is what is checked in.
func TestDocumentIsServed(t *testing.T) {
	r := newRig(t, setup{})
	got := r.do(ask{method: "GET", path: api.Prefix + "/openapi.json"})
	want, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	if got.status != http.StatusOK || !bytes.Equal(got.body, want) {
		t.Errorf("%d, differs (-file +served):\n%s", got.status, cmp.Diff(string(want), string(got.body)))
	}
	if ct := got.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type %q", ct)
	}
}

func loadDocument(t *testing.T) document {
	t.Helper()
	raw, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}
