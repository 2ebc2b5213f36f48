package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar decodes one word, number or text.
func (d *decoder) scalar(key string, node ast.Node, into reflect.Value) {
	text, isText, ok := d.text(key, node)
	if !ok {
		return
	}
	if _, null := node.(*ast.NullNode); null {
		return
	}
	if into.Kind() == reflect.String && !isText {
		// A number would pass as text, but what was meant is not certain: 0123 may be
		// a number to its writer, and 1e5 is text to YAML.
		d.reportAt(key, complain("expected a string, not %s", nameOf(node)).withHint("put it in quotes"))
		return
	}
	switch target := into.Addr().Interface().(type) {
	case *time.Duration:
		parsed, err := parseDuration(text)
		if err != nil {
			d.reportAt(key, complain("%s", err))
			return
		}
		*target = parsed
	case encoding.TextUnmarshaler:
		d.unmarshalText(key, text, target)
	case *any:
		*target = d.constant(node, text, isText)
	default:
		d.basic(key, word{node: node, text: text, isText: isText}, into)
	}
}

// text returns a scalar as text, with references replaced. isText is false for numbers,
// booleans and null as YAML reads them.
func (d *decoder) text(key string, node ast.Node) (text string, isText, ok bool) {
	switch n := node.(type) {
	case *ast.LiteralNode:
		text, isText = n.Value.Value, true
	case *ast.StringNode:
		text, isText = n.Value, true
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		d.reportAt(key, complain("expected a single value, not %s", nameOf(node)))
		return "", false, false
	default:
		return node.GetToken().Value, false, true
	}
	expanded, err := d.refs.expand(text)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			d.reportAt(key, complain("%s", strings.TrimSuffix(line, "\n")))
		}
		return "", true, false
	}
	if expanded != text {
		d.expanded[node] = true
	}
	return expanded, isText, true
}

// unmarshalText decodes into a type that reads itself from text.
func (d *decoder) unmarshalText(key, text string, target encoding.TextUnmarshaler) {
	err := target.UnmarshalText([]byte(text))
	if err == nil {
		return
	}
	c := complain("%s", err)
	if w, ok := target.(worded); ok {
		if near := nearest(text, w.Words()); near != "" {
			c = c.withHint("did you mean %q?", near)
		}
	}
	d.reportAt(key, c)
}

// constant is a value whose type is the one that YAML gives it, as JSON would hold it.
func (d *decoder) constant(node ast.Node, text string, isText bool) any {
	switch n := node.(type) {
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		if f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64); err == nil && !isText {
			return f
		}
	}
	return text
}

// word is a scalar on its way into a Go value.
type word struct {
	node   ast.Node
	text   string
	isText bool
}

// basic decodes strings, numbers and booleans. Text is not taken for a number, unless it
// came from a reference, which is always text.
func (d *decoder) basic(key string, w word, into reflect.Value) {
	convertible := !w.isText || d.expanded[w.node]
	switch into.Kind() {
	case reflect.String:
		into.SetString(w.text)
	case reflect.Bool:
		b, err := strconv.ParseBool(w.text)
		if err != nil || !convertible {
			d.reportAt(key, complain("expected true or false, not %s", nameOf(w.node)))
			return
		}
		into.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(w.text, 10, 64)
		if err != nil || !convertible || into.OverflowInt(n) {
			d.reportAt(key, complain("expected a whole number, not %s", nameOf(w.node)))
			return
		}
		into.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(w.text, 64)
		if err != nil || !convertible {
			d.reportAt(key, complain("expected a number, not %s", nameOf(w.node)))
			return
		}
		into.SetFloat(f)
	default:
		panic(fmt.Sprintf("config: no way to decode a %s at %s", into.Type(), key))
	}
}

// nameOf says in words what a node is.
func nameOf(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode:
		return "a whole number"
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.NullNode, nil:
		return "nothing"
	default:
		return "a string"
	}
}
