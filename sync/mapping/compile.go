package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
)

// Defaults are a source's default rows, used for a table that the job leaves empty.
type Defaults struct {
	Users, Groups []sources.DefaultRow
}

// Mapping is a job's compiled mapping and scope. It doesn't change and may be used by
// many goroutines at once.
type Mapping struct {
	users, groups         *Table
	scope                 Scope
	inUsers, inGroups     *expression // nil: everyone
	userReads, groupReads []string
	userLang, groupLang   *language
	fingerprint           string
	noGroups              bool
}

// The words for Row.When and Scope.Groups.
const (
	whenAlways = "always"
	whenCreate = "create"
	noGroups   = "none"
)

// Compile checks and compiles a job's mapping and scope. Its error is a Problems with
// every mistake found.
func Compile(spec Spec, scope Scope, defaults Defaults) (*Mapping, error) {
	m := &Mapping{scope: scope, noGroups: strings.TrimSpace(scope.Groups) == noGroups}
	var err error
	if m.userLang, err = newLanguage("user"); err != nil {
		return nil, err
	}
	if m.groupLang, err = newLanguage("group"); err != nil {
		return nil, err
	}
	var problems Problems
	m.users = compileTable(tableSpec{
		resource: sinks.User, rows: rowsOf(spec.Users, defaults.Users), needsMatch: true,
		lang: m.userLang, report: reporter{"users", &problems},
	})
	m.groups = compileTable(tableSpec{
		resource: sinks.Group, rows: rowsOf(spec.Groups, defaults.Groups), needsMatch: !m.noGroups,
		lang: m.groupLang, report: reporter{"groups", &problems},
	})
	m.inUsers = compileScope(m.userLang, scope.Users, reporter{"scope.users", &problems})
	if !m.noGroups {
		m.inGroups = compileScope(m.groupLang, scope.Groups, reporter{"scope.groups", &problems})
	}
	if len(problems) > 0 {
		return nil, problems
	}
	m.userReads = attributesOf(m.users, m.inUsers)
	if !m.noGroups {
		m.groupReads = attributesOf(m.groups, m.inGroups)
	}
	m.fingerprint = m.makeFingerprint()
	return m, nil
}

// rowsOf returns the configured rows, or the defaults when there are none.
func rowsOf(configured []Row, defaults []sources.DefaultRow) []Row {
	if len(configured) > 0 {
		return configured
	}
	rows := make([]Row, len(defaults))
	for i, d := range defaults {
		rows[i] = Row{To: d.To, From: d.From, Match: d.Match}
		if d.CreateOnly {
			rows[i].When = whenCreate
		}
	}
	return rows
}

// compileScope compiles a filter; an empty one keeps everybody.
func compileScope(lang *language, text string, report reporter) *expression {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	e := lang.compile(text, report)
	if e == nil {
		return nil
	}
	if kind := e.kind.TypeName(); kind != "bool" && kind != "dyn" {
		report.addAt(1, 1, fmt.Sprintf("a scope is a condition, true or false; this is a %s", kind))
	}
	return e
}

// attributesOf lists the source attributes that a table and a filter read, sorted.
func attributesOf(t *Table, filter *expression) []string {
	all := map[string]bool{}
	for _, r := range t.rows {
		if r.from != nil {
			maps.Copy(all, r.from.reads.attributes)
		}
	}
	if t.Reference {
		all[managerAttribute] = true
	}
	if filter != nil {
		maps.Copy(all, filter.reads.attributes)
	}
	return slices.Sorted(maps.Keys(all))
}

// Users returns the table of users.
func (m *Mapping) Users() *Table { return m.users }

// Groups returns the table of groups.
func (m *Mapping) Groups() *Table { return m.groups }

// UserAttributes returns the names of the source attributes of users that any row or the
// scope reads, sorted. "id" is among them when it is read; every source has it.
func (m *Mapping) UserAttributes() []string { return m.userReads }

// GroupAttributes is UserAttributes for groups.
func (m *Mapping) GroupAttributes() []string { return m.groupReads }

// Fingerprint identifies what the mapping and scope mean. It changes when rows or scope
// change, not when rows are only put in another order or spaces are added around an
// expression. Whether a row is sensitive is no part of it, since that changes nothing
// that is sent.
func (m *Mapping) Fingerprint() string { return m.fingerprint }
