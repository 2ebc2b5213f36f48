package file

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// csvInput is what a CSV reader reads from.
type csvInput struct {
	file *os.File // for looking at a row again
	in   io.Reader
	size int64
	how  form
}

// csvRows reads CSV. The standard reader does the splitting; this one adds places in the
// file, bounded rows, and the difference between a bad row and a cut-off file.
type csvRows struct {
	csvInput
	csv    *csv.Reader
	cap    *cappedReader
	header map[string]int
	width  int   // number of columns
	base   place // where csv began
	here   place
}

func openCSV(input csvInput, start, from place) (*csvRows, error) {
	c := &csvRows{csvInput: input}
	c.restart(start)
	record, err := c.csv.Read()
	if err != nil {
		return nil, c.broken(err, start.line)
	}
	c.advance(record)
	if err := c.readHeader(record); err != nil {
		return nil, err
	}
	if from != (place{}) {
		if _, err := c.file.Seek(from.offset, io.SeekStart); err != nil {
			return nil, err
		}
		c.restart(from)
	}
	return c, nil
}

// restart begins to read at a place where the input stands now.
func (c *csvRows) restart(at place) {
	c.cap = &cappedReader{in: c.in}
	c.csv = csv.NewReader(c.cap)
	c.csv.Comma = c.how.delimiter
	c.csv.FieldsPerRecord = -1
	c.csv.ReuseRecord = true
	c.base, c.here = at, at
	c.cap.left = maxRow
}

func (c *csvRows) readHeader(record []string) error {
	c.header, c.width = make(map[string]int, len(record)), len(record)
	for i, name := range record {
		name = strings.TrimSpace(name)
		if _, twice := c.header[name]; twice && name != "" {
			return unusable(c.how.path, fmt.Sprintf("two columns are named %q", name), "give each column its own name")
		}
		c.header[name] = i
	}
	for _, name := range c.how.needs {
		if _, ok := c.header[name]; !ok {
			return unusable(c.how.path, fmt.Sprintf("there is no column %q", name),
				"the first line names the columns; `columns` says what the well-known ones are called, `delimiter` what separates them")
		}
	}
	return nil
}

func (c *csvRows) at() place { return c.here }

func (c *csvRows) next() (row, error) {
	before := c.here
	c.cap.left = maxRow
	record, err := c.csv.Read()
	if errors.Is(err, io.EOF) {
		return row{}, io.EOF
	}
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return c.malformed(parse, before)
	}
	if err != nil {
		return row{}, c.broken(err, before.line)
	}
	first, _ := c.csv.FieldPos(0)
	r := row{line: c.base.line + first - 1, record: record, header: c.header}
	c.advance(record)
	return c.checkRecord(r)
}

// checkRecord finds what is wrong with a row that could be split into cells.
func (c *csvRows) checkRecord(r row) (row, error) {
	switch cells := len(r.record); {
	case cells < c.width && c.here.offset >= c.size:
		return row{}, incomplete(c.how.path, fmt.Sprintf("the file breaks off in line %d", r.line))
	case cells != c.width:
		r.bad = fmt.Errorf("%d cells, and the first line names %d", cells, c.width)
		// Behind a stray delimiter every cell stands in the wrong column.
		if c.header[c.how.id] == 0 {
			r.id = strings.TrimSpace(r.record[0])
		}
	case slices.ContainsFunc(r.record, func(cell string) bool { return !utf8.ValidString(cell) }):
		r.bad = errors.New("not UTF-8")
		if id := r.record[c.header[c.how.id]]; utf8.ValidString(id) {
			r.id = strings.TrimSpace(id)
		}
	}
	r.finish(c.how.id)
	return r, nil
}

// malformed makes a bad row of lines whose quotes are wrong. At the end of the file it
// is a cut: an open quote swallows everything behind it.
func (c *csvRows) malformed(parse *csv.ParseError, before place) (row, error) {
	first, last := c.base.line+parse.StartLine-1, c.base.line+parse.Line-1
	c.here = place{offset: c.base.offset + c.csv.InputOffset(), line: last + 1}
	if errors.Is(parse.Err, csv.ErrQuote) && c.here.offset >= c.size {
		return row{}, incomplete(c.how.path, fmt.Sprintf("the quote that opens in line %d is not closed", first))
	}
	r := row{line: first, bad: fmt.Errorf("a quote in the wrong place (column %d)", parse.Column)}
	if first == last {
		r.id = c.salvage(before.offset)
	}
	return r, nil
}

// salvage reads the id of a malformed row that is one line, taking quotes as letters. It
// is believed only when the row then has the right number of cells.
func (c *csvRows) salvage(from int64) string {
	text := make([]byte, c.here.offset-from)
	if _, err := c.file.ReadAt(text, from); err != nil {
		return ""
	}
	lazy := csv.NewReader(strings.NewReader(string(text)))
	lazy.Comma, lazy.LazyQuotes, lazy.FieldsPerRecord = c.how.delimiter, true, c.width
	record, err := lazy.Read()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(record[c.header[c.how.id]])
}

// advance moves here behind a record that was read.
func (c *csvRows) advance(record []string) {
	last := len(record) - 1
	line, _ := c.csv.FieldPos(last)
	c.here = place{
		offset: c.base.offset + c.csv.InputOffset(),
		line:   c.base.line + line + strings.Count(record[last], "\n"),
	}
}

// broken says why nothing could be read.
func (c *csvRows) broken(err error, line int) error {
	_, isParse := errors.AsType[*csv.ParseError](err)
	switch {
	case errors.Is(err, io.EOF):
		return incomplete(c.how.path, "the file is empty")
	case errors.Is(err, errRowTooLong):
		return incomplete(c.how.path, fmt.Sprintf("the row in line %d is longer than %d bytes; a quote may be open", line, maxRow))
	case isParse:
		return unusable(c.how.path, fmt.Sprintf("line %d does not name the columns: %s", line, err), "the first line names the columns")
	default:
		return err
	}
}

var errRowTooLong = errors.New("row too long")

// cappedReader fails after so many bytes, lest an open quote pull a whole file into
// memory.
type cappedReader struct {
	in   io.Reader
	left int
}

func (c *cappedReader) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := c.in.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
