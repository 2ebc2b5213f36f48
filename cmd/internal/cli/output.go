package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"

	"github.com/idpbridge/idpbridge/cmd/internal/view"
)

// json says whether results are printed as JSON.
func (r *program) json() bool { return r.output == "json" }

// printJSON prints a result as one indented JSON document.
func (r *program) printJSON(v any) error {
	e := json.NewEncoder(r.env.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printLine prints a result as one line of JSON.
func (r *program) printLine(v any) error {
	e := json.NewEncoder(r.env.Stdout)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printf prints a result as text.
func (r *program) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(r.env.Stdout, format, args...)
	return err
}

// tone is what a cell means; on a terminal it has a colour.
type tone int

const (
	plain tone = iota
	good
	warning
	bad
	faint
	heading
)

func (t tone) style() lipgloss.Style {
	s := lipgloss.NewStyle()
	switch t {
	case good:
		return s.Foreground(lipgloss.Green)
	case warning:
		return s.Foreground(lipgloss.Yellow)
	case bad:
		return s.Foreground(lipgloss.Red)
	case faint:
		return s.Faint(true)
	case heading:
		return s.Bold(true)
	default:
		return s
	}
}

// cell is a text with a tone.
type cell struct {
	text string
	tone tone
}

func text(v any) cell { return cell{text: fmt.Sprint(v)} }

// grid is a table under construction: columns apart by two spaces, no lines, so that it
// reads well and can be cut by other programs.
type grid struct {
	header []string
	rows   [][]cell
}

func newGrid(header ...string) *grid { return &grid{header: header} }

func (g *grid) add(cells ...cell) { g.rows = append(g.rows, cells) }

// print prints the table, in colour on a terminal.
func (r *program) print(g *grid) error {
	colour := r.colour(isTerminal(r.env.Stdout))
	t := table.New().Border(lipgloss.HiddenBorder()).
		BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).BorderHeader(false).BorderColumn(false).
		Headers(g.header...).Wrap(false).
		StyleFunc(func(row, col int) lipgloss.Style {
			s := lipgloss.NewStyle()
			switch {
			case colour && row == table.HeaderRow:
				s = heading.style()
			case colour && col < len(g.rows[max(row, 0)]) && row >= 0:
				s = g.rows[row][col].tone.style()
			}
			return s.PaddingRight(2)
		})
	for _, row := range g.rows {
		texts := make([]string, len(row))
		for i, c := range row {
			texts[i] = oneLine(c.text)
		}
		t.Row(texts...)
	}
	return r.printf("%s\n", trimLines(t.Render()))
}

// oneLine keeps a foreign text from breaking the table or the terminal.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, s)
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// ago writes how long ago or until when a time is; "-" for never.
func ago(t *time.Time) cell {
	if t == nil || t.IsZero() {
		return cell{"-", faint}
	}
	d := time.Since(*t)
	switch {
	case d < 0:
		return text("in " + rough(-d))
	case d < time.Second:
		return text("now")
	}
	return text(rough(d) + " ago")
}

// rough rounds a duration to what people say.
func rough(d time.Duration) string {
	switch {
	case d < time.Minute:
		return view.Duration(d.Round(time.Second))
	case d < 24*time.Hour:
		return view.Duration(d.Round(time.Minute))
	default:
		return view.Duration(d.Round(time.Hour))
	}
}
