package bench

import (
	"fmt"
	"strings"
)

// Verdict says whether a figure keeps its bar.
type Verdict int

// The verdicts.
const (
	Met Verdict = iota + 1
	Missed
	// NotJudged is given at sizes that the bar is not stated for.
	NotJudged
)

// String returns the verdict's word.
func (v Verdict) String() string {
	switch v {
	case Met:
		return "met"
	case Missed:
		return "MISSED"
	case NotJudged:
		return "not judged at this size"
	default:
		return "unknown"
	}
}

// Row is one line of the table.
type Row struct {
	Work, Bar, Figure string
	// Ratio is the figure over the bar, or the bar over the figure where more is better:
	// at most 1 keeps the bar.
	Ratio   float64
	Verdict Verdict
	Note    string // how the figure came about
}

// barSize is the N that the bars are stated for.
const barSize = 100_000

// Rows compares the figures with their bars.
func Rows(r *Report) []Row {
	t := &table{judged: r.N >= barSize}
	if len(r.Side.Bridge) > 0 {
		t.initial(r)
	}
	if len(r.Curve) == len(r.sizes()) {
		t.curve(r)
		t.state(r)
	}
	if r.Groups.Swap.Status != "" {
		t.groups(r)
	}
	if r.Micro.Map > 0 {
		t.atLeast("decoding of Graph pages", bar{50_000, "50,000 users/s a core"}, r.Micro.Decode, "%.0f users/s")
		t.atLeast("mapping with the default table", bar{100_000, "100,000 users/s a core"}, r.Micro.Map, "%.0f users/s")
	}
	return t.rows
}

// state adds what concerns the largest tenant's memory and state file.
func (t *table) state(r *Report) {
	middle, last := r.Curve[len(r.Curve)-2], r.Curve[len(r.Curve)-1]
	t.atMost("peak RSS, "+thousands(middle.Users)+" users, worst cycle", bar{150, "150 MB"}, float64(worst(middle))/mega, "%.0f MB")
	t.atMost("peak RSS, "+thousands(last.Users)+" users, worst cycle", bar{200, "200 MB"}, float64(worst(last))/mega, "%.0f MB")
	bytesPerUser := float64(last.Initial.File) / float64(last.Users)
	t.atMost(fmt.Sprintf("state file, default mapping, %s users with the initial cycle's log", thousands(last.Users)), bar{1536, "1.5 KB a user"}, bytesPerUser, "%.0f bytes a user")
	t.atMost(fmt.Sprintf("start of `serve` on a state of %s users", thousands(last.Users)), bar{1000, "1 s"}, float64(last.Start.Ready.Milliseconds()), "ready in %.0f ms")
}

type table struct {
	rows   []Row
	judged bool
}

// bar is a bound in numbers and in words.
type bar struct {
	value float64
	words string
}

func (t *table) atMost(work string, b bar, figure float64, format string) *Row {
	return t.add(Row{Work: work, Bar: "≤ " + b.words, Figure: fmt.Sprintf(format, figure), Ratio: figure / b.value})
}

func (t *table) atLeast(work string, b bar, figure float64, format string) *Row {
	return t.add(Row{Work: work, Bar: "≥ " + b.words, Figure: fmt.Sprintf(format, figure), Ratio: b.value / figure})
}

func (t *table) add(r Row) *Row {
	r.Verdict = Met
	if r.Ratio > 1 {
		r.Verdict = Missed
	}
	if !t.judged {
		r.Verdict = NotJudged
	}
	t.rows = append(t.rows, r)
	return &t.rows[len(t.rows)-1]
}

// exactly adds what must be right at every size.
func (t *table) exactly(work string, want, have int64, what string) {
	r := Row{Work: work, Bar: fmt.Sprintf("%d %s", want, what), Figure: fmt.Sprint(have), Ratio: 1, Verdict: Met}
	if want != have {
		r.Verdict = Missed
	}
	t.rows = append(t.rows, r)
}

func (t *table) initial(r *Report) {
	s := &r.Side
	work := fmt.Sprintf("initial cycle, %s users, %s groups, %s memberships", thousands(s.Users), thousands(s.Groups), thousands(s.Memberships))
	row := t.atMost(work, bar{1.5, "1.5 × a bare loop"}, s.Ratio(), "%.2f ×")
	var turns []string
	for i := range s.Bridge {
		turns = append(turns, fmt.Sprintf("%.1f s against %.1f s", s.Bridge[i].Wall.Seconds(), s.Bare[i].Wall.Seconds()))
	}
	row.Note = strings.Join(turns, ", ")
	most := int64(0)
	for _, c := range s.Bridge {
		most = max(most, c.RSS)
	}
	t.atMost("… and its peak RSS", bar{150, "150 MB"}, float64(most)/mega, "%.0f MB")
}

func (t *table) curve(r *Report) {
	first, last := r.Curve[0], r.Curve[len(r.Curve)-1]
	size := thousands(last.Users)
	t.atLeast("full re-read, nothing changed, "+size+" users", bar{25_000, "25,000 users/s"},
		float64(last.Users)/last.Full.Wall.Seconds(), "%.0f users/s").Note = last.Full.Wall.String()
	t.exactly("… and writes to the application", 0, last.FullWrites, "writes")
	t.atMost("incremental, nothing changed, "+size+" linked users", bar{100, "100 ms beyond the source's answer"},
		beyond(last.Nothing), "%.0f ms").Note = fmt.Sprintf("median of %d; %.0f ms in all", len(last.Nothing), wall(last.Nothing))
	t.exactly("… and requests to the application", 0, last.NothingSink, "requests")
	work := fmt.Sprintf("incremental, %s of %s changed, against %s of %s", thousands(last.ChangedN), size, thousands(first.ChangedN), thousands(first.Users))
	t.atMost(work, bar{3, "3 ×"}, wall(last.Changed)/wall(first.Changed), "%.2f ×").Note = fmt.Sprintf("medians of %d: %.0f ms against %.0f ms", len(last.Changed), wall(last.Changed), wall(first.Changed))
}

func (t *table) groups(r *Report) {
	g := &r.Groups
	work := fmt.Sprintf("group of %s members: %s added, %s removed", thousands(g.Large), thousands(g.Swapped), thousands(g.Swapped))
	t.atMost(work, bar{2, "2 s"}, g.Swap.Wall.Seconds(), "%.2f s")
	t.exactly("… and PATCH requests", int64((2*g.Swapped+99)/100), g.SwapSink.PATCH, "PATCH")
	t.exactly("… and reads of members", 0, g.SwapSink.GET, "GET")
	work = fmt.Sprintf("peak RSS, %s users with one group of %s members, initial", thousands(r.N), thousands(g.Large))
	t.atMost(work, bar{150, "150 MB"}, float64(g.LargeRun.RSS)/mega, "%.0f MB").Note = fmt.Sprintf("with a group of %s members %d MB: %.2f × for %.1f × the members",
		thousands(g.Small), g.SmallRun.RSS/mega, float64(g.LargeRun.RSS)/float64(g.SmallRun.RSS), float64(g.Large)/float64(g.Small))
}

const mega = 1 << 20

func worst(p Point) int64 {
	most := max(p.Initial.RSS, p.Full.RSS, p.Start.RSS)
	for _, cycles := range [][]Cycle{p.Nothing, p.Changed} {
		for _, c := range cycles {
			most = max(most, c.RSS)
		}
	}
	return most
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
