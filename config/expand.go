package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxReferenced bounds a file named by ${file:…}: a secret or a certificate, not a disk.
const maxReferenced = 256 << 10

// reference is ${NAME} or ${file:/path}; $${ stands for the characters "${" themselves.
var reference = regexp.MustCompile(`\$?\$\{([^{}]*)\}?`)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expander replaces references in strings and remembers what they stood for, so that no
// message shows it.
type expander struct {
	env    func(string) (string, bool)
	dir    string            // relative ${file:…} paths start here
	values map[string]string // value -> reference
}

// expand returns text with its references replaced. All references that can't be
// resolved are named in the error; the text is then not usable.
func (e *expander) expand(text string) (string, error) {
	if !strings.Contains(text, "${") {
		return text, nil
	}
	var errs []error
	out := reference.ReplaceAllStringFunc(text, func(ref string) string {
		if literal, ok := strings.CutPrefix(ref, "$$"); ok {
			return "$" + literal
		}
		value, err := e.resolve(ref)
		if err != nil {
			errs = append(errs, err)
			return ""
		}
		if value != "" {
			e.values[value] = ref
		}
		return value
	})
	return out, errors.Join(errs...)
}

func (e *expander) resolve(ref string) (string, error) {
	if !strings.HasSuffix(ref, "}") {
		return "", errors.New(`"${" without "}"`)
	}
	name := ref[2 : len(ref)-1]
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		return e.readFile(path)
	}
	if !envName.MatchString(name) {
		return "", fmt.Errorf("${%s} is neither ${NAME} nor ${file:/path}", name)
	}
	value, ok := e.env(name)
	if !ok {
		return "", fmt.Errorf("the environment variable %s is not set", name)
	}
	return value, nil
}

// readFile returns the contents of a regular file without its trailing newline. Devices
// and pipes are refused: reading one could block for ever, or take what another reads.
func (e *expander) readFile(path string) (string, error) {
	if path == "" {
		return "", errors.New("${file:} names no file")
	}
	path = e.anchor(path)
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(f, maxReferenced+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > maxReferenced {
		return "", fmt.Errorf("%s is larger than %d bytes", path, maxReferenced)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}

// anchor makes a relative path start at the configuration file's folder.
func (e *expander) anchor(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(e.dir, path)
}

// redact puts the reference in the place of every value that came from one. Messages of
// other packages (CEL, URL parsing) quote what they were given; this is the net below
// them all. A value of up to three characters is only replaced as a whole word, since
// otherwise it would be found in every message.
func (e *expander) redact(message string) string {
	longestFirst := slices.SortedFunc(maps.Keys(e.values), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	for _, value := range longestFirst {
		ref, quoted := e.values[value], strconv.Quote(value)
		for _, form := range []string{value, quoted[1 : len(quoted)-1]} {
			if len(form) > 3 {
				message = strings.ReplaceAll(message, form, ref)
				continue
			}
			word := regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(form) + `(\W|$)`)
			message = word.ReplaceAllString(message, "${1}"+strings.ReplaceAll(ref, "$", "$$")+"${2}")
		}
	}
	return message
}
