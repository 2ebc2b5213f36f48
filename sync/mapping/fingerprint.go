package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// fingerprintVersion is raised when the meaning of a mapping changes without its text,
// so that the next cycle compares every object anew.
const fingerprintVersion = 1

// rowPrint is what a fingerprint knows of a row.
type rowPrint struct {
	Path, From string
	Constant   any
	Create     bool
	Match      int
}

// Fingerprint identifies the rows of one table, without the scope.
func (t *Table) Fingerprint() string { return digest(t.print()) }

// print lists the rows; they are sorted by path already.
func (t *Table) print() any {
	rows := make([]rowPrint, len(t.rows))
	for i, r := range t.rows {
		rows[i] = rowPrint{Path: r.path, Constant: r.constant, Create: r.create, Match: r.match}
		if r.from != nil {
			rows[i].From = strings.TrimSpace(r.from.text)
		}
	}
	return []any{rows, t.Reference}
}

func (m *Mapping) makeFingerprint() string {
	return digest([]any{
		m.users.print(), m.groups.print(),
		m.scope.App, strings.TrimSpace(m.scope.Users), strings.TrimSpace(m.scope.Groups),
	})
}

// digest returns 32 hexadecimal digits. JSON of the values above can't fail.
func digest(of any) string {
	text, _ := json.Marshal([]any{fingerprintVersion, of})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
