package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

const about = `What a person can do with idpbridge, for programs. Times are RFC 3339 in UTC, names are in snake_case, errors are
problem documents (RFC 9457). Every answer has an X-Request-Id, which stands in the log.

Who calls shows a token: ` + "`Authorization: Bearer TOKEN`" + `. Each operation names the role that it needs:

- **viewer** reads everything: jobs, cycles, the provisioning log, escrow, held deletions;
- **operator** may also run cycles, provision on demand, pause, resume, and release from quarantine;
- **admin** may also restart jobs, and approve or reject held deletions.

Without tokens in the configuration the server listens on loopback alone, and requests must come from this
machine and name it: a foreign Host or Origin is refused. Every request that changes something, and every one
that is refused, leaves an audit record in the log.`

// describe returns the document before there are operations.
func describe() huma.Config {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	// Two types of the same shape: a change that was made and one that is planned.
	schemas.RegisterTypeAlias(reflect.TypeFor[state.Property](), reflect.TypeFor[provlog.Property]())
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "idpbridge", Version: "1", Description: about},
			Servers: []*huma.Server{{URL: "/"}},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {
					Type: "http", Scheme: "bearer", Description: "A token of http.tokens in the configuration. `idpbridge token` makes one.",
				}},
			},
			Tags: []*huma.Tag{
				{Name: "jobs", Description: "Jobs and what stops them"},
				{Name: "cycles", Description: "Runs of jobs, and provisioning on demand"},
				{Name: "log", Description: "What was changed, and what could not be"},
				{Name: "deletions", Description: "What the accidental-deletion guard holds back"},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// tidy makes the schemas say what the answers are. Types say nothing of null: a pointer to
// an object may be null, and a list never is. Requests are closed, so that a misspelt name
// is an error; answers are open, so that a later version may tell more.
func tidy(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas
	for name, schema := range schemas.Map() {
		if !strings.HasSuffix(name, "Request") {
			schema.AdditionalProperties = nil
		}
		t := schemas.TypeFromRef("#/components/schemas/" + name)
		for field := range t.Fields() {
			key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			p := schema.Properties[key]
			if p == nil {
				continue
			}
			if p.Type == huma.TypeArray {
				p.Nullable = false
			}
			if field.Type.Kind() == reflect.Pointer && p.Ref != "" && !strings.HasPrefix(options, "omit") {
				schema.Properties[key] = &huma.Schema{OneOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
			}
			p.Enum = words(name + "." + key)
		}
	}
}

// words returns what a property of an answer may be, where that is a fixed list.
func words(property string) []any {
	switch property {
	case "Job.state", "Explanation.job_state":
		return list(quarantine.States())
	case "Quarantine.reason":
		return list(quarantine.Reasons())
	case "Cycle.status":
		return list([]text{"running", "succeeded", "partial", "held", "failed", "aborted"})
	case "Cycle.kind":
		return list([]text{"initial", "incremental", "reconcile"})
	case "Cycle.trigger", "Record.trigger":
		return list([]text{provlog.TriggerSchedule, provlog.TriggerManual, provlog.TriggerAPI})
	case "Record.action", "Provision.action":
		return list(provlog.Actions())
	case "Record.status":
		return list(provlog.Statuses())
	case "Explanation.presence":
		return list([]text{"active", "disabled", "deleted", "gone", "unknown"})
	case "Link.account":
		return list([]text{"enabled", "disabled"})
	case "Step.status":
		return list([]provlog.Status{provlog.StatusSuccess, provlog.StatusFailure, provlog.StatusSkipped})
	case "Step.name":
		return list([]text{provlog.StepConnect, provlog.StepImport, provlog.StepScope, provlog.StepMatch, provlog.StepAct})
	case "Provision.result":
		return list([]text{"success", "skipped", "failure"})
	case "Record.resource", "Escrow.resource", "StagedDeletion.resource", "Change.resource":
		return list([]text{"user", "group"})
	case "StagedDeletion.decision", "HeldDeletion.decision":
		return list([]text{"waiting", "approved", "rejected"})
	default:
		return nil
	}
}

// text is a word that has no type of its own.
type text string

func (t text) String() string { return string(t) }

func list[W fmt.Stringer](words []W) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w.String()
	}
	return out
}

// Document returns the OpenAPI document as docs/openapi.json has it.
func Document() ([]byte, error) {
	return newServer(Options{}).document()
}

func (s *server) document() ([]byte, error) {
	raw, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func (s *server) serveDocument(w http.ResponseWriter, r *http.Request) {
	doc, err := s.document()
	if err != nil {
		s.log.ErrorContext(r.Context(), "OpenAPI document can't be written", "error", err)
		writeProblem(w, r, problem(http.StatusInternalServerError, "the document can't be written; the log says why"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(doc)
}
