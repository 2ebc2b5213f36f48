// Package file reads a directory from files: an export of a personnel system, or a list
// kept by hand. One file holds the people, another, if there are any, the groups.
//
// # Files
//
// JSON lines: one object per line. A person has the keys of Columns and any others; a
// group has `id`, `displayName`, `members` (a list of people's ids) and any others.
//
// CSV (RFC 4180): the first line names the columns. A groups file has a line per member
// with the columns `id`, `displayName` and `member`; a line without member only says
// that the group exists.
//
// Both are UTF-8, with or without a byte order mark, with LF or CRLF. In expressions, a
// column stands under its own name (user.costCentre, user["Job title"]); the well-known
// fields also stand as user.id, user.userName, user.mail, user.displayName, user.active
// and user.manager, whatever their columns are called. An empty cell is no value. CSV
// holds only text; JSON keeps its types.
//
// A person is active unless the active column says false, no or 0. Anything else than
// true, yes, 1, false, no, 0 and nothing makes the row a bad one: who may sign in is
// never guessed. A person's manager is unknown, and stays as it was, when no row of the
// file has that column.
//
// # Rounds
//
// Before the first page the whole file is read once, to see that it is complete, to hash
// it and to find repeated ids. Only then do pages follow, each read from the disk where
// the last one ended, so that memory does not grow with the file (but for 8 bytes per
// row while repeated ids are looked for). The cursor holds the hashes of both files and
// an offset. A file that changes in the middle of a round makes the cursor Expired; a
// file that did not change since the last round gives one empty page.
//
// A round is Full: whoever is not in the files has left. Therefore a file is only
// believed when it is whole. It is Incomplete when it is empty, has no usable row, ends
// in the middle of a line of JSON, in an open quote, or in a row with too few cells. A
// row that can't be understood is reported as bad, with its line; when not even its id
// can be read, nobody knows who is missing, and the pages of that round are not Full:
// changes are applied and nobody is removed until the row is corrected. An id that
// occurs twice is bad too, since nothing says which row is right.
//
// What can't be seen is a file that was cut between two rows. Write a file under another
// name and rename it when it is complete; the guard against accidental deletions is the
// net below.
//
// A file knows no applications: a query with an App is Rejected.
package file

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/idpbridge/idpbridge/sources"
)

// Source reads a directory from files. It is safe for concurrent use.
type Source struct {
	cfg Config
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	scans map[string]*scan // by path: what the last reading of a whole file found
}

// New returns a source over the configured files. Nothing is opened yet.
func New(cfg Config, log *slog.Logger) *Source {
	return &Source{cfg: cfg.withDefaults(), log: log, now: time.Now, scans: map[string]*scan{}}
}

// Check reads the files and says whether a round could begin.
func (s *Source) Check(ctx context.Context, q sources.Query) error {
	if err := rejectApp(q); err != nil {
		return err
	}
	for _, p := range s.parts(q) {
		if _, err := s.scan(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// part is one of the source's files and what it holds.
type part struct {
	kind sources.Kind
	path string
}

// parts returns the files that a query needs, in the order of reading.
func (s *Source) parts(q sources.Query) []part {
	out := []part{{sources.KindUser, s.cfg.Users}}
	if q.Groups && s.cfg.Groups != "" {
		out = append(out, part{sources.KindGroup, s.cfg.Groups})
	}
	return out
}

func rejectApp(q sources.Query) error {
	if q.App == "" {
		return nil
	}
	return &sources.Error{
		Class: sources.Rejected, Op: "read files", Message: "a file knows no applications",
		Hint: "leave out scope.app, or scope by a column: scope.users: user.wiki == \"yes\"",
	}
}

// failure turns an error of the operating system into one of this vocabulary.
func failure(path string, err error) error {
	if _, ok := errors.AsType[*sources.Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &sources.Error{Class: sources.Transient, Op: "read " + filepath.Base(path), Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Class, e.Hint = sources.Unreachable, "nobody is removed while the file is missing; write it where the configuration says"
	case errors.Is(err, fs.ErrPermission):
		e.Class, e.Hint = sources.Denied, "give the account that runs idpbridge the right to read the file"
	}
	return e
}

// incomplete is the error for a file that can't be trusted to be whole.
func incomplete(path, message string) error {
	return &sources.Error{
		Class: sources.Incomplete, Op: "read " + filepath.Base(path), Message: message,
		Hint: "nobody is removed until a complete file is there",
	}
}

// unusable is the error for a file whose form is not the configured one.
func unusable(path, message, hint string) error {
	return &sources.Error{Class: sources.Rejected, Op: "read " + filepath.Base(path), Message: message, Hint: hint}
}
