package mapping

import (
	"fmt"
	"math"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

// The functions that rewrite puts into an expression. The @ keeps them out of reach of
// whoever writes expressions.
const (
	fnGet      = "@get"
	fnHas      = "@has"
	fnTruth    = "@truth"
	fnList     = "@list"
	fnCoalesce = "@coalesce"
	fnReplace  = "@replace"
)

// newEnv returns the CEL environment of expressions over one variable, "user" or "group".
func newEnv(variable string) (*cel.Env, error) {
	env, err := cel.NewEnv(append([]cel.EnvOption{
		cel.Variable(variable, cel.DynType),
		cel.CustomTypeAdapter(adapter{types.DefaultTypeAdapter}),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.EnableMacroCallTracking(),
		cel.EnableIdentifierEscapeSyntax(),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxNesting),
		ext.Strings(),
		cel.Macros(cel.GlobalVarArgMacro("coalesce", expandCoalesce)),
	}, functions()...)...)
	if err != nil {
		return nil, fmt.Errorf("make the environment of expressions: %w", err)
	}
	return env, nil
}

// functions declares what the expressions have beside CEL's own functions and the
// standard string extension.
func functions() []cel.EnvOption {
	dyn, text := cel.DynType, cel.StringType
	opts := []cel.EnvOption{
		cel.Function("join", cel.Overload("join_list_string",
			[]*cel.Type{cel.ListType(dyn), text}, dyn, cel.BinaryBinding(join))),
		cel.Function(fnCoalesce, cel.Overload("coalesce_list",
			[]*cel.Type{cel.ListType(dyn)}, dyn, cel.UnaryBinding(coalesce))),
		cel.Function(fnGet, cel.Overload("get_dyn_dyn",
			[]*cel.Type{dyn, dyn}, dyn, cel.BinaryBinding(get))),
		cel.Function(fnHas, cel.Overload("has_dyn_dyn",
			[]*cel.Type{dyn, dyn}, cel.BoolType, cel.BinaryBinding(has))),
		cel.Function(fnReplace,
			cel.Overload("replace_3", []*cel.Type{dyn, text, text}, dyn, cel.FunctionBinding(replace)),
			cel.Overload("replace_4", []*cel.Type{dyn, text, text, cel.IntType}, dyn, cel.FunctionBinding(replace))),
		cel.Function(fnTruth, cel.Overload("truth_dyn",
			[]*cel.Type{dyn}, cel.BoolType, cel.UnaryBinding(truth))),
		cel.Function(fnList, cel.Overload("list_dyn",
			[]*cel.Type{dyn}, dyn, cel.UnaryBinding(emptyIfNull))),
	}
	opts = append(opts, caseFunction("lower", strings.ToLower)...)
	opts = append(opts, caseFunction("upper", strings.ToUpper)...)
	for _, name := range []string{"startsWith", "endsWith", "contains"} {
		opts = append(opts, nullTest(name))
	}
	return append(opts, nullFunctions()...)
}

// nullTest makes a test of strings false when either side is null.
func nullTest(name string) cel.EnvOption {
	text, null := cel.StringType, cel.NullType
	no := cel.BinaryBinding(func(_, _ ref.Val) ref.Val { return types.False })
	return cel.Function(name,
		cel.MemberOverload("null_"+name+"_string", []*cel.Type{null, text}, cel.BoolType, no),
		cel.MemberOverload("string_"+name+"_null", []*cel.Type{text, null}, cel.BoolType, no),
		cel.MemberOverload("null_"+name+"_null", []*cel.Type{null, null}, cel.BoolType, no))
}

// nullFunctions lets the methods of the string extension be called on null. The types of
// their arguments are repeated so that a wrong one is still found when compiling.
func nullFunctions() []cel.EnvOption {
	text, number := cel.StringType, cel.IntType
	var opts []cel.EnvOption
	for _, f := range []struct {
		name string
		args []*cel.Type
	}{
		{"charAt", []*cel.Type{number}},
		{"indexOf", []*cel.Type{text}},
		{"indexOf", []*cel.Type{text, number}},
		{"lastIndexOf", []*cel.Type{text}},
		{"lastIndexOf", []*cel.Type{text, number}},
		{"lowerAscii", nil},
		{"upperAscii", nil},
		{"reverse", nil},
		{"split", []*cel.Type{text}},
		{"split", []*cel.Type{text, number}},
		{"substring", []*cel.Type{number}},
		{"substring", []*cel.Type{number, number}},
		{"trim", nil},
	} {
		opts = append(opts, nullMember(f.name, f.args...))
	}
	return opts
}

