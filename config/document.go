package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxSize bounds a configuration file. A thousand jobs take about half of it.
const maxSize = 4 << 20

// position is a place in the file, both numbers from 1.
type position struct{ line, column int }

// spot is where a key of the configuration stands. An element of a list has no key; its
// position is that of its value.
type spot struct {
	key   position
	value ast.Node
}

// document is one configuration file while it is read: its text, where everything
// stands, and what was wrong so far.
type document struct {
	name     string
	lines    []string
	refs     *expander
	spots    map[string]spot
	anchors  map[string]ast.Node
	expanded map[ast.Node]bool // scalars that held a reference
	guessed  map[string]bool   // keys that were probably meant by an unknown one
	problems Problems
	unread   int // how many of the problems came from decoding
}

func newDocument(name string, data []byte, env func(string) (string, bool)) *document {
	return &document{
		name:     name,
		lines:    strings.Split(string(data), "\n"),
		refs:     &expander{env: env, dir: filepath.Dir(name), values: map[string]string{}},
		spots:    map[string]spot{},
		anchors:  map[string]ast.Node{},
		expanded: map[ast.Node]bool{},
		guessed:  map[string]bool{},
	}
}

// report adds a problem at a position.
func (d *document) report(at position, key string, p complaint) {
	d.problems = append(d.problems, Problem{
		File: d.name, Line: at.line, Column: at.column, Key: key,
		Message: d.refs.redact(p.message), Hint: d.refs.redact(p.hint),
	})
}

// complaint is what is wrong and what to do about it, without the place.
type complaint struct{ message, hint string }

func complain(format string, args ...any) complaint {
	return complaint{message: fmt.Sprintf(format, args...)}
}

func (c complaint) withHint(format string, args ...any) complaint {
	c.hint = fmt.Sprintf(format, args...)
	return c
}

// reportAt adds a problem at the value of a key. When the key is not in the file, the
// place is the nearest key above it.
func (d *document) reportAt(key string, p complaint) {
	if s, ok := d.spots[key]; ok && s.value != nil {
		d.report(d.start(s.value), key, p)
		return
	}
	for above := parentOf(key); above != ""; above = parentOf(above) {
		if s, ok := d.spots[above]; ok {
			d.report(s.key, key, p)
			return
		}
	}
	d.report(position{1, 1}, key, p)
}

// troubled says whether the key or something below it could not be read, so that no rule
// complains about what is wrong only for that reason.
func (d *document) troubled(key string) bool {
	if d.guessed[key] {
		return true
	}
	for _, p := range d.problems[:d.unread] {
		if k := p.Key; k == key || strings.HasPrefix(k, key+".") || strings.HasPrefix(k, key+"[") {
			return true
		}
	}
	return false
}

// parentOf returns the path of the key that holds this one, "" at the top.
func parentOf(key string) string {
	i := strings.LastIndexAny(key, ".[")
	if i < 0 {
		return ""
	}
	return key[:i]
}

// root parses the text and returns its only document's mapping, or nil with the problem
// reported.
func (d *document) root(data []byte) ast.Node {
	if len(data) > maxSize {
		d.report(position{1, 1}, "", complain("the file is larger than %d bytes", maxSize))
		return nil
	}
	// The parser checks duplicate keys itself, but stops at the first one.
	file, err := parser.ParseBytes(bytes.TrimPrefix(data, []byte("\ufeff")), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.reportSyntax(err)
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			d.report(d.start(doc.Body), "", complain("a second YAML document in the same file").withHint("one file holds one configuration"))
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		d.report(position{1, 1}, "", complain("the file is empty").withHint("the smallest configuration names one source, one sink and one job"))
		return nil
	}
	ast.Walk(anchorCollector(d.anchors), body)
	return body
}

func (d *document) reportSyntax(err error) {
	at, message := position{1, 1}, "not valid YAML"
	if e, ok := err.(yaml.Error); ok { //nolint:errorlint // the parser returns it unwrapped; yaml.Error is an interface
		message += ": " + e.GetMessage()
		if tk := e.GetToken(); tk != nil {
			at = positionOf(tk)
		}
	}
	c := complaint{message: message}
	if at.line <= len(d.lines) && strings.Contains(d.lines[at.line-1], "${") {
		c = c.withHint(`put a reference in quotes inside { } and [ ]: "${NAME}"`)
	}
	d.report(at, "", c)
}

// anchorCollector notes the node behind every &anchor.
type anchorCollector map[string]ast.Node

// Visit implements ast.Visitor.
func (c anchorCollector) Visit(node ast.Node) ast.Visitor {
	if a, ok := node.(*ast.AnchorNode); ok {
		c[a.Name.GetToken().Value] = a.Value
	}
	return c
}

// resolve follows anchors and aliases to the node that holds the value. The step limit
// ends an anchor that holds itself.
func (d *document) resolve(node ast.Node) ast.Node {
	for range 10 {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.AliasNode:
			node = d.anchors[n.Value.GetToken().Value]
		default:
			return node
		}
	}
	return nil
}

// start returns where a node's text begins. A mapping's own token is its first colon, so
// its first key stands for it.
func (d *document) start(node ast.Node) position {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return positionOf(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return positionOf(n.Key.GetToken())
	case nil:
		return position{1, 1}
	}
	return positionOf(node.GetToken())
}

func positionOf(tk *token.Token) position {
	if tk == nil || tk.Position == nil {
		return position{1, 1}
	}
	return position{max(tk.Position.Line, 1), max(tk.Position.Column, 1)}
}
