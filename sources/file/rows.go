package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// maxRow bounds one row. A group of 100,000 members takes about 4 MB of JSON.
const maxRow = 64 << 20

// place is a position between two rows of a file.
type place struct {
	offset int64 // bytes before it
	line   int   // number of the line that begins there, from 1
}

// row is one row of a file. It is valid until the next one is read.
type row struct {
	line int
	id   string // empty when it could not be read
	bad  error  // why the row can't be used
	// One of these holds the row's values.
	object map[string]json.RawMessage
	record []string
	header map[string]int
}

// rowReader gives the rows of a file one by one.
type rowReader interface {
	// next returns the next row, io.EOF after the last one, or an error of class
	// Incomplete when the file breaks off.
	next() (row, error)
	// at returns the place after the row that next returned last.
	at() place
}

// form says how a file is read.
type form struct {
	path      string
	format    string
	delimiter rune
	id        string
	needs     []string // columns without which a CSV file is not what was configured
}

// openRows opens a file at a place; the zero place is the beginning. While it is read,
// everything is copied to tee, if there is one.
func openRows(f *os.File, how form, from place, tee io.Writer) (rowReader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		return nil, incomplete(how.path, "the file is empty")
	}
	bom, err := byteOrderMark(f, how.path)
	if err != nil {
		return nil, err
	}
	var in io.Reader = f
	if tee != nil {
		in = io.TeeReader(f, tee)
	}
	if _, err := io.CopyN(io.Discard, in, bom); err != nil {
		return nil, err
	}
	start := place{offset: bom, line: 1}
	if how.format == formatCSV {
		return openCSV(csvInput{file: f, in: in, size: info.Size(), how: how}, start, from)
	}
	if from != (place{}) {
		start = from
		if _, err := f.Seek(from.offset, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return newJSONRows(in, how, start), nil
}

// byteOrderMark returns the length of a UTF-8 byte order mark at the file's beginning.
func byteOrderMark(f *os.File, path string) (int64, error) {
	head := make([]byte, 3)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return 3, nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return 0, unusable(path, "the file is UTF-16", "write it as UTF-8")
	default:
		return 0, nil
	}
}

// value returns a cell as JSON would hold it. Absent and empty cells are nil; present
// tells a cell that is there but empty from one that is not.
func (r *row) value(name string) (v any, present bool) {
	if r.object != nil {
		raw, ok := r.object[name]
		if !ok {
			return nil, false
		}
		// The line was parsed before, so a part of it can't be malformed.
		_ = json.Unmarshal(raw, &v)
		return v, true
	}
	i, ok := r.header[name]
	if !ok {
		return nil, false
	}
	if r.record[i] == "" {
		return nil, true
	}
	return r.record[i], true
}

// text returns a cell that must be text; a JSON number counts as its digits, as ids are
// often written that way.
func (r *row) text(name string) (string, error) {
	if raw, ok := r.object[name]; ok && len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw), nil
	}
	v, _ := r.value(name)
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	default:
		return "", fmt.Errorf("%s is not text", name)
	}
}

// truth returns a cell that says yes or no; nothing is yes.
func (r *row) truth(name string) (bool, error) {
	v, _ := r.value(name)
	switch v := v.(type) {
	case nil:
		return true, nil
	case bool:
		return v, nil
	case float64:
		v2 := strconv.FormatFloat(v, 'g', -1, 64)
		return parseTruth(name, v2)
	case string:
		return parseTruth(name, v)
	default:
		return false, fmt.Errorf("%s is neither true nor false", name)
	}
}

func parseTruth(name, text string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	default:
		return false, fmt.Errorf("%s is neither true nor false", name)
	}
}

// finish reads the id, without which a row is bad.
func (r *row) finish(idColumn string) {
	if r.bad != nil {
		return
	}
	r.id, r.bad = r.text(idColumn)
	if r.bad == nil && r.id == "" {
		r.bad = fmt.Errorf("%s is missing", idColumn)
	}
}
