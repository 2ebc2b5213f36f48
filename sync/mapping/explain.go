package mapping

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/idpbridge/idpbridge/sources"
)

// Explanation says why a filter keeps an object or doesn't.
type Explanation struct {
	// Expression is the filter as configured; empty when there is none.
	Expression string
	// InScope is what InScope returns.
	InScope bool
	// Operator joins the clauses: "&&", "||", or empty with one clause or none.
	Operator string
	Clauses  []Clause
	// Err is the *ScopeError of InScope, if it failed. A clause may fail without that:
	// `false && error` is false.
	Err error
}

// Clause is one operand of a filter's outermost operator.
type Clause struct {
	Text   string
	Result bool
	// Reads are the values that the clause reads, by path as written: `user.department`.
	// They are normalised as in Table.Values.
	Reads map[string]any
	Err   error
}

// Explain evaluates a filter clause by clause. Every clause is evaluated, also those that
// evaluation would pass over.
func (m *Mapping) Explain(kind sources.Kind, attrs map[string]any) Explanation {
	var x Explanation
	x.InScope, x.Err = m.InScope(kind, attrs)
	if kind == sources.KindGroup && m.noGroups {
		x.Expression = noGroups
		return x
	}
	filter, _ := m.filter(kind)
	if filter == nil {
		return x
	}
	x.Expression = filter.text
	lang := m.userLang
	if kind == sources.KindGroup {
		lang = m.groupLang
	}
	var texts []string
	x.Operator, texts = lang.split(filter.text)
	for _, text := range texts {
		x.Clauses = append(x.Clauses, lang.explain(text, attrs))
	}
	return x
}

// split takes a condition apart at its outermost operator. It compiled once already, so
// that parsing can't fail.
func (l *language) split(text string) (operator string, clauses []string) {
	parsed, issues := l.env.Parse(text)
	if issues.Err() != nil {
		return "", []string{text}
	}
	root := parsed.NativeRep().Expr()
	switch {
	case isCall(root, operators.LogicalAnd):
		operator = "&&"
	case isCall(root, operators.LogicalOr):
		operator = "||"
	default:
		return "", []string{text}
	}
	for _, operand := range flatten(root, root.AsCall().FunctionName()) {
		clause, err := cel.ExprToString(operand, parsed.NativeRep().SourceInfo())
		if err != nil {
			return "", []string{text}
		}
		clauses = append(clauses, clause)
	}
	return operator, clauses
}

// flatten lists the operands of a && b && c in order.
func flatten(e ast.Expr, operator string) []ast.Expr {
	if !isCall(e, operator) {
		return []ast.Expr{e}
	}
	var all []ast.Expr
	for _, operand := range e.AsCall().Args() {
		all = append(all, flatten(operand, operator)...)
	}
	return all
}

func (l *language) explain(text string, attrs map[string]any) Clause {
	c := Clause{Text: text, Reads: map[string]any{}}
	var problems Problems
	e := l.compile(text, reporter{"clause", &problems})
	if e == nil {
		c.Err = problems
		return c
	}
	o := &object{variable: l.variable, attrs: attrs}
	if c.Result, c.Err = e.holds(o); c.Err != nil {
		c.Err = &ScopeError{Expression: text, Err: c.Err}
	}
	for _, path := range e.reads.sortedPaths() {
		value, err := l.valueAt(path, o)
		if err != nil {
			value = nil // a value that can't be shown; the clause's own error says why
		}
		c.Reads[path] = value
	}
	return c
}

// valueAt returns the value at a path of the object.
func (l *language) valueAt(path string, o *object) (any, error) {
	var problems Problems
	e := l.compile(path, reporter{path, &problems})
	if e == nil {
		return nil, problems
	}
	return e.value(o)
}
