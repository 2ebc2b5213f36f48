package state

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sync/provlog"
)

// A record comes out of the log as it would have come out of JSON, whatever is in it.
func TestRecordsKeepTheirJSON(t *testing.T) {
	value := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) any { return f }), rapid.Just[any](int64(7)), rapid.Just[any]([]any{}),
		rapid.Just[any]([]any{"a", nil, map[string]any{"b": true}}), rapid.Just[any](map[string]any{"n": []string{"not plain"}}),
	)
	word := rapid.SampledFrom([]string{"", "user", "group", "Ada", "01M808X5EF3PWKXTVVMH3E22Z1"})
	path := rapid.OneOf(rapid.SampledFrom(wellKnown[:]), rapid.SampledFrom([]string{"", "custom", "members"}))
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.Custom(func(t *rapid.T) provlog.Identity {
			return provlog.Identity{ID: word.Draw(t, "id"), DisplayName: word.Draw(t, "name"), Type: word.Draw(t, "type")}
		})
		r := provlog.Record{
			ID: word.Draw(t, "id"), Time: time.Unix(rapid.Int64Range(-1e10, 1e10).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC(),
			Job: word.Draw(t, "job"), CycleID: word.Draw(t, "cycle"), ChangeID: word.Draw(t, "change"), Trigger: word.Draw(t, "trigger"),
			Resource: word.Draw(t, "resource"), Action: provlog.ActionCreate, Status: provlog.Status(word.Draw(t, "status")),
			SourceIdentity: id.Draw(t, "source"), TargetIdentity: id.Draw(t, "target"), DurationMS: rapid.Int64Range(0, 1e9).Draw(t, "ms"),
		}
		for range rapid.IntRange(0, 4).Draw(t, "properties") {
			r.ModifiedProperties = append(r.ModifiedProperties, provlog.Property{Path: path.Draw(t, "path"), Old: value.Draw(t, "old"), New: value.Draw(t, "new")})
		}
		if rapid.Bool().Draw(t, "failed") {
			r.Error = &provlog.Error{Code: provlog.Code(word.Draw(t, "code")), Message: word.Draw(t, "message"), Advice: word.Draw(t, "advice")}
		}
		if rapid.Bool().Draw(t, "stepped") {
			r.Steps = []provlog.Step{{Name: provlog.StepMatch, Status: provlog.StatusSuccess, Data: map[string]any{"a": 1.5}}}
		}
		text, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		var want provlog.Record
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		body, err := encodeRecord(&r)
		if err != nil {
			t.Fatal(err)
		}
		have, err := decodeRecord(body, r.SourceIdentity.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("-as JSON +as stored:\n%s", diff)
		}
	})
}

// Bytes that no record has are an error and no panic.
func TestDamagedRecord(t *testing.T) {
	for _, body := range [][]byte{nil, {compact}, {compact, 3, 9, 9}, []byte("{"), {compact, 21}, {compact, 22}} {
		if r, err := decodeRecord(body, "u1"); err == nil {
			t.Errorf("%v was read as %+v", body, r)
		}
	}
}
