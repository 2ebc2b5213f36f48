package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// managerAttribute and managerPath make up the row that is a reference rather than a
// value: another user's id, which only the engine can resolve.
const (
	managerAttribute = "manager"
	managerPath      = "user." + managerAttribute
)

// row is one compiled row.
type row struct {
	path      string
	target    target
	from      *expression // nil: constant
	constant  any
	create    bool
	sensitive bool
	match     int
}

// tableSpec is what a table is compiled from.
type tableSpec struct {
	resource   sinks.Resource
	rows       []Row
	needsMatch bool
	lang       *language
	report     reporter
}

// compileTable compiles the rows of one kind of object. What it reports makes the result
// unusable.
func compileTable(spec tableSpec) *Table {
	t := &Table{Active: -1, variable: spec.lang.variable}
	var seen []placed
	matches := map[int]int{}
	for i, raw := range spec.rows {
		report := reporter{fmt.Sprintf("%s[%d]", spec.report.field, i), spec.report.into}
		target, ok := checkTarget(spec.resource, raw.To, report.at(".to"))
		if ok {
			checkOverlap(target, seen, report.at(".to"))
			seen = append(seen, placed{target, i})
		}
		checkRow(raw, target, report)
		if first, taken := matches[raw.Match]; taken && raw.Match > 0 {
			report.at(".match").add("row %d has precedence %d already", first, raw.Match)
		}
		matches[raw.Match] = i
		t.add(raw, target, compileSource(raw, spec.lang, report))
	}
	delete(matches, 0)
	if spec.needsMatch && len(matches) == 0 {
		spec.report.add("no row says `match: 1`: without one an account that exists already could not be found, and would be made twice")
	}
	t.arrange()
	return t
}

// placed is a target and the row it stands in.
type placed struct {
	target
	row int
}

// checkTarget parses a row's target and refuses the attributes that a client can't set.
func checkTarget(resource sinks.Resource, path string, report reporter) (target, bool) {
	t, err := parseTarget(path)
	if err != nil {
		report.add("%s: %s", path, err)
		return target{}, false
	}
	switch root := t.root(); {
	case root == "id" || root == "meta" || root == "schemas":
		report.add("%s is set by the application and can't be mapped (RFC 7643 section 3.1)", path)
	case root == "groups" && resource == sinks.User:
		report.add("groups is read-only on users (RFC 7643 section 4.1.2); members are written on groups")
	case root == sinks.PathMembers:
		report.add("members are provisioned by the job itself and can't be mapped")
	case root == sinks.PathActive && (resource != sinks.User || t.sub != "" || len(t.filter) > 0):
		report.add("active is a plain attribute of users")
	default:
		return t, true
	}
	return t, false
}

func checkOverlap(t target, seen []placed, report reporter) {
	for _, other := range seen {
		switch {
		case t.key() == other.key():
			report.add("row %d sets %s already", other.row, t.key())
		case t.overlaps(other.target):
			report.add("row %d sets %s, which holds or is held by %s: the two would undo each other", other.row, other.key(), t.key())
		}
	}
}

// checkRow checks what does not depend on the expression.
func checkRow(raw Row, t target, report reporter) {
	create := raw.When == whenCreate
	if raw.When != "" && raw.When != whenAlways && !create {
		report.at(".when").add("%q: write always or create", raw.When)
	}
	hasFrom := strings.TrimSpace(raw.From) != ""
	switch {
	case hasFrom == (raw.Value != nil):
		report.add("exactly one of from and value is needed")
	case !hasFrom:
		checkConstant(raw.Value, report.at(".value"))
	}
	owned := t.key() == sinks.PathActive || isReference(raw, t)
	if raw.Match != 0 {
		checkMatch(raw, owned, report.at(".match"))
	}
	if create && owned {
		report.at(".when").add("%s is kept right by the job itself: leave `when` out", raw.To)
	}
}

// checkMatch checks a row by which existing accounts are looked for. Owned attributes are
// those whose value the job has a part in.
func checkMatch(raw Row, owned bool, report reporter) {
	switch {
	case raw.Match < 0:
		report.add("a precedence is 1 or more")
	case raw.When == whenCreate:
		report.add("a matching attribute can't be limited to creation: write `when: always`")
	case strings.TrimSpace(raw.From) == "":
		report.add("a constant can't tell people apart")
	case owned:
		report.add("%s can't tell people apart", raw.To)
	}
}

func checkConstant(value any, report reporter) {
	v, err := normalise(value)
	switch v.(type) {
	case string, bool, float64:
		return
	}
	switch {
	case err != nil:
		report.add("%s", err)
	case v == nil:
		report.add("the constant is empty")
	default:
		report.add("a constant is a string, true, false or a number")
	}
}

// compileSource compiles a row's expression; nil for constants and faulty ones.
func compileSource(raw Row, lang *language, report reporter) *expression {
	if strings.TrimSpace(raw.From) == "" {
		return nil
	}
	return lang.compile(raw.From, report.at(".from"))
}

// isReference says whether a row points at another user.
func isReference(raw Row, t target) bool {
	return t.key() == strings.ToLower(sinks.PathManager) && strings.TrimSpace(raw.From) == managerPath
}

// add appends a compiled row; arrange puts the rows in order.
func (t *Table) add(raw Row, target target, from *expression) {
	if isReference(raw, target) {
		t.Reference, t.ReferenceSensitive = true, raw.Sensitive
		return
	}
	constant, _ := normalise(raw.Value) // checkConstant has reported the error
	t.rows = append(t.rows, row{
		path: raw.To, target: target, from: from, constant: constant,
		create: raw.When == whenCreate, match: raw.Match,
		// A password never appears in a log, whatever the row says.
		sensitive: raw.Sensitive || target.root() == "password",
	})
}

// arrange sorts the rows by path, so that the order of Values is the same for every
// mapping that has the same fingerprint, and fills the exported columns.
func (t *Table) arrange() {
	slices.SortFunc(t.rows, func(a, b row) int { return strings.Compare(a.path, b.path) })
	for i, r := range t.rows {
		t.Paths = append(t.Paths, r.path)
		t.CreateOnly = append(t.CreateOnly, r.create)
		t.Sensitive = append(t.Sensitive, r.sensitive)
		if r.match > 0 {
			t.Match = append(t.Match, i)
		}
		if r.target.key() == sinks.PathActive {
			t.Active = i
		}
	}
	slices.SortFunc(t.Match, func(a, b int) int { return t.rows[a].match - t.rows[b].match })
}
