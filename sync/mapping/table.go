package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Table is the compiled rows of one kind of object. The slices are columns: index i of
// each belongs to the same row. They are not to be changed.
type Table struct {
	// Paths are the target paths, in an order that depends on the paths alone. The
	// row of the manager is not among them; see Reference.
	Paths []string
	// CreateOnly marks attributes that are sent when the account is made, then left to
	// the application.
	CreateOnly []bool
	// Sensitive marks attributes whose values are redacted before anything about them
	// is stored or shown.
	Sensitive []bool
	// Match are the indices of the matching attributes, in the order to try them.
	Match []int
	// Active is the index of the row for `active`, or -1. Its value is true, false or
	// an error, never nil.
	Active int
	// Reference is set when the table has the row that maps user.manager to the
	// enterprise manager. Its value is another user's source id, which the source gives
	// as User.Manager; only the engine can turn it into an id of the application.
	Reference bool
	// ReferenceSensitive is Sensitive for that row.
	ReferenceSensitive bool

	variable string
	rows     []row
}

// ValueError says which row could not be evaluated for an object. It doesn't hold the
// object's values, which may be personal.
type ValueError struct {
	Path string // the target path
	From string // the expression
	Err  error
}

// Error returns "path: expression: cause".
func (e *ValueError) Error() string { return fmt.Sprintf("%s: %s: %s", e.Path, e.From, e.Err) }

// Unwrap returns the cause.
func (e *ValueError) Unwrap() error { return e.Err }

// Values evaluates the rows for one object, given its source attributes (package sources
// says in which forms). The result is aligned with Paths; each value is nil, string,
// bool, float64, []any or map[string]any. An empty string or list is nil, since neither
// differs from no value for those who read an account. An error is a *ValueError; there
// are no values then, as a part of them could only do harm.
func (t *Table) Values(attrs map[string]any) ([]any, error) {
	o := object{variable: t.variable, attrs: attrs}
	values := make([]any, len(t.rows))
	for i := range t.rows {
		r := &t.rows[i]
		if r.from == nil {
			values[i] = r.constant
			continue
		}
		v, err := r.from.value(&o)
		if err == nil && i == t.Active {
			v, err = activeValue(v)
		}
		if err != nil {
			return nil, &ValueError{Path: r.path, From: r.from.text, Err: err}
		}
		values[i] = v
	}
	return values, nil
}

// activeValue makes sure that active is true or false. Nothing is neither: taking it for
// false would disable people over a missing attribute, for true enable them.
func activeValue(value any) (any, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case string:
		if strings.EqualFold(v, "true") {
			return true, nil
		}
		if strings.EqualFold(v, "false") {
			return false, nil
		}
	case nil:
		return nil, errors.New("active needs true or false, and the result is nothing; coalesce(…, true) gives it a default")
	}
	return nil, fmt.Errorf("active needs true or false, and the result is %s", kindOf(value))
}

// Reads returns the names of the source attributes that row i reads, sorted.
func (t *Table) Reads(i int) []string {
	if t.rows[i].from == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(t.rows[i].from.reads.attributes))
}

// From returns the expression of row i, or the constant as text.
func (t *Table) From(i int) string {
	if t.rows[i].from == nil {
		return fmt.Sprintf("%v", t.rows[i].constant)
	}
	return t.rows[i].from.text
}
