package apply

import (
	"fmt"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Compare returns an object's values as the app shows them, aligned with the job's table,
// and whether an owned one differs from what the app acknowledged. Values that are set
// on creation only belong to the app afterwards; user names and mail addresses are
// compared without case, since many apps change it (RFC 7643 says caseExact false).
func (j *Job) Compare(o *state.Object, hit *sinks.Object) ([]any, bool, error) {
	table := j.Mapping.Users()
	if o.Resource == sinks.Group {
		table = j.Mapping.Groups()
	}
	acked := map[string]any{}
	if o.AckedTable != 0 {
		values, err := mapping.Decode(o.Acked)
		if err != nil {
			return nil, false, fmt.Errorf("stored acknowledged values: %w", err)
		}
		for i, p := range j.Paths[o.AckedTable] {
			if i < len(values) {
				acked[p] = values[i]
			}
		}
	}
	shown, differs := make([]any, len(table.Paths)), false
	for i, p := range table.Paths {
		shown[i] = hit.Values[p]
		switch {
		case i == table.Active || table.CreateOnly[i] || sameText(p, acked[p], shown[i]):
			shown[i] = acked[p]
		case !plan.Equal(acked[p], shown[i]):
			differs = true
		}
	}
	return shown, differs, nil
}

// sameText compares texts whose case an app may change.
func sameText(path string, a, b any) bool {
	if path != sinks.PathUserName && !strings.HasPrefix(path, "emails[") {
		return false
	}
	x, ok := a.(string)
	y, ok2 := b.(string)
	return ok && ok2 && strings.EqualFold(x, y)
}
