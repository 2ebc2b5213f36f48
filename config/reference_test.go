package config_test

import (
	"encoding"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sources/file"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/okta"
)

const referencePath = "../docs/configuration.md"

// setting is one key as the types know it.
type setting struct {
	words  []string // of an enumeration
	preset string   // the default, as the file would have it; empty for none
}

// settings lists every key of the configuration by its section and name. Sections are
// named as in the reference: NAME for a free key, [] for an element of a list, and the
// type in brackets for a source or sink.
func settings() map[string]setting {
	out := map[string]setting{}
	walk(out, "", reflect.ValueOf(new(config.Config)).Elem())
	for section, variant := range map[string]any{
		"sources.NAME (graph)": new(graph.Config), "sources.NAME (okta)": new(okta.Config),
		"sources.NAME (file)": new(file.Config), "sinks.NAME (scim)": new(scim.Config),
	} {
		out[section+" type"] = setting{}
		walk(out, section, reflect.ValueOf(variant).Elem())
	}
	return out
}

func walk(out map[string]setting, section string, v reflect.Value) {
	if d, ok := v.Addr().Interface().(interface{ SetDefaults() }); ok {
		d.SetDefaults()
	}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		out[section+" "+name] = describe(v.Field(i))
		below := strings.TrimPrefix(section+"."+name, ".")
		if inner, suffix := structOf(v.Field(i).Type()); inner != nil {
			walk(out, below+suffix, reflect.New(inner).Elem())
		}
	}
}

// structOf returns the struct that a field's type holds, and what its path ends in.
// Sources and sinks are left out: their keys depend on their type.
func structOf(t reflect.Type) (inner reflect.Type, suffix string) {
	switch {
	case t.Kind() == reflect.Pointer:
		t = t.Elem()
	case t.Kind() == reflect.Map:
		t, suffix = t.Elem(), ".NAME"
	case t.Kind() == reflect.Slice:
		t, suffix = t.Elem(), "[]"
	}
	if t.Kind() == reflect.Slice {
		t, suffix = t.Elem(), "[]"
	}
	union := t == reflect.TypeFor[config.Source]() || t == reflect.TypeFor[config.Sink]()
	if t.Kind() != reflect.Struct || union || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil, ""
	}
	return t, suffix
}

func describe(v reflect.Value) setting {
	var s setting
	if w, ok := v.Interface().(interface{ Words() []string }); ok {
		s.words = w.Words()
	}
	if w, ok := reflect.Zero(elem(v.Type())).Interface().(interface{ Words() []string }); ok {
		s.words = w.Words()
	}
	switch value := v.Interface().(type) {
	case time.Duration:
		if value != 0 {
			s.preset = short(value)
		}
	case encoding.TextMarshaler:
		if text, err := value.MarshalText(); err == nil && !v.IsZero() {
			s.preset = string(text)
		}
	case string, int:
		if !v.IsZero() {
			s.preset = fmt.Sprint(value)
		}
	}
	return s
}

func elem(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice {
		return t.Elem()
	}
	return t
}

// short writes a duration as people do: 40m, 1h, 30d.
func short(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d%day == 0 && d != day:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
}

var (
	heading  = regexp.MustCompile("^#+ .*`")
	path     = regexp.MustCompile("`([^`]+)`")
	tableRow = regexp.MustCompile("^\\| `([a-z0-9_]+)` \\|([^|]*)\\|([^|]*)\\|([^|]*)\\|$")
)

// documented reads the reference: the default and meaning of every key by section.
func documented(t *testing.T) map[string][2]string {
	t.Helper()
	text, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][2]string{}
	sections := []string{""}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if heading.MatchString(line) {
			sections = nil
			for _, m := range path.FindAllStringSubmatch(line, -1) {
				sections = append(sections, m[1])
			}
			continue
		}
		m := tableRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for _, s := range sections {
			if _, twice := out[s+" "+m[1]]; twice {
				t.Errorf("%s: %q is described twice in %q", referencePath, m[1], s)
			}
			out[s+" "+m[1]] = [2]string{strings.TrimSpace(m[3]), m[2] + m[4]}
		}
	}
	return out
}

// TestReference holds docs/configuration.md against the types: the same keys, the same
// defaults, every word of every enumeration.
func TestReference(t *testing.T) {
	want, got := settings(), documented(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("keys (-types +reference):\n%s", diff)
	}
	for key, s := range want {
		row, ok := got[key]
		if !ok {
			continue
		}
		if s.preset != "" && row[0] != "`"+s.preset+"`" {
			t.Errorf("%s: the default is %q, the reference says %q", key, s.preset, row[0])
		}
		for _, word := range s.words {
			if !strings.Contains(row[1], "`"+word+"`") {
				t.Errorf("%s: the reference does not mention %q", key, word)
			}
		}
	}
}
