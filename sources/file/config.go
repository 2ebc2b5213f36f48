package file

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/idpbridge/idpbridge/sources"
)

// Config is a directory in files as configured. Only Users is needed.
type Config struct {
	// Users is the file of people.
	Users string `yaml:"users" path:"relative"`
	// Groups is the file of groups and their members; empty: no groups.
	Groups string `yaml:"groups" path:"relative"`
	// Format is jsonl or csv; empty: by the file's ending.
	Format string `yaml:"format"`
	// Delimiter separates the cells of CSV; empty: a comma.
	Delimiter string `yaml:"delimiter"`
	// Columns says where the well-known fields of a user stand.
	Columns Columns `yaml:"columns"`

	// PageSize is the number of rows in a page; 0: 500.
	PageSize int `yaml:"-"`
}

// Columns holds the column (CSV) or key (JSON lines) of each well-known field of a user.
// Empty names stand for the ones given below.
type Columns struct {
	// ID is the immutable id: a personnel number, never a name. Default `id`.
	ID string `yaml:"id"`
	// UserName is the sign-in name. Default `userName`.
	UserName string `yaml:"user_name"`
	// Mail is the main address. Default `mail`.
	Mail string `yaml:"mail"`
	// DisplayName is the name shown. Default `displayName`.
	DisplayName string `yaml:"display_name"`
	// Active says whether the person may sign in. Default `active`.
	Active string `yaml:"active"`
	// Manager is the id of the person's manager. Default `manager`.
	Manager string `yaml:"manager"`
}

const defaultPageSize = 500

// Validate reports every mistake that can be seen without opening the files.
func (c Config) Validate() []sources.Problem {
	var out []sources.Problem
	report := func(key, format string, args ...any) {
		out = append(out, sources.Problem{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	if c.Users == "" {
		report("users", "is required: the file of people")
	}
	if !slices.Contains([]string{"", formatJSONL, formatCSV}, c.Format) {
		report("format", "%q is not one of jsonl, csv", c.Format)
	} else {
		for key, path := range map[string]string{"users": c.Users, "groups": c.Groups} {
			if path != "" && c.formatOf(path) == "" {
				report(key, "the ending is neither .csv nor .jsonl; say which one it is with format")
			}
		}
	}
	if r, n := utf8.DecodeRuneInString(c.Delimiter); c.Delimiter != "" && (n != len(c.Delimiter) || r == '"' || r == '\n' || r == '\r' || r == utf8.RuneError) {
		report("delimiter", "not a single character that can separate cells")
	}
	return out
}

const (
	formatJSONL = "jsonl"
	formatCSV   = "csv"
)

// formatOf returns the format of a file, or "" when it can't be told.
func (c Config) formatOf(path string) string {
	if c.Format != "" {
		return c.Format
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return formatCSV
	case ".jsonl", ".ndjson":
		return formatJSONL
	default:
		return ""
	}
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		into *string
		name string
	}{
		{&c.Delimiter, ","},
		{&c.Columns.ID, "id"},
		{&c.Columns.UserName, "userName"},
		{&c.Columns.Mail, "mail"},
		{&c.Columns.DisplayName, "displayName"},
		{&c.Columns.Active, "active"},
		{&c.Columns.Manager, "manager"},
	} {
		if *d.into == "" {
			*d.into = d.name
		}
	}
	if c.PageSize <= 0 {
		c.PageSize = defaultPageSize
	}
	return c
}
