package config

import (
	"reflect"
	"strings"
)

// field is one key of a configuration struct.
type field struct {
	name  string
	value reflect.Value
	// path marks a file name: relative to the configuration file's folder. All keys
	// that end in `_file` are, and those tagged `path:"relative"`.
	path bool
}

// fieldsOf lists the keys of a struct. A field without a `yaml` tag is not a key; a
// struct tagged `,inline` gives its own keys.
func fieldsOf(v reflect.Value) []field {
	var out []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "" && options == "inline":
			out = append(out, fieldsOf(v.Field(i))...)
		case name != "" && name != "-" && f.IsExported():
			isPath := strings.HasSuffix(name, "_file") || f.Tag.Get("path") == "relative"
			out = append(out, field{name: name, value: v.Field(i), path: isPath})
		}
	}
	return out
}
