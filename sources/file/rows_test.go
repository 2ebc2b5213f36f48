package file_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/file"
)

// directory writes files and returns a source over them. Names ending in .csv and .jsonl
// decide the format.
func directory(t *testing.T, users, groups string, cfg file.Config) *file.Source {
	t.Helper()
	dir, ext := t.TempDir(), ".jsonl"
	if cfg.Format == "csv" {
		ext = ".csv"
	}
	cfg.Users = filepath.Join(dir, "people"+ext)
	replace(t, cfg.Users, []byte(users))
	if groups != "" {
		cfg.Groups = filepath.Join(dir, "groups"+ext)
		replace(t, cfg.Groups, []byte(groups))
	}
	if problems := cfg.Validate(); len(problems) > 0 {
		t.Fatalf("the test's configuration is wrong: %v", problems)
	}
	return file.New(cfg, slog.New(slog.DiscardHandler))
}

var asCSV = file.Config{Format: "csv"}

// TestRows shows, row by row, what is taken for a person, what is bad, and whether the
// round may remove anybody.
func TestRows(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		cfg  file.Config
		ids  []string
		bad  []string // "id: error"
		full bool
	}{
		"json": {text: `{"id":"1"}` + "\n" + `{"id":"2"}`, ids: []string{"1", "2"}, full: true},
		"json with mark, crlf and blank lines": {
			text: "\ufeff" + `{"id":"1"}` + "\r\n\r\n" + `{"id":2}` + "\r\n", ids: []string{"1", "2"}, full: true,
		},
		"json: no object, with and without id": {
			text: `{"id":"1"}` + "\n[1]\n" + `{"id":"2","active":"perhaps"}` + "\n",
			ids:  []string{"1"}, full: false,
			bad: []string{`: line 2: not a JSON object: json: cannot unmarshal array into Go value of type map[string]json.RawMessage`, `2: line 3: active is neither true nor false`},
		},
		"json: id missing":         {text: `{"id":"1"}` + "\n" + `{"name":"x"}` + "\n", ids: []string{"1"}, bad: []string{": line 2: id is missing"}},
		"json: id of a wrong type": {text: `{"id":"1"}` + "\n" + `{"id":{}}` + "\n", ids: []string{"1"}, bad: []string{": line 2: id is not text"}},
		"json: latin-1 keeps the id": {
			text: `{"id":"1"}` + "\n" + `{"id":"2","displayName":"Ren` + "\xe9" + `"}` + "\n",
			ids:  []string{"1"}, bad: []string{"2: line 2: not UTF-8"}, full: true,
		},
		"json: one id twice": {
			text: `{"id":"1"}` + "\n" + `{"id":"2"}` + "\n" + `{"id":"1"}` + "\n",
			ids:  []string{"2"}, bad: []string{"1: line 1: the id stands in lines 1, 3"}, full: true,
		},
		"csv": {text: "id,mail\n1,a@example.com\n2,\n", cfg: asCSV, ids: []string{"1", "2"}, full: true},
		"csv with mark, crlf, blank lines and line breaks in cells": {
			text: "\ufeffid,displayName\r\n1,\"Two\r\nlines, and a \"\"quote\"\"\"\r\n\r\n2,x", cfg: asCSV, ids: []string{"1", "2"}, full: true,
		},
		"csv: a bare quote": {
			text: "id,displayName\n1,Jim \"Jimmy\" Doe\n2,x\n", cfg: asCSV,
			ids: []string{"2"}, bad: []string{"1: line 2: a quote in the wrong place (column 7)"}, full: true,
		},
		"csv: line numbers behind a bare quote": {
			text: "id,active\n1,a \"b\"\n2,perhaps\n3,\n", cfg: asCSV,
			ids: []string{"3"}, bad: []string{"1: line 2: a quote in the wrong place (column 5)", "2: line 3: active is neither true nor false"}, full: true,
		},
		"csv: a quote that swallows a row": {
			text: "id,displayName\n1,\"Jim\n2,\"x\n3,y\n", cfg: asCSV,
			ids: []string{"3"}, bad: []string{": line 2: a quote in the wrong place (column 3)"}, full: false,
		},
		"csv: too many and too few cells": {
			text: "id,displayName\n1,a,b\n2\n3,y\n", cfg: asCSV,
			ids: []string{"3"}, bad: []string{"1: line 2: 3 cells, and the first line names 2", "2: line 3: 1 cells, and the first line names 2"}, full: true,
		},
		"csv: too many cells before the id": {
			text: "displayName,id\nDoe, Jim,1\ny,3\n", cfg: asCSV,
			ids: []string{"3"}, bad: []string{": line 2: 3 cells, and the first line names 2"}, full: false,
		},
		"csv: line numbers behind a cell of two lines": {
			text: "id,active\n\"1\n\",yes\n2,perhaps\n3,\"no\n\"\n4,perhaps\n", cfg: asCSV,
			ids: []string{"1", "3"}, bad: []string{"2: line 4: active is neither true nor false", "4: line 7: active is neither true nor false"}, full: true,
		},
		"csv: latin-1 keeps the id": {
			text: "id,displayName\n1,Ren\xe9\n2,x\n", cfg: asCSV,
			ids: []string{"2"}, bad: []string{"1: line 2: not UTF-8"}, full: true,
		},
		"csv: semicolons and other columns": {
			text: "Name;Personnel number\nx;1\n", cfg: file.Config{Format: "csv", Delimiter: ";", Columns: file.Columns{ID: "Personnel number"}},
			ids: []string{"1"}, full: true,
		},
	} {
		for _, size := range []int{1, 2, 500} {
			t.Run(name, func(t *testing.T) {
				c.cfg.PageSize = size
				page, err := readAll(t, directory(t, c.text, "", c.cfg), sources.Query{})
				if err != nil {
					t.Fatal(err)
				}
				var ids, bad []string
				for _, u := range page.Users {
					ids = append(ids, string(u.ID))
				}
				for _, b := range page.Bad {
					bad = append(bad, string(b.ID)+": "+b.Err.Error())
				}
				if diff := cmp.Diff(c.ids, ids); diff != "" {
					t.Errorf("people, %d rows a page (-want +got):\n%s", size, diff)
				}
				if diff := cmp.Diff(c.bad, bad); diff != "" {
					t.Errorf("bad rows, %d rows a page (-want +got):\n%s", size, diff)
				}
				if page.Full != c.full || !page.Done {
					t.Errorf("Full %t, want %t; Done %t", page.Full, c.full, page.Done)
				}
			})
		}
	}
}