// nullMember lets a method of strings be called on null: a function of nothing is nothing.
func nullMember(name string, arguments ...*cel.Type) cel.EnvOption {
	var binding cel.OverloadOpt
	switch len(arguments) {
	case 0:
		binding = cel.UnaryBinding(func(ref.Val) ref.Val { return types.NullValue })
	case 1:
		binding = cel.BinaryBinding(func(_, _ ref.Val) ref.Val { return types.NullValue })
	default:
		binding = cel.FunctionBinding(func(...ref.Val) ref.Val { return types.NullValue })
	}
	id := fmt.Sprintf("null_%s_%d", name, len(arguments))
	args := append([]*cel.Type{cel.NullType}, arguments...)
	return cel.Function(name, cel.MemberOverload(id, args, cel.NullType, binding))
}

// caseFunction declares lower(x) and x.lower(), which know all of Unicode. The extension
// has only lowerAscii.
func caseFunction(name string, change func(string) string) []cel.EnvOption {
	text, null := []*cel.Type{cel.StringType}, []*cel.Type{cel.NullType}
	of := cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(change(string(v.(types.String)))) })
	none := cel.UnaryBinding(func(ref.Val) ref.Val { return types.NullValue })
	return []cel.EnvOption{cel.Function(name,
		cel.Overload(name+"_string", text, cel.StringType, of),
		cel.Overload(name+"_null", null, cel.NullType, none),
		cel.MemberOverload("string_"+name, text, cel.StringType, of),
		cel.MemberOverload("null_"+name, null, cel.NullType, none))}
}

// join puts the strings of a list together with a separator, leaving out those that are null or empty.
// With nothing left the result is null, not "".
func join(list, separator ref.Val) ref.Val {
	elements, ok := list.(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(list)
	}
	between := string(separator.(types.String))
	size, _ := elements.Size().(types.Int)
	parts := make([]string, 0, size)
	length := 0
	for i := range size {
		switch v := elements.Get(i).(type) {
		case types.Null:
		case types.String:
			if v == "" {
				continue
			}
			if length += len(v) + len(between); length > maxText {
				return types.NewErr("join would make more than %d bytes", maxText)
			}
			parts = append(parts, string(v))
		case *types.Err:
			return v
		default:
			return types.NewErr("join takes strings, not a %s", v.Type().TypeName())
		}
	}
	if len(parts) == 0 {
		return types.NullValue
	}
	return types.String(strings.Join(parts, between))
}

// expandCoalesce lets coalesce take any number of arguments.
func expandCoalesce(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if len(args) == 0 {
		return nil, f.NewError(f.NewList().ID(), "coalesce needs at least one argument")
	}
	return f.NewCall(fnCoalesce, f.NewList(args...)), nil
}

// coalesce returns the first element that is neither null nor empty, else the last.
func coalesce(list ref.Val) ref.Val {
	elements, ok := list.(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(list)
	}
	var v ref.Val = types.NullValue
	size, _ := elements.Size().(types.Int)
	for i := range size {
		v = elements.Get(i)
		if v != types.NullValue && v != types.String("") {
			return v
		}
	}
	return v
}

// get is a step of a path: what leads nowhere is null.
func get(from, key ref.Val) ref.Val {
	switch v := from.(type) {
	case traits.Mapper:
		if found, ok := v.Find(key); ok {
			return found
		}
		return types.NullValue
	case traits.Lister:
		i, ok := key.(types.Int)
		size, _ := v.Size().(types.Int)
		if ok && i >= 0 && i < size {
			return v.Get(i)
		}
		return types.NullValue
	default:
		return types.NullValue
	}
}

// has says whether a step of a path leads to a value.
func has(from, key ref.Val) ref.Val { return types.Bool(get(from, key) != types.NullValue) }

// truth takes a value of unknown type as a condition: null is false, and what is neither
// true nor false is an error rather than a guess.
func truth(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Bool:
		return v
	case types.Null:
		return types.False
	default:
		return types.NewErr("a %s is used where true or false is needed", v.Type().TypeName())
	}
}

// emptyIfNull takes null as a list without elements.
func emptyIfNull(v ref.Val) ref.Val {
	if v == types.NullValue {
		return types.DefaultTypeAdapter.NativeToValue([]ref.Val{})
	}
	return v
}

// adapter shows JSON values to CEL. Whole numbers become CEL's int: `user.level + 1`
// works and string(1234567) isn't "1.234567e+06", though JSON knows no integers.
type adapter struct{ types.Adapter }

// NativeToValue converts a Go value to a CEL value.
func (a adapter) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case string:
		return types.String(v)
	case float64:
		const exact = 1 << 53 // above it a float64 may stand for several integers
		if v == math.Trunc(v) && math.Abs(v) <= exact {
			return types.Int(v)
		}
		return types.Double(v)
	case map[string]any:
		return types.NewStringInterfaceMap(a, v)
	case []any:
		return types.NewDynamicList(a, v)
	default:
		return a.Adapter.NativeToValue(value)
	}
}
