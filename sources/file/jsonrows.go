package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// jsonRows reads JSON lines.
type jsonRows struct {
	in   *bufio.Reader
	how  form
	here place
	line []byte
}

func newJSONRows(in io.Reader, how form, start place) *jsonRows {
	return &jsonRows{in: bufio.NewReaderSize(in, 64<<10), how: how, here: start}
}

func (j *jsonRows) at() place { return j.here }

func (j *jsonRows) next() (row, error) {
	for {
		ended, err := j.readLine()
		if err != nil {
			return row{}, err
		}
		number := j.here.line
		j.here.offset += int64(len(j.line))
		j.here.line++
		text := bytes.TrimSpace(j.line)
		if len(text) > 0 {
			return j.parse(text, number, ended)
		}
		if !ended {
			return row{}, io.EOF
		}
	}
}

// readLine reads the next line with its newline. ended is false for a last line without
// one.
func (j *jsonRows) readLine() (ended bool, err error) {
	j.line = j.line[:0]
	for {
		piece, err := j.in.ReadSlice('\n')
		j.line = append(j.line, piece...)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, io.EOF) && len(j.line) == 0:
			return false, io.EOF
		case errors.Is(err, io.EOF):
			return false, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return false, err
		case len(j.line) > maxRow:
			return false, incomplete(j.how.path, fmt.Sprintf("line %d is longer than %d bytes", j.here.line, maxRow))
		}
	}
}

// parse reads one line. A last line without newline that is no JSON is where a writer
// stopped, not a bad row.
func (j *jsonRows) parse(text []byte, number int, ended bool) (row, error) {
	r := row{line: number}
	err := json.Unmarshal(text, &r.object)
	switch {
	case err != nil && !ended:
		return row{}, incomplete(j.how.path, fmt.Sprintf("the file breaks off in line %d", number))
	case err != nil:
		r.bad = fmt.Errorf("not a JSON object: %w", err)
	case r.object == nil:
		r.bad = errors.New("not a JSON object: null")
	case !utf8.Valid(text):
		// The id is still read: what is wrong may be a name, and a person who is
		// known to be in the file is not taken for gone.
		r.finish(j.how.id)
		if !utf8.ValidString(r.id) || bytes.ContainsRune([]byte(r.id), utf8.RuneError) {
			r.id = ""
		}
		r.bad = errors.New("not UTF-8")
		return r, nil
	}
	r.finish(j.how.id)
	return r, nil
}
