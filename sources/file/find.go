package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/idpbridge/idpbridge/sources"
)

// User finds one person by id, or else by user name or mail address, whose letter case
// does not count. The error is Missing for nobody, Ambiguous for several, Rejected for a
// row that can't be used. It reads the whole file.
func (s *Source) User(ctx context.Context, q sources.Query, ref string) (sources.User, error) {
	p := part{sources.KindUser, s.cfg.Users}
	var byID, byName []sources.User
	err := s.each(ctx, lookup{part: p, query: q, ref: ref}, func(page *sources.Page) {
		for _, u := range page.Users {
			switch {
			case string(u.ID) == ref:
				byID = append(byID, u)
			case ref != "" && (strings.EqualFold(u.UserName, ref) || strings.EqualFold(u.Mail, ref)):
				byName = append(byName, u)
			}
		}
	})
	if err != nil {
		return sources.User{}, failure(p.path, err)
	}
	return only(byID, byName, "find user")
}

// Group finds one group by id, or else by its name, with all its members. The errors are
// those of User.
func (s *Source) Group(ctx context.Context, q sources.Query, ref string) (sources.Group, error) {
	if s.cfg.Groups == "" {
		return sources.Group{}, missing("find group", "the source has no file of groups")
	}
	p := part{sources.KindGroup, s.cfg.Groups}
	found := map[sources.ID]*sources.Group{}
	var order []sources.ID
	err := s.each(ctx, lookup{part: p, query: q, ref: ref}, func(page *sources.Page) {
		for _, g := range page.Groups {
			if string(g.ID) != ref && g.DisplayName != ref {
				continue
			}
			if known := found[g.ID]; known != nil {
				known.Members = append(known.Members, g.Members...)
				continue
			}
			found[g.ID] = &g
			order = append(order, g.ID)
		}
	})
	if err != nil {
		return sources.Group{}, failure(p.path, err)
	}
	var byID, byName []sources.Group
	for _, id := range order {
		if string(id) == ref {
			byID = append(byID, *found[id])
		} else {
			byName = append(byName, *found[id])
		}
	}
	return only(byID, byName, "find group")
}

// Assigned always says yes: without an application everybody is in its scope, and a
// query with one is Rejected.
func (s *Source) Assigned(_ context.Context, q sources.Query, _ sources.Assignment) (bool, error) {
	return true, rejectApp(q)
}

// lookup is a search through one file.
type lookup struct {
	part  part
	query sources.Query
	ref   string
}

// each gives every row of a file as a page of its own. A bad row is no obstacle unless it
// is the one that is looked for.
func (s *Source) each(ctx context.Context, l lookup, visit func(*sources.Page)) error {
	found, err := s.scan(ctx, l.part)
	if err != nil {
		return err
	}
	f, err := os.Open(l.part.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read from
	rows, err := openRows(f, s.form(l.part), place{}, nil)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r, err := rows.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		page := sources.Page{}
		build := builder{cfg: s.cfg, query: l.query, scan: found, page: &page}
		build.add(l.part.kind, r)
		if len(page.Bad) > 0 && r.id == l.ref {
			return unusable(l.part.path, page.Bad[0].Err.Error(), "correct the row")
		}
		visit(&page)
	}
}

// only returns the one object that a reference means.
func only[T any](byID, byName []T, op string) (T, error) {
	var none T
	candidates := byID
	if len(candidates) == 0 {
		candidates = byName
	}
	switch len(candidates) {
	case 0:
		return none, missing(op, "nothing in the file has this id, name or address")
	case 1:
		return candidates[0], nil
	default:
		return none, &sources.Error{
			Class: sources.Ambiguous, Op: op, Message: fmt.Sprintf("%d rows have this name or address", len(candidates)),
			Hint: "give the id",
		}
	}
}

func missing(op, message string) error {
	return &sources.Error{Class: sources.Missing, Op: op, Message: message}
}
