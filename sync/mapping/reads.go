package mapping

import (
	"maps"
	"slices"
	"strconv"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// reads is what an expression takes from its variable.
type reads struct {
	attributes map[string]bool // first names, what a source is asked for
	paths      map[string]bool // whole paths as written, what is shown to people
	bare       []common.Location
}

// readsOf finds every use of the variable in an expression as it was parsed, before
// rewrite. A use without a name, such as user alone or user[user.x], is listed in bare:
// nobody could say which attributes to ask the source for.
func readsOf(parsed *ast.AST, variable string) reads {
	r := reads{attributes: map[string]bool{}, paths: map[string]bool{}}
	inner := map[int64]bool{} // operands of a longer path, or of the name after the variable
	ast.PreOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if inner[e.ID()] {
			return
		}
		if e.Kind() == ast.IdentKind && e.AsIdent() == variable {
			r.bare = append(r.bare, parsed.SourceInfo().GetStartLocation(e.ID()))
			return
		}
		text, first, ids := pathOf(e, variable)
		if first == "" {
			return
		}
		r.attributes[first] = true
		r.paths[text] = true
		for _, id := range ids {
			inner[id] = true
		}
	}))
	return r
}

// pathOf returns an expression's text and first name when it is a path from the variable
// whose steps are all constants, and the ids of the expressions along it.
func pathOf(e ast.Expr, variable string) (text, first string, ids []int64) {
	operand, name, suffix := stepOf(e)
	if operand == nil {
		return "", "", nil
	}
	if operand.Kind() == ast.IdentKind && operand.AsIdent() == variable {
		if name == "" {
			return "", "", nil
		}
		return variable + suffix, name, []int64{operand.ID()}
	}
	text, first, ids = pathOf(operand, variable)
	if first == "" {
		return "", "", nil
	}
	return text + suffix, first, append(ids, operand.ID())
}

// stepOf takes one step off a path: user.a → user, "a", ".a".
func stepOf(e ast.Expr) (operand ast.Expr, name, suffix string) {
	if e.Kind() == ast.SelectKind {
		s := e.AsSelect()
		return s.Operand(), s.FieldName(), "." + s.FieldName()
	}
	if !isCall(e, operators.Index) || e.AsCall().Args()[1].Kind() != ast.LiteralKind {
		return nil, "", ""
	}
	args := e.AsCall().Args()
	switch key := args[1].AsLiteral().(type) {
	case types.String:
		return args[0], string(key), "[" + strconv.Quote(string(key)) + "]"
	case types.Int:
		return args[0], "", "[" + strconv.FormatInt(int64(key), 10) + "]"
	default:
		return nil, "", ""
	}
}

func (r reads) sortedPaths() []string { return slices.Sorted(maps.Keys(r.paths)) }
