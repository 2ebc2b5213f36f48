package mapping

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// rewriter changes a parsed expression so that nothing means nothing everywhere, before
// CEL checks its types. CEL itself makes a missing key an error, and a null one in most
// functions; directories are full of both.
//
//	user.a.b, user.list[0]     null when the path leads nowhere
//	has(user.a)                true when there is a value
//	a && b, a || b, !a, a ? …  a path without a value counts as false
//	user.a < 3, matches        false without a value
//	in, size, exists, all, …   a path without a value is an empty list
//	x ? "a" : null             null goes with every type
//	replace, list.join         our own, which bound what they make
type rewriter struct {
	fac  ast.ExprFactory
	info *ast.SourceInfo
	next int64
}

// rewrite changes the expression in place.
func rewrite(parsed *cel.Ast) {
	native := parsed.NativeRep()
	r := &rewriter{fac: ast.NewExprFactory(), info: native.SourceInfo(), next: ast.MaxID(native) + 1}
	ast.PostOrderVisit(native.Expr(), ast.NewExprVisitor(r.visit))
}

// id returns a new id at the position of another expression, so that errors about what
// was put in point at what was written.
func (r *rewriter) id(at ast.Expr) int64 {
	id := r.next
	r.next++
	if place, ok := r.info.GetOffsetRange(at.ID()); ok {
		r.info.SetOffsetRange(id, place)
	}
	return id
}

// visit changes one expression; its parts have been changed already.
func (r *rewriter) visit(e ast.Expr) {
	switch e.Kind() {
	case ast.SelectKind:
		r.visitSelect(e)
	case ast.CallKind:
		r.visitCall(e)
	case ast.ComprehensionKind:
		r.visitComprehension(e)
	case ast.LiteralKind:
		if e.AsLiteral() == types.NullValue {
			e.SetKindCase(r.fac.NewCall(e.ID(), "dyn", r.fac.NewLiteral(r.id(e), types.NullValue)))
		}
	default: // names, lists and objects mean what they mean in CEL
	}
}

func (r *rewriter) visitSelect(e ast.Expr) {
	s := e.AsSelect()
	function := fnGet
	if s.IsTestOnly() {
		function = fnHas
	}
	field := r.fac.NewLiteral(r.id(e), types.String(s.FieldName()))
	e.SetKindCase(r.fac.NewCall(e.ID(), function, s.Operand(), field))
}

func (r *rewriter) visitCall(e ast.Expr) {
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.Index:
		e.SetKindCase(r.fac.NewCall(e.ID(), fnGet, args...))
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot:
		e.SetKindCase(r.fac.NewCall(e.ID(), name, r.conditions(args)...))
	case operators.Conditional:
		e.SetKindCase(r.fac.NewCall(e.ID(), name, r.condition(args[0]), args[1], args[2]))
	case operators.In:
		e.SetKindCase(r.fac.NewCall(e.ID(), name, args[0], r.list(args[1])))
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		r.guard(e, args...)
	default:
		if call.IsMemberFunction() {
			r.visitMethod(e, call)
		} else {
			r.visitFunction(e, call)
		}
	}
}

func (r *rewriter) visitMethod(e ast.Expr, call ast.CallExpr) {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case "matches":
		r.guard(e, call.Target())
	case "replace":
		e.SetKindCase(r.fac.NewCall(e.ID(), fnReplace, append([]ast.Expr{call.Target()}, args...)...))
	case "size":
		e.SetKindCase(r.fac.NewMemberCall(e.ID(), name, r.list(call.Target()), args...))
	case "join":
		if len(args) <= 1 {
			e.SetKindCase(r.fac.NewCall(e.ID(), name, r.list(call.Target()), r.separator(e, args)))
		}
	}
}

func (r *rewriter) visitFunction(e ast.Expr, call ast.CallExpr) {
	args := call.Args()
	switch name := call.FunctionName(); {
	case name == "size" && len(args) == 1:
		e.SetKindCase(r.fac.NewCall(e.ID(), name, r.list(args[0])))
	case name == "join" && len(args) == 2:
		e.SetKindCase(r.fac.NewCall(e.ID(), name, r.list(args[0]), args[1]))
	}
}

// separator returns the argument of list.join(), which may be left out.
func (r *rewriter) separator(e ast.Expr, args []ast.Expr) ast.Expr {
	if len(args) == 1 {
		return args[0]
	}
	return r.fac.NewLiteral(r.id(e), types.String(""))
}

// guard makes a test false when one of the paths it is about has no value.
func (r *rewriter) guard(e ast.Expr, operands ...ast.Expr) {
	guarded := r.fac.CopyExpr(e)
	guarded.RenumberIDs(func(int64) int64 { return r.id(e) })
	changed := false
	for _, operand := range operands {
		if !isPath(operand) {
			continue
		}
		null := r.fac.NewCall(r.id(e), "dyn", r.fac.NewLiteral(r.id(e), types.NullValue))
		absent := r.fac.NewCall(r.id(e), operators.Equals, operand, null)
		guarded = r.fac.NewCall(r.id(e), operators.Conditional, absent, r.fac.NewLiteral(r.id(e), types.False), guarded)
		changed = true
	}
	if changed {
		e.SetKindCase(guarded)
	}
}

func (r *rewriter) conditions(exprs []ast.Expr) []ast.Expr {
	out := make([]ast.Expr, len(exprs))
	for i, e := range exprs {
		out[i] = r.condition(e)
	}
	return out
}

func (r *rewriter) condition(e ast.Expr) ast.Expr {
	if !isPath(e) && !isCall(e, fnCoalesce) {
		return e
	}
	return r.fac.NewCall(r.id(e), fnTruth, e)
}

func (r *rewriter) list(e ast.Expr) ast.Expr {
	if !isPath(e) {
		return e
	}
	return r.fac.NewCall(r.id(e), fnList, e)
}

func (r *rewriter) visitComprehension(e ast.Expr) {
	c := e.AsComprehension()
	over := r.list(c.IterRange())
	if c.HasIterVar2() {
		e.SetKindCase(r.fac.NewComprehensionTwoVar(e.ID(), over, c.IterVar(), c.IterVar2(), c.AccuVar(),
			c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()))
		return
	}
	e.SetKindCase(r.fac.NewComprehension(e.ID(), over, c.IterVar(), c.AccuVar(),
		c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()))
}

// isPath says whether an expression, once changed, is a path.
func isPath(e ast.Expr) bool { return isCall(e, fnGet) }

func isCall(e ast.Expr, function string) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == function
}
