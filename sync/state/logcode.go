package state

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// A record in the log is kept in the compact form of mapping.Encode behind the byte
// compact, since the records of an initial cycle would take four times as much space as
// everything else as JSON: fields have no names there, and well-known paths are numbers.
// What has more to tell (a provision on demand) is JSON, which begins with a brace.
const compact = 1

// wellKnown are the paths that have numbers, by place. Stored records depend on the
// places: new ones go to the end.
var wellKnown = [...]string{
	"userName", "displayName", "active", "externalId", "title", "userType", "preferredLanguage", "locale", "timezone", "nickName",
	"name.givenName", "name.familyName", "name.formatted", "name.middleName", "name.honorificPrefix", "name.honorificSuffix",
	`emails[type eq "work"].value`, `emails[primary eq true].value`, "members",
	`addresses[type eq "work"].formatted`, `addresses[type eq "work"].streetAddress`, `addresses[type eq "work"].locality`,
	`addresses[type eq "work"].region`, `addresses[type eq "work"].postalCode`, `addresses[type eq "work"].country`,
	`phoneNumbers[type eq "work"].value`, `phoneNumbers[type eq "mobile"].value`, `phoneNumbers[type eq "fax"].value`,
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
}

// headFields is how many values stand before a record's properties.
const headFields = 20

// encodeRecord returns the form that a record is stored in.
func encodeRecord(r *provlog.Record) ([]byte, error) {
	if len(r.Steps) > 0 || slices.ContainsFunc(r.ModifiedProperties, func(p provlog.Property) bool { return !plain(p.Old) || !plain(p.New) }) {
		return json.Marshal(r)
	}
	// A usual record of a creation fits into the room.
	e := recordEncoder{mapping.NewEncoder(append(make([]byte, 0, 1024), compact), headFields+3*len(r.ModifiedProperties))}
	e.head(r)
	for _, p := range r.ModifiedProperties {
		if i := slices.Index(wellKnown[:], p.Path); i >= 0 {
			e.Number(float64(i))
		} else {
			e.Text(p.Path)
		}
		e.Value(p.Old)
		e.Value(p.New)
	}
	return e.Bytes(), nil
}

// recordEncoder writes a record in the order that decodeRecord reads.
type recordEncoder struct{ *mapping.Encoder }

// head writes what stands before the properties.
func (e recordEncoder) head(r *provlog.Record) {
	source, target := &r.SourceIdentity, &r.TargetIdentity
	e.text(r.ID)
	e.Number(float64(r.Time.Unix()))
	e.Number(float64(r.Time.Nanosecond()))
	e.text(r.Job)
	e.text(r.CycleID)
	e.usual(r.ChangeID, r.ID)
	e.text(r.Trigger)
	e.text(r.Resource)
	e.text(string(r.Action))
	e.text(string(r.Status))
	e.usual(source.ID, source.ID) // it is in the row
	e.text(source.DisplayName)
	e.usual(source.Type, r.Resource)
	e.text(target.ID)
	e.usual(target.DisplayName, source.DisplayName)
	e.usual(target.Type, r.Resource)
	e.Number(float64(r.DurationMS))
	e.failure(r.Error)
}

func (e recordEncoder) failure(f *provlog.Error) {
	if f == nil {
		for range 3 {
			e.Value(nil)
		}
		return
	}
	e.Text(string(f.Code)) // never nil, which says that nothing failed
	e.text(f.Message)
	e.text(f.Advice)
}

// text writes a text, nil for none.
func (e recordEncoder) text(s string) { e.usual(s, "") }

// usual writes a text, true for the one that is usual in its place.
func (e recordEncoder) usual(s, word string) {
	switch s {
	case "":
		e.Value(nil)
	case word:
		e.Value(true)
	default:
		e.Text(s)
	}
}

// plain says whether mapping.Encode takes a value.
func plain(v any) bool {
	switch v := v.(type) {
	case nil, string, bool, float64:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !plain(e) })
	case map[string]any:
		for _, e := range v {
			if !plain(e) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// decodeRecord reads what encodeRecord returned. The id of the source's object is not in it
// again, since the row has it for its index.
func decodeRecord(body []byte, source string) (provlog.Record, error) {
	var r provlog.Record
	if len(body) == 0 || body[0] != compact {
		return r, json.Unmarshal(body, &r)
	}
	v, err := mapping.Decode(body[1:])
	if err != nil {
		return r, fmt.Errorf("record of the log: %w", err)
	}
	if len(v) < headFields || (len(v)-headFields)%3 != 0 {
		return r, fmt.Errorf("record of the log: it has %d values", len(v))
	}
	f := fields(v)
	r = provlog.Record{
		ID: f.text(0), Time: time.Unix(int64(f.number(1)), int64(f.number(2))).UTC(), Job: f.text(3), CycleID: f.text(4), ChangeID: f.usual(5, f.text(0)),
		Trigger: f.text(6), Resource: f.text(7), Action: provlog.Action(f.text(8)), Status: provlog.Status(f.text(9)), DurationMS: int64(f.number(16)),
	}
	r.SourceIdentity = provlog.Identity{ID: f.usual(10, source), DisplayName: f.text(11), Type: f.usual(12, r.Resource)}
	r.TargetIdentity = provlog.Identity{ID: f.text(13), DisplayName: f.usual(14, r.SourceIdentity.DisplayName), Type: f.usual(15, r.Resource)}
	if v[17] != nil {
		r.Error = &provlog.Error{Code: provlog.Code(f.text(17)), Message: f.text(18), Advice: f.text(19)}
	}
	r.ModifiedProperties = f.properties()
	return r, nil
}

// fields are the values of a stored record.
type fields []any

func (f fields) text(i int) string {
	s, _ := f[i].(string) // nil stands for ""
	return s
}

func (f fields) number(i int) float64 {
	n, _ := f[i].(float64) // nil stands for 0
	return n
}

// usual returns a text, for which true stands for the usual one.
func (f fields) usual(i int, word string) string {
	if f[i] == true {
		return word
	}
	return f.text(i)
}

func (f fields) properties() provlog.Properties {
	out := make(provlog.Properties, 0, (len(f)-headFields)/3)
	for i := headFields; i < len(f); i += 3 {
		p := provlog.Property{Path: f.text(i), Old: f[i+1], New: f[i+2]}
		if n, ok := f[i].(float64); ok && n >= 0 && int(n) < len(wellKnown) {
			p.Path = wellKnown[int(n)]
		}
		out = append(out, p)
	}
	return out
}
