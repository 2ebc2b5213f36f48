package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/idpbridge/idpbridge/sources"
)

// Read returns the page at a cursor. The errors are *sources.Error: Unreachable for a
// missing file, Incomplete for one that is not whole, Expired when a file changed during
// the round, Rejected for a form that is not the configured one.
func (s *Source) Read(ctx context.Context, q sources.Query, at sources.Cursor) (*sources.Page, error) {
	if err := rejectApp(q); err != nil {
		return nil, err
	}
	c, err := decodeCursor(at)
	if err != nil {
		return nil, err
	}
	parts := s.parts(q)
	if c.Done {
		same, err := s.unchanged(parts, c.Hashes)
		if err != nil {
			return nil, err
		}
		if same {
			return &sources.Page{Cursor: at, Done: true}, nil
		}
	}
	if c.Done || at == "" {
		c = cursor{Version: cursorVersion}
	}
	r, err := s.round(ctx, q, c)
	if err != nil {
		return nil, err
	}
	return r.page(ctx)
}

// unchanged says whether the files are the ones of an earlier round. Files whose size
// and time prove it are not read.
func (s *Source) unchanged(parts []part, hashes []string) (bool, error) {
	if len(parts) != len(hashes) {
		return false, nil
	}
	for i, p := range parts {
		if known := s.known(p.path); known != nil && known.settled {
			if known.hash != hashes[i] {
				return false, nil
			}
			continue
		}
		now, err := s.fingerprint(p.path)
		if err != nil {
			return false, err
		}
		if now != hashes[i] {
			return false, nil
		}
	}
	return true, nil
}

// round is a round in progress, made anew for every page.
type round struct {
	*Source
	query  sources.Query
	parts  []part
	scans  []*scan
	cursor cursor
	full   bool
}

// round sees to it that the files are whole and, behind the first page, the same ones.
func (s *Source) round(ctx context.Context, q sources.Query, c cursor) (*round, error) {
	r := &round{Source: s, query: q, parts: s.parts(q), cursor: c, full: true}
	hashes := make([]string, len(r.parts))
	for i, p := range r.parts {
		found := s.known(p.path)
		if found == nil || c.Hashes == nil {
			var err error
			if found, err = s.scan(ctx, p); err != nil {
				return nil, err
			}
		}
		r.scans = append(r.scans, found)
		hashes[i] = found.hash
		r.full = r.full && found.anonymous == 0
	}
	if c.Hashes != nil && !slices.Equal(c.Hashes, hashes) || c.Part >= len(r.parts) {
		return nil, expired("a file changed while it was read")
	}
	r.cursor.Hashes = hashes
	return r, nil
}

// page reads the next rows.
func (r *round) page(ctx context.Context) (*sources.Page, error) {
	p, found := r.parts[r.cursor.Part], r.scans[r.cursor.Part]
	page := &sources.Page{Full: r.full}
	ended, err := r.fill(ctx, page)
	if err != nil {
		return nil, failure(p.path, err)
	}
	if now := r.known(p.path); now == nil || now.hash != found.hash {
		return nil, expired("a file changed while it was read")
	}
	if ended {
		r.cursor.Part, r.cursor.Offset, r.cursor.Line = r.cursor.Part+1, 0, 0
	}
	if r.cursor.Part == len(r.parts) {
		if err := r.confirm(); err != nil {
			return nil, err
		}
		r.cursor.Part, r.cursor.Done, page.Done = 0, true, true
	}
	page.Cursor = r.cursor.encode()
	return page, nil
}

// confirm ends a round: files whose size and time prove nothing yet are hashed again.
func (r *round) confirm() error {
	for i, p := range r.parts {
		if now := r.known(p.path); now != nil && now.settled && now.hash == r.cursor.Hashes[i] {
			continue
		}
		now, err := r.fingerprint(p.path)
		if err != nil {
			return err
		}
		if now != r.cursor.Hashes[i] {
			return expired("a file changed while it was read")
		}
	}
	return nil
}

// fill reads rows of the current file into a page and says whether the file ended.
func (r *round) fill(ctx context.Context, page *sources.Page) (ended bool, err error) {
	p, found := r.parts[r.cursor.Part], r.scans[r.cursor.Part]
	f, err := os.Open(p.path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // only read from
	rows, err := openRows(f, r.form(p), place{r.cursor.Offset, r.cursor.Line}, nil)
	if err != nil {
		return false, err
	}
	build := builder{cfg: r.cfg, query: r.query, scan: found, page: page}
	for range r.cfg.PageSize {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		next, err := rows.next()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		build.add(p.kind, next)
	}
	here := rows.at()
	r.cursor.Offset, r.cursor.Line = here.offset, here.line
	return here.offset >= found.info.Size(), nil
}

// builder turns rows into a page's entries.
type builder struct {
	cfg   Config
	query sources.Query
	scan  *scan
	page  *sources.Page
}

// add takes one row in. A row whose id occurs again is reported once, at its first line.
func (b *builder) add(kind sources.Kind, r row) {
	if lines := b.scan.duplicates[r.id]; len(lines) > 0 {
		if lines[0] == r.line {
			b.bad(kind, r, fmt.Errorf("the id stands in lines %s", listOf(lines)))
		}
		return
	}
	if r.bad != nil {
		b.bad(kind, r, r.bad)
		return
	}
	var err error
	if kind == sources.KindUser {
		var u sources.User
		if u, err = b.user(r); err == nil {
			b.page.Users = append(b.page.Users, u)
		}
	} else {
		var g sources.Group
		if g, err = b.group(r); err == nil {
			b.addGroup(g)
		}
	}
	if err != nil {
		b.bad(kind, r, err)
	}
}

func (b *builder) bad(kind sources.Kind, r row, cause error) {
	b.page.Bad = append(b.page.Bad, sources.BadEntry{Kind: kind, ID: sources.ID(r.id), Err: fmt.Errorf("line %d: %w", r.line, cause)})
}

// addGroup joins the lines of one group that follow each other.
func (b *builder) addGroup(g sources.Group) {
	if n := len(b.page.Groups); n > 0 && b.page.Groups[n-1].ID == g.ID {
		last := &b.page.Groups[n-1]
		last.Members = append(last.Members, g.Members...)
		last.DisplayName, last.Attributes = g.DisplayName, g.Attributes
		return
	}
	b.page.Groups = append(b.page.Groups, g)
}
