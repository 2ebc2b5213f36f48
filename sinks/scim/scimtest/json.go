package scimtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
)

// fieldOK finds a key without regard to letter case (RFC 7643 section 2.1).
func fieldOK(m map[string]any, name string) (any, bool) {
	if v, ok := m[name]; ok {
		return v, true
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

func field(m map[string]any, name string) any {
	v, _ := fieldOK(m, name)
	return v
}

func hasSchema(body map[string]any, urn string) bool {
	list, _ := field(body, "schemas").([]any)
	return slices.ContainsFunc(list, func(v any) bool {
		s, ok := v.(string)
		return ok && strings.EqualFold(s, urn)
	})
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// object reads exactly one JSON object.
func object(raw []byte) (map[string]any, error) {
	var m map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&m); err != nil {
		return nil, bad("invalidSyntax", "body is no JSON object: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, bad("invalidSyntax", "text after the JSON object")
	}
	if m == nil {
		return nil, bad("invalidSyntax", "body is null")
	}
	return m, nil
}
