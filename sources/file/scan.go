package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/idpbridge/idpbridge/sources"
)

const (
	// settling is how long after its last change a file's size and time are no proof
	// that nothing changed: clocks of file systems tick coarsely.
	settling = 2 * time.Second
	// maxDuplicates is the number of repeated ids beyond which the column can't be an id.
	maxDuplicates = 1000
	// checkEvery is the number of rows between looks at whether to stop.
	checkEvery = 4096
)

// scan is what one reading of a whole file found.
type scan struct {
	info os.FileInfo
	// hash is of the contents and of the settings that decide what they mean.
	hash string
	// settled is set when the file was old enough for its size and time to prove that
	// it is still the same.
	settled bool
	// anonymous is the number of bad rows without a readable id, firstAnonymous the
	// line of the first.
	anonymous, firstAnonymous int
	// duplicates holds the lines of ids that occur more than once.
	duplicates map[string][]int
	// hasManager is set when some row has the manager column.
	hasManager bool
}

// scan returns what is known of a file, reading it whole unless it is certainly the one
// that was read before.
func (s *Source) scan(ctx context.Context, p part) (*scan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(p.path)
	if err != nil {
		return nil, failure(p.path, err)
	}
	if known := s.scans[p.path]; known != nil && known.settled && known.sameFile(info) {
		return known, nil
	}
	delete(s.scans, p.path)
	found, err := s.readWhole(ctx, p)
	if err != nil {
		return nil, failure(p.path, err)
	}
	if found.anonymous > 0 {
		s.log.WarnContext(ctx, "rows without a readable id: nobody is removed while they are there",
			"file", p.path, "rows", found.anonymous, "first_line", found.firstAnonymous)
	}
	s.scans[p.path] = found
	return found, nil
}

// known returns the last scan of a file when it still looks the same from outside.
func (s *Source) known(path string) *scan {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(path)
	if known := s.scans[path]; err == nil && known != nil && known.sameFile(info) {
		return known
	}
	return nil
}

func (c *scan) sameFile(info os.FileInfo) bool {
	return os.SameFile(c.info, info) && c.info.Size() == info.Size() && c.info.ModTime().Equal(info.ModTime())
}

func (s *Source) form(p part) form {
	delimiter, _ := utf8.DecodeRuneInString(s.cfg.Delimiter)
	how := form{path: p.path, format: s.cfg.formatOf(p.path), delimiter: delimiter, id: s.cfg.Columns.ID}
	how.needs = []string{s.cfg.Columns.ID}
	if p.kind == sources.KindGroup {
		how.id, how.needs = groupID, []string{groupID, groupName, groupMember}
	}
	return how
}

// newHash begins a hash with the settings: the same file under other column names is
// another directory.
func (s *Source) newHash() hash.Hash {
	h := sha256.New()
	settings, _ := json.Marshal(struct { // strings alone can't fail to encode
		Format, Delimiter string
		Columns           Columns
	}{s.cfg.Format, s.cfg.Delimiter, s.cfg.Columns})
	h.Write(settings)
	return h
}

// fingerprint hashes a file without understanding it.
func (s *Source) fingerprint(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", failure(path, err)
	}
	defer func() { _ = f.Close() }() // only read from
	h := s.newHash()
	if _, err := io.Copy(h, f); err != nil {
		return "", failure(path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readWhole reads a file from its beginning to its end.
func (s *Source) readWhole(ctx context.Context, p part) (*scan, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	h := s.newHash()
	rows, err := openRows(f, s.form(p), place{}, h)
	if err != nil {
		return nil, err
	}
	c := &census{scan: scan{info: info, settled: s.now().Sub(info.ModTime()) > settling}, seed: maphash.MakeSeed(), unique: p.kind == sources.KindUser || s.form(p).format == formatJSONL}
	if err := c.count(ctx, rows, s.cfg.Columns.Manager); err != nil {
		return nil, err
	}
	if c.good == 0 {
		return nil, incomplete(p.path, "no row of the file can be used")
	}
	c.hash = hex.EncodeToString(h.Sum(nil))
	if err := s.findDuplicates(p, c); err != nil {
		return nil, err
	}
	return &c.scan, nil
}

// census counts a file's rows.
type census struct {
	scan
	good   int
	unique bool // ids must not repeat
	seed   maphash.Seed
	ids    []uint64 // hashes of the ids: a set of the ids themselves would not fit
}

func (c *census) count(ctx context.Context, rows rowReader, managerColumn string) error {
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
		if r.bad == nil {
			c.good++
		} else if r.id == "" {
			c.anonymous++
			if c.firstAnonymous == 0 {
				c.firstAnonymous = r.line
			}
		}
		if r.id != "" && c.unique {
			c.ids = append(c.ids, maphash.String(c.seed, r.id))
		}
		if _, ok := r.value(managerColumn); ok {
			c.hasManager = true
		}
	}
}

// repeated returns the hashes that occur more than once, and forgets all.
func (c *census) repeated() map[uint64]bool {
	slices.Sort(c.ids)
	out := map[uint64]bool{}
	for i := 1; i < len(c.ids); i++ {
		if c.ids[i] == c.ids[i-1] {
			out[c.ids[i]] = true
		}
	}
	c.ids = nil
	return out
}

// findDuplicates reads the file once more when hashes repeat, to learn the ids and lines.
// Two ids with one hash are told apart by that.
func (s *Source) findDuplicates(p part, c *census) error {
	repeated := c.repeated()
	if len(repeated) == 0 {
		return nil
	}
	if len(repeated) > maxDuplicates {
		return unusable(p.path, fmt.Sprintf("%d ids occur more than once", len(repeated)),
			"name the column that tells people apart with columns.id")
	}
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read from
	rows, err := openRows(f, s.form(p), place{}, nil)
	if err != nil {
		return err
	}
	lines := map[string][]int{}
	for {
		r, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if r.id != "" && repeated[maphash.String(c.seed, r.id)] {
			lines[r.id] = append(lines[r.id], r.line)
		}
	}
	c.duplicates = map[string][]int{}
	for id, at := range lines {
		if len(at) > 1 {
			c.duplicates[id] = at
		}
	}
	return nil
}
