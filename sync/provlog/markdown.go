package provlog

import (
	"fmt"
	"strings"
)

// Markdown returns the catalogue as the page docs/errors.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Error codes

Every failed, skipped or put-off change in the provisioning log, every object in escrow and every error of
the API has one of these codes, the words of whoever failed, and advice. A code never changes its meaning.

<!-- Generated from sync/provlog/catalogue.go: go test ./sync/provlog -run TestErrorsPage -update -->
`)
	for _, section := range Catalogue() {
		fmt.Fprintf(&b, "\n## %s\n\n| code | meaning | what to do |\n|---|---|---|\n", section.Title)
		for _, e := range section.Entries {
			fmt.Fprintf(&b, "| <a id=\"%[1]s\"></a>`%[1]s` | %s | %s |\n", e.Code, cell(e.Meaning), cell(e.Advice))
		}
	}
	return b.String()
}

// cell makes a text fit into a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
