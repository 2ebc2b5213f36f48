package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// requests describes what the application was asked and told since the last call, one line
// each, as it came over the wire.
func (s *site) requests() []string {
	seen := s.app.Requests()
	s.app.ResetCounts()
	lines := make([]string, len(seen))
	for i := range seen {
		lines[i] = clip(fmt.Sprintf("%-6s %-18s %d  %s", seen[i].Method, target(&seen[i]), seen[i].Status, s.content(&seen[i])))
	}
	return lines
}

// maxLine is the longest line that is shown, in characters.
const maxLine = 110

func clip(line string) string {
	line = strings.TrimRight(line, " ")
	if runes := []rune(line); len(runes) > maxLine {
		return string(runes[:maxLine-1]) + "…"
	}
	return line
}

// target is a request's path with the id cut short.
func target(r *scimtest.Request) string {
	parts := strings.Split(r.Path, "/")
	if len(parts) == 3 && len(parts[2]) > 8 {
		parts[2] = parts[2][:8] + "…"
	}
	return strings.Join(parts, "/")
}

// message is a SCIM message as far as it is shown: a resource, a PATCH or a list.
type message struct {
	DisplayName  string
	UserName     string
	Members      []json.RawMessage
	TotalResults *int
	Operations   []struct {
		Op, Path string
		Value    any
	}
}

func (s *site) content(r *scimtest.Request) string {
	var m message
	switch r.Method {
	case http.MethodGet:
		return query(r)
	case http.MethodPost:
		if json.Unmarshal([]byte(r.Body), &m) != nil {
			return ""
		}
		if len(m.Members) > 0 {
			return fmt.Sprintf("%s, %d members", m.DisplayName, len(m.Members))
		}
		return strings.TrimSpace(m.DisplayName + " " + m.UserName)
	case http.MethodPatch:
		if json.Unmarshal([]byte(r.Body), &m) != nil {
			return ""
		}
		return s.nameOf(r.Path) + ": " + s.operations(&m)
	default:
		return s.nameOf(r.Path)
	}
}

// query is what a read asked for, and how much was found.
func query(r *scimtest.Request) string {
	values, err := url.ParseQuery(r.Query)
	if err != nil {
		return r.Query
	}
	asked := values.Get("filter")
	if asked == "" && values.Get("startIndex") != "" {
		asked = "from " + values.Get("startIndex")
	}
	var m message
	if json.Unmarshal([]byte(r.Answer), &m) == nil && m.TotalResults != nil {
		return fmt.Sprintf("%s → %d found", asked, *m.TotalResults)
	}
	return asked
}

// nameOf is the display name of the user or group that a path names.
func (s *site) nameOf(path string) string {
	_, id, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if u, ok := s.app.User(id); ok {
		name, _ := u.Values["displayName"].(string)
		return name
	}
	if g, ok := s.app.Group(id); ok {
		return g.DisplayName
	}
	return id
}

// operations lists what a PATCH does; members of a group are counted.
func (s *site) operations(m *message) string {
	var done []string
	members := map[string]int{}
	for _, o := range m.Operations {
		op := strings.ToLower(o.Op)
		switch list, isList := o.Value.([]any); {
		case strings.HasPrefix(o.Path, "members["):
			members[op]++
		case o.Path == "members" && isList:
			members[op] += len(list)
		default:
			done = append(done, strings.TrimSpace(short(o.Path)+" = "+s.value(o.Value)))
		}
	}
	for _, op := range []string{"add", "remove"} {
		if members[op] > 0 {
			done = append(done, op+" "+number(members[op], "member"))
		}
	}
	return strings.Join(done, ", ")
}

// short leaves the schema out of a path.
func short(path string) string {
	if strings.HasPrefix(path, "urn:") {
		return path[strings.LastIndexByte(path, ':')+1:]
	}
	return path
}

// value writes a value; an object with an id of a person, such as a manager, by name.
func (s *site) value(v any) string {
	if object, ok := v.(map[string]any); ok {
		v = object["value"]
	}
	id, ok := v.(string)
	if u, known := s.app.User(id); ok && known {
		v = u.Values["displayName"]
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// number writes a count with its noun: "1 member", "2,345 members".
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
