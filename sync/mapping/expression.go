package mapping

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// expression is a compiled "from" or scope expression: a plain path, or a CEL program. It
// may be used by many goroutines at once.
type expression struct {
	text    string
	plain   plainPath   // set for plain paths
	program cel.Program // set otherwise
	kind    *cel.Type   // what the program gives, dyn when that depends on the object
	reads   reads
}

// language compiles the expressions over one variable.
type language struct {
	variable string
	env      *cel.Env
}

func newLanguage(variable string) (*language, error) {
	env, err := newEnv(variable)
	if err != nil {
		return nil, err
	}
	return &language{variable: variable, env: env}, nil
}

// compile compiles an expression and reports every mistake in it. The result is nil
// exactly when something was reported.
func (l *language) compile(text string, report reporter) *expression {
	if path, ok := parsePlain(text, l.variable); ok {
		text = strings.TrimSpace(text)
		return &expression{
			text: text, plain: path, kind: cel.DynType,
			reads: reads{attributes: map[string]bool{path[0].key: true}, paths: map[string]bool{text: true}},
		}
	}
	parsed, issues := l.env.Parse(text)
	if issues.Err() != nil {
		l.reportIssues(issues, report)
		return nil
	}
	reads := readsOf(parsed.NativeRep(), l.variable)
	for _, at := range reads.bare {
		report.addAt(at.Line(), at.Column()+1, fmt.Sprintf("%s alone can't be used: name an attribute, as in %s.displayName", l.variable, l.variable))
	}
	rewrite(parsed)
	checked, issues := l.env.Check(parsed)
	if issues.Err() != nil {
		l.reportIssues(issues, report)
		return nil
	}
	program, err := l.env.Program(checked, cel.EvalOptions(cel.OptOptimize),
		cel.CostTracking(costs{}), cel.CostLimit(costLimit))
	if err != nil {
		report.add("%s", celMessage(err.Error()))
		return nil
	}
	if len(reads.bare) > 0 {
		return nil
	}
	return &expression{text: text, program: program, kind: checked.OutputType(), reads: reads}
}

func (l *language) reportIssues(issues *cel.Issues, report reporter) {
	for _, e := range issues.Errors() {
		report.addAt(max(e.Location.Line(), 1), max(e.Location.Column(), 0)+1, celMessage(e.Message))
	}
}

// celMessage leaves out what only a reader of CEL's source could use.
func celMessage(message string) string {
	message, _, _ = strings.Cut(message, " (in container '')")
	message, _, _ = strings.Cut(message, " expecting ") // often every token there is
	if strings.Contains(message, "token recognition error at: '=") {
		return "= is no operator: == compares"
	}
	return strings.ReplaceAll(strings.TrimPrefix(message, "Syntax error: "), "'@", "'")
}

// object is one person or group as expressions see it. CEL's view of the attributes is
// made only when an expression needs it.
type object struct {
	variable string
	attrs    map[string]any
	shown    ref.Val
}

// ResolveName returns the attributes under the name of the variable.
func (o *object) ResolveName(name string) (any, bool) {
	if name != o.variable {
		return nil, false
	}
	if o.shown == nil {
		o.shown = adapter{types.DefaultTypeAdapter}.NativeToValue(o.attrs)
	}
	return o.shown, true
}

// Parent returns nil: there is no wider scope.
func (o *object) Parent() cel.Activation { return nil }

// value evaluates the expression to a normalised value.
func (e *expression) value(o *object) (any, error) {
	if e.plain != nil {
		return normalise(e.plain.follow(o.attrs))
	}
	out, err := e.run(o)
	if err != nil {
		return nil, err
	}
	return fromCEL(out)
}

// holds evaluates the expression as a condition. Nothing counts as false.
func (e *expression) holds(o *object) (bool, error) {
	var out any
	var err error
	if e.plain != nil {
		out = e.plain.follow(o.attrs)
	} else if out, err = e.condition(o); err != nil {
		return false, err
	}
	switch v := out.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	default:
		return false, fmt.Errorf("the result is %s, not true or false", kindOf(out))
	}
}

func (e *expression) condition(o *object) (any, error) {
	out, err := e.run(o)
	if err != nil {
		return nil, err
	}
	if b, ok := out.(types.Bool); ok {
		return bool(b), nil
	}
	return fromCEL(out)
}

func (e *expression) run(o *object) (ref.Val, error) {
	out, _, err := e.program.Eval(o)
	if err != nil {
		return nil, runError(err)
	}
	return out, nil
}

// quoted is a text in an error of CEL's functions: `parsing "x": invalid syntax`.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// runError words an error of an evaluation. It leaves out the values that CEL quotes,
// which may be personal.
func runError(err error) error {
	if strings.Contains(err.Error(), "cost limit") {
		return errors.New("the expression does too much for one object")
	}
	return errors.New(quoted.ReplaceAllString(celMessage(err.Error()), `"…"`))
}

// kindOf names the kind of a value without showing it: it may be personal.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	default:
		return "a number"
	}
}
