package main

import (
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaCmd validates what the last command printed against a JSON Schema of docs/schema:
// `schema run`. Of `logs`, every line is a document.
func schemaCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: schema NAME")
	}
	schema, err := compileSchema(args[0])
	ts.Check(err)
	documents := []string{ts.ReadFile("stdout")}
	if args[0] == "logs" {
		documents = strings.Split(strings.TrimSpace(documents[0]), "\n")
	}
	for _, text := range documents {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		ts.Check(err)
		if err := schema.Validate(doc); err != nil {
			ts.Fatalf("%v\n%s", err, text)
		}
	}
}

func compileSchema(name string) (*jsonschema.Schema, error) {
	file, err := filepath.Abs(filepath.Join(schemaDir, name+".json"))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	return c.Compile(file)
}

// schemaDir is where the schemas lie, seen from this package.
const schemaDir = "../../docs/schema"
