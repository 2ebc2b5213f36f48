package config

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/idpbridge/idpbridge/sync/mapping"
)

// Mapping returns a job's compiled mapping and scope. Load has compiled it before, so an
// error means that the job is not from a loaded configuration.
func (c *Config) Mapping(job Job) (*mapping.Mapping, error) {
	return mapping.Compile(job.Mapping, job.Scope, c.Sources[job.Source].Defaults())
}

// compile reports what is wrong with a job's expressions, each at its own place.
func (j Job) compile(doc *document, source Source) {
	if source.Type() == "" {
		return // without a source there are no default rows; that is reported already
	}
	_, err := mapping.Compile(j.Mapping, j.Scope, source.Defaults())
	problems, ok := errors.AsType[mapping.Problems](err)
	if !ok && err != nil {
		doc.rule("jobs."+j.Name, complain("%s", err))
	}
	for _, p := range problems {
		key := "jobs." + j.Name + "." + p.Field
		if !strings.HasPrefix(p.Field, "scope.") {
			key = "jobs." + j.Name + ".mapping." + p.Field
		}
		doc.ruleInside(key, p)
	}
}

// ruleInside reports a problem at a place inside a key's text.
func (d *document) ruleInside(key string, p mapping.Problem) {
	if d.troubled(key) {
		return
	}
	s, ok := d.spots[key]
	if !ok || p.Line == 0 {
		d.reportAt(key, complaint{message: p.Message})
		return
	}
	d.report(d.inside(d.resolve(s.value), position{p.Line, p.Column}), key, complaint{message: p.Message})
}

// inside returns the place in the file of a place in a scalar's text. The place is exact
// for block scalars and for text on one line; otherwise it is where the text begins.
func (d *document) inside(node ast.Node, at position) position {
	start := d.start(node)
	if node == nil || d.expanded[node] {
		return start
	}
	if literal, ok := node.(*ast.LiteralNode); ok {
		return d.insideBlock(literal, start, at)
	}
	text := node.GetToken().Value
	if at.line > 1 || strings.Contains(text, "\n") || start.line > len(d.lines) {
		return start
	}
	line := []rune(d.lines[start.line-1])
	if start.column <= len(line) && (line[start.column-1] == '"' || line[start.column-1] == '\'') {
		start.column++
	}
	return position{start.line, start.column + at.column - 1}
}

// insideBlock is inside for | and > scalars. Lines folded by > are one line to the
// expression; their place is the block's first line.
func (d *document) insideBlock(literal *ast.LiteralNode, start, at position) position {
	line := start.line + at.line
	if literal.Start.Value[0] != '|' || line > len(d.lines) {
		return start
	}
	text := d.lines[line-1]
	indent := len(text) - len(strings.TrimLeft(text, " "))
	if first := d.lines[start.line]; at.line > 1 {
		indent = len(first) - len(strings.TrimLeft(first, " "))
	}
	return position{line, indent + at.column}
}