// TestNotWhole has the files that are never believed.
func TestNotWhole(t *testing.T) {
	for name, c := range map[string]struct {
		users, groups string
		cfg           file.Config
		class         sources.Class
		message       string
	}{
		"json: empty":            {users: "", class: sources.Incomplete, message: "the file is empty"},
		"json: blank lines":      {users: "\n\n", class: sources.Incomplete, message: "no row"},
		"json: cut in a row":     {users: `{"id":"1"}` + "\n" + `{"id":"2","na`, class: sources.Incomplete, message: "breaks off in line 2"},
		"json: no usable row":    {users: "<html>\n</html>\n", class: sources.Incomplete, message: "no row"},
		"json: utf-16":           {users: "\xff\xfe{\x00", class: sources.Rejected, message: "UTF-16"},
		"csv: empty":             {users: "", cfg: asCSV, class: sources.Incomplete, message: "the file is empty"},
		"csv: header only":       {users: "id,mail\n", cfg: asCSV, class: sources.Incomplete, message: "no row"},
		"csv: cut in a row":      {users: "id,mail\n1,a\n2", cfg: asCSV, class: sources.Incomplete, message: "breaks off in line 3"},
		"csv: cut behind a row":  {users: "id,mail\n1,a\n2\n", cfg: asCSV, class: sources.Incomplete, message: "breaks off in line 3"},
		"csv: open quote":        {users: "id,mail\n1,\"a\n2,b\n3,c\n", cfg: asCSV, class: sources.Incomplete, message: "opens in line 2"},
		"csv: no id column":      {users: "number,mail\n1,a\n", cfg: asCSV, class: sources.Rejected, message: `no column "id"`},
		"csv: a column twice":    {users: "id,mail,mail\n1,a,b\n", cfg: asCSV, class: sources.Rejected, message: `two columns`},
		"csv: broken header":     {users: "id,\"ma\"il\n1,a\n", cfg: asCSV, class: sources.Rejected, message: "does not name the columns"},
		"json: groups cut":       {users: `{"id":"1"}`, groups: `{"id":"g","displayNa`, class: sources.Incomplete, message: "breaks off in line 1"},
		"csv: groups no members": {users: "id\n1\n", groups: "id,displayName\ng,G\n", cfg: asCSV, class: sources.Rejected, message: `no column "member"`},
		"ids that are none":      {users: manyTwice(1002), class: sources.Rejected, message: "1001 ids occur more than once"},
	} {
		t.Run(name, func(t *testing.T) {
			s := directory(t, c.users, c.groups, c.cfg)
			q := sources.Query{Groups: true}
			_, err := readAll(t, s, q)
			for call, err := range map[string]error{"Read": err, "Check": s.Check(t.Context(), q)} {
				if sources.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.message) || sources.HintOf(err) == "" {
					t.Errorf("%s: class %v, error %v, hint %q; want class %v, %q and a hint", call, sources.ClassOf(err), err, sources.HintOf(err), c.class, c.message)
				}
			}
		})
	}
}

