package file_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/file"
	"github.com/idpbridge/idpbridge/sources/sourcetest"
)

// export is a directory that is written to two files on every change, as a personnel
// system would.
type export struct {
	t      *testing.T
	cfg    file.Config
	people []sourcetest.Person
	teams  []sourcetest.Team
	next   int
}

func (e *export) putUser(p sourcetest.Person) sources.ID {
	if p.ID == "" {
		p.ID = e.newID()
		e.people = append(e.people, p)
	} else {
		e.people[slices.IndexFunc(e.people, func(o sourcetest.Person) bool { return o.ID == p.ID })] = p
	}
	e.write()
	return p.ID
}

func (e *export) putGroup(g sourcetest.Team) sources.ID {
	g.Members = slices.Clone(g.Members)
	if g.ID == "" {
		g.ID = e.newID()
		e.teams = append(e.teams, g)
	} else {
		e.teams[slices.IndexFunc(e.teams, func(o sourcetest.Team) bool { return o.ID == g.ID })] = g
	}
	e.write()
	return g.ID
}

func (e *export) removeUser(id sources.ID) {
	e.people = slices.DeleteFunc(e.people, func(p sourcetest.Person) bool { return p.ID == id })
	e.write()
}

func (e *export) removeGroup(id sources.ID) {
	e.teams = slices.DeleteFunc(e.teams, func(g sourcetest.Team) bool { return g.ID == id })
	e.write()
}

func (e *export) newID() sources.ID {
	e.next++
	return sources.ID(strconv.Itoa(1000 + e.next))
}

// write puts both files in place whole, by renaming.
func (e *export) write() {
	if filepath.Ext(e.cfg.Users) == ".csv" {
		replace(e.t, e.cfg.Users, e.peopleCSV())
		replace(e.t, e.cfg.Groups, e.teamsCSV())
		return
	}
	replace(e.t, e.cfg.Users, e.peopleJSON())
	replace(e.t, e.cfg.Groups, e.teamsJSON())
}

func replace(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (e *export) peopleJSON() []byte {
	var b bytes.Buffer
	for _, p := range e.people {
		object := map[string]any{"id": p.ID, "userName": p.UserName, "mail": p.Mail, "displayName": p.DisplayName, "active": !p.Disabled, "title": nil}
		if p.Title != "" {
			object["title"] = p.Title
		}
		e.line(&b, object)
	}
	return b.Bytes()
}

func (e *export) teamsJSON() []byte {
	var b bytes.Buffer
	for _, g := range e.teams {
		e.line(&b, map[string]any{"id": g.ID, "displayName": g.Name, "members": g.Members})
	}
	return b.Bytes()
}

func (e *export) line(b *bytes.Buffer, object map[string]any) {
	if err := json.NewEncoder(b).Encode(object); err != nil {
		e.t.Fatal(err)
	}
}

func (e *export) peopleCSV() []byte {
	rows := [][]string{{"userName", "id", "title", "mail", "active", "displayName"}}
	for _, p := range e.people {
		rows = append(rows, []string{p.UserName, string(p.ID), p.Title, p.Mail, strconv.FormatBool(!p.Disabled), p.DisplayName})
	}
	return e.table(rows)
}

// teamsCSV writes members in turn, so that the lines of one group don't stand together.
func (e *export) teamsCSV() []byte {
	rows := [][]string{{"id", "displayName", "member"}}
	for _, g := range e.teams {
		if len(g.Members) == 0 {
			rows = append(rows, []string{string(g.ID), g.Name, ""})
		}
	}
	for i := range 100 {
		for _, g := range e.teams {
			if i < len(g.Members) {
				rows = append(rows, []string{string(g.ID), g.Name, string(g.Members[i])})
			}
		}
	}
	return e.table(rows)
}

func (e *export) table(rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.WriteAll(rows); err != nil {
		e.t.Fatal(err)
	}
	return b.Bytes()
}

// fail damages the file of people until healed.
func (e *export) fail(f sourcetest.Fault) func() {
	good, err := os.ReadFile(e.cfg.Users)
	if err != nil {
		e.t.Fatal(err)
	}
	switch f {
	case sourcetest.EmptyList:
		replace(e.t, e.cfg.Users, nil)
	case sourcetest.Unavailable:
		if err := os.Remove(e.cfg.Users); err != nil {
			e.t.Fatal(err)
		}
	case sourcetest.BadGateway:
		replace(e.t, e.cfg.Users, []byte("<html>\n<body>Bad gateway</body>\n</html>\n"))
	case sourcetest.CutBody:
		cut := bytes.LastIndexAny(good[:len(good)-2], ",")
		replace(e.t, e.cfg.Users, good[:cut-1])
	default:
		e.t.Fatalf("no way to make a file %v", f)
	}
	return func() { replace(e.t, e.cfg.Users, good) }
}

func harness(t *testing.T, format string) sourcetest.Harness {
	dir := t.TempDir()
	e := &export{t: t, cfg: file.Config{Users: filepath.Join(dir, "people."+format), Groups: filepath.Join(dir, "groups."+format), PageSize: 5}}
	gateway := sources.Incomplete
	if format == "csv" {
		gateway = sources.Rejected // HTML has not the columns of the configuration
	}
	s := file.New(e.cfg, slog.New(slog.DiscardHandler))
	return sourcetest.Harness{
		Source: s, Finder: s,
		Reopen:  func() sourcetest.Source { return file.New(e.cfg, slog.New(slog.DiscardHandler)) },
		Query:   sources.Query{UserAttributes: []string{"title"}, Groups: true},
		Title:   "title",
		PutUser: e.putUser, RemoveUser: e.removeUser, PutGroup: e.putGroup, RemoveGroup: e.removeGroup,
		Fail: e.fail,
		Faults: map[sourcetest.Fault]sources.Class{
			sourcetest.EmptyList: sources.Incomplete, sourcetest.Unavailable: sources.Unreachable,
			sourcetest.BadGateway: gateway, sourcetest.CutBody: sources.Incomplete,
			// A file has no credentials, no provider and no next links.
			sourcetest.Unauthorized: 0, sourcetest.Forbidden: 0, sourcetest.ExpiredCursor: 0, sourcetest.Endless: 0,
		},
		Whole: true,
	}
}

func TestConformance(t *testing.T) {
	for _, format := range []string{"jsonl", "csv"} {
		t.Run(format, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Harness { return harness(t, format) })
		})
	}
}

// readAll reads rounds over a directory with one file of people and perhaps one of groups.
func readAll(t *testing.T, s *file.Source, q sources.Query) (sources.Page, error) {
	t.Helper()
	var all sources.Page
	at := sources.Cursor("")
	for range 10_000 {
		page, err := s.Read(t.Context(), q, at)
		if err != nil {
			return all, err
		}
		all.Users = append(all.Users, page.Users...)
		all.Groups = append(all.Groups, page.Groups...)
		all.Bad = append(all.Bad, page.Bad...)
		all.Full, all.Done, all.Cursor = page.Full, page.Done, page.Cursor
		if at = page.Cursor; page.Done {
			return all, nil
		}
	}
	return all, fmt.Errorf("no end")
}
