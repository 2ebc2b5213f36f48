package graph

import (
	"slices"

	"github.com/idpbridge/idpbridge/sources"
)

// names are the properties of an entry that are kept. The values are the names again, so
// that all entries of a page share one string.
type names map[string]string

func keep(properties ...string) names {
	n := make(names, len(properties))
	for _, name := range properties {
		n[name] = name
	}
	return n
}

// kept returns the properties of a phase's entries that are looked at.
func kept(q sources.Query, p phase) names {
	switch p {
	case phaseGroups:
		return keep(append(groupSelect(q), "@removed", "members@delta")...)
	case phaseAssignments:
		return keep("id", "principalId", "principalType")
	case phaseUsers:
	}
	return keep(append(userSelect(q), "@removed", "manager@delta")...)
}

// unasked returns the names that are kept for the reader alone: not asked for by the query,
// or a relationship, which is no attribute.
func unasked(kept names, asked []string, relationship string) []string {
	var out []string
	for name := range kept {
		if name == relationship || !slices.Contains(asked, name) {
			out = append(out, name)
		}
	}
	return out
}

// only takes the unasked properties out of an entry, which leaves its attributes.
func only(entry map[string]any, unasked []string) map[string]any {
	for _, name := range unasked {
		delete(entry, name)
	}
	return entry
}
