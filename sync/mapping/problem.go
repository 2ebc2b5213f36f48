package mapping

import (
	"fmt"
	"strings"
)

// Problem is one mistake in a configured mapping or scope, placed so that whoever read the
// configuration can point at it.
type Problem struct {
	// Field is the setting within the job: "users[3].from", "groups", "scope.users".
	// Rows are counted from 0, in the order of the configuration.
	Field string
	// Line and Column, from 1, are the position within the expression; 0 when the
	// problem isn't in an expression.
	Line, Column int
	// Message says what is wrong and, where that is not obvious, what to write instead.
	Message string
}

// Error returns "field:line:column: message".
func (p Problem) Error() string {
	if p.Line == 0 {
		return p.Field + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.Field, p.Line, p.Column, p.Message)
}

// Problems are all mistakes of one job, in the order of the configuration. Compile
// returns it as its error; it is never empty then.
type Problems []Problem

// Error returns the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// reporter collects the problems of one field.
type reporter struct {
	field string
	into  *Problems
}

// at returns a reporter for a part of the field, such as ".from".
func (r reporter) at(suffix string) reporter { return reporter{r.field + suffix, r.into} }

// add reports a problem of the field as a whole.
func (r reporter) add(format string, args ...any) {
	*r.into = append(*r.into, Problem{Field: r.field, Message: fmt.Sprintf(format, args...)})
}

// addAt reports a problem at a position of the field's expression.
func (r reporter) addAt(line, column int, message string) {
	*r.into = append(*r.into, Problem{Field: r.field, Line: line, Column: column, Message: message})
}