func manyTwice(n int) string {
	var b strings.Builder
	for range 2 {
		for i := range n {
			b.WriteString(`{"id":"` + strings.Repeat("x", i) + `"}` + "\n")
		}
	}
	return b.String()
}

// TestUser shows how a row becomes a person.
func TestUser(t *testing.T) {
	q := sources.Query{UserAttributes: []string{"active", "costCentre", "displayName", "id", "mail", "manager", "none", "tags", "userName"}}
	for name, c := range map[string]struct {
		text string
		cfg  file.Config
		want sources.User
	}{
		"json": {
			text: `{"id":7,"userName":"al","mail":"al@example.com","displayName":"Al","active":false,"manager":"8","costCentre":12,"none":null,"tags":["a"]}`,
			want: sources.User{ID: "7", UserName: "al", Mail: "al@example.com", DisplayName: "Al", Manager: sources.Reference{Known: true, ID: "8"}, Attributes: map[string]any{
				"id": "7", "userName": "al", "mail": "al@example.com", "displayName": "Al", "active": false, "manager": "8",
				"costCentre": 12.0, "none": nil, "tags": []any{"a"},
			}},
		},
		"csv": {
			text: "login,number,costCentre,none,boss,enabled\nal,7,012,,,1\n",
			cfg:  file.Config{Format: "csv", Columns: file.Columns{ID: "number", UserName: "login", Manager: "boss", Active: "enabled"}},
			want: sources.User{ID: "7", UserName: "al", Active: true, Manager: sources.Reference{Known: true}, Attributes: map[string]any{
				"id": "7", "userName": "al", "mail": nil, "displayName": nil, "active": true, "manager": nil, "costCentre": "012", "none": nil,
			}},
		},
		"no column says who is active or who leads": {
			text: `{"id":"7"}`,
			want: sources.User{ID: "7", Active: true, Attributes: map[string]any{"id": "7", "userName": nil, "mail": nil, "displayName": nil, "active": true, "manager": nil}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := readAll(t, directory(t, c.text, "", c.cfg), q)
			if err != nil || len(page.Users) != 1 {
				t.Fatalf("%v, people %v", err, page.Users)
			}
			if diff := cmp.Diff(c.want, page.Users[0]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	q := sources.Query{Groups: true, GroupAttributes: []string{"displayName", "id", "kind"}}
	attributes := map[string]any{"id": "g", "displayName": "Group", "kind": "x"}
	want := []sources.Group{{ID: "g", DisplayName: "Group", Attributes: attributes, Members: []sources.Member{{User: "1"}, {User: "2"}}}}
	for name, s := range map[string]*file.Source{
		"json": directory(t, `{"id":"1"}`, `{"id":"g","displayName":"Group","kind":"x","members":["1",2]}`+"\n"+`{"id":"h","displayName":"H","members":"1"}`+"\n", file.Config{}),
		"csv":  directory(t, "id\n1\n", "id,displayName,member,kind\ng,Group,1,x\ng,Group,2,x\nh,,1,x\n", asCSV),
	} {
		page, err := readAll(t, s, q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, page.Groups); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if len(page.Bad) != 1 || page.Bad[0].ID != "h" || page.Bad[0].Kind != sources.KindGroup || !page.Full {
			t.Errorf("%s: bad rows %v, Full %t", name, page.Bad, page.Full)
		}
	}
}

// overwrite changes a file in place, so that neither its size nor its time shows it when
// text is as long as before: as a quick writer may on a coarse clock.
func overwrite(t *testing.T, path, text string, at time.Time) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestHiddenChangeBetweenRounds(t *testing.T) {
	path, now := filepath.Join(t.TempDir(), "people.jsonl"), time.Now()
	overwrite(t, path, `{"id":"1"}`+"\n", now)
	s := file.New(file.Config{Users: path}, slog.New(slog.DiscardHandler))
	page, err := readAll(t, s, sources.Query{})
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, `{"id":"2"}`+"\n", now)
	next, err := s.Read(t.Context(), sources.Query{}, page.Cursor)
	if err != nil || len(next.Users) != 1 || next.Users[0].ID != "2" {
		t.Errorf("the change was not seen: %+v, %v", next, err)
	}
}

func TestHiddenChangeDuringRound(t *testing.T) {
	path, now := filepath.Join(t.TempDir(), "people.jsonl"), time.Now()
	overwrite(t, path, `{"id":"1"}`+"\n"+`{"id":"2"}`+"\n", now)
	s := file.New(file.Config{Users: path, PageSize: 1}, slog.New(slog.DiscardHandler))
	first, err := s.Read(t.Context(), sources.Query{}, "")
	if err != nil || first.Done {
		t.Fatalf("%+v, %v", first, err)
	}
	overwrite(t, path, `{"id":"3"}`+"\n"+`{"id":"2"}`+"\n", now)
	if page, err := s.Read(t.Context(), sources.Query{}, first.Cursor); sources.ClassOf(err) != sources.Expired {
		t.Errorf("the round ended as if nothing had changed: %+v, %v", page, err)
	}
}

// TestUnchanged does not read an old file again: only its size and time are looked at.
func TestUnchanged(t *testing.T) {
	path, then := filepath.Join(t.TempDir(), "people.jsonl"), time.Now().Add(-time.Hour)
	overwrite(t, path, `{"id":"1"}`+"\n", then)
	s := file.New(file.Config{Users: path}, slog.New(slog.DiscardHandler))
	page, err := readAll(t, s, sources.Query{})
	if err != nil {
		t.Fatal(err)
	}
	next, err := s.Read(t.Context(), sources.Query{}, page.Cursor)
	if err != nil || !next.Done || next.Full || len(next.Users) > 0 || next.Cursor != page.Cursor {
		t.Errorf("an unchanged file gave %+v, %v; want one empty page that is not Full", next, err)
	}
	touched := time.Now().Add(-time.Minute)
	if err := os.Chtimes(path, touched, touched); err != nil {
		t.Fatal(err)
	}
	next, err = s.Read(t.Context(), sources.Query{}, page.Cursor)
	if err != nil || !next.Done || next.Full || len(next.Users) > 0 {
		t.Errorf("a touched file with the same contents gave %+v, %v", next, err)
	}
}

// TestColumnsAreContent reads again when the same file means something else.
func TestColumnsAreContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "people.jsonl")
	replace(t, path, []byte(`{"id":"1","number":"2"}`))
	first, err := readAll(t, file.New(file.Config{Users: path}, slog.New(slog.DiscardHandler)), sources.Query{})
	if err != nil {
		t.Fatal(err)
	}
	again := file.New(file.Config{Users: path, Columns: file.Columns{ID: "number"}}, slog.New(slog.DiscardHandler))
	page, err := again.Read(t.Context(), sources.Query{}, first.Cursor)
	if err != nil || !page.Full || len(page.Users) != 1 || page.Users[0].ID != "2" {
		t.Errorf("another id column: %+v, %v", page, err)
	}
}

func TestLookUpAndApp(t *testing.T) {
	s := directory(t, `{"id":"1","mail":"Al@example.com"}`+"\n"+`{"id":"2","userName":"al@example.com"}`+"\n"+`{"id":"3","active":"perhaps"}`+"\n", "", file.Config{})
	for ref, want := range map[string]sources.Class{"1": 0, "al@example.com": sources.Ambiguous, "3": sources.Rejected, "4": sources.Missing, "": sources.Missing} {
		if u, err := s.User(t.Context(), sources.Query{}, ref); sources.ClassOf(err) != want {
			t.Errorf("User(%q) = %v, %v; want class %v", ref, u.ID, err, want)
		}
	}
	if _, err := s.Group(t.Context(), sources.Query{}, "g"); sources.ClassOf(err) != sources.Missing {
		t.Errorf("Group without a file of groups: %v", err)
	}
	app := sources.Query{App: "wiki"}
	_, readErr := s.Read(t.Context(), app, "")
	_, assignedErr := s.Assigned(t.Context(), app, sources.Assignment{Kind: sources.KindUser, ID: "1"})
	for call, err := range map[string]error{"Read": readErr, "Check": s.Check(t.Context(), app), "Assigned": assignedErr} {
		if sources.ClassOf(err) != sources.Rejected {
			t.Errorf("%s with an application: %v", call, err)
		}
	}
}

func TestForeignCursor(t *testing.T) {
	s := directory(t, `{"id":"1"}`, "", file.Config{})
	for _, at := range []sources.Cursor{"x", `{"v":2}`, `{"v":1,"h":["other"]}`, `{"v":1,"p":9}`, `{"v":1,"o":-1}`} {
		if page, err := s.Read(t.Context(), sources.Query{}, at); sources.ClassOf(err) != sources.Expired {
			t.Errorf("Read(%s) = %v, %v; want expired", at, page, err)
		}
	}
}
