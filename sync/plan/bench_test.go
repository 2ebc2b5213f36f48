package plan_test

import (
	"fmt"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// BenchmarkObject plans a user with twenty attributes who has to be made, who is equal
// already, and who differs in one attribute.
func BenchmarkObject(b *testing.B) {
	const attributes = 20
	f := plan.Facts{
		Resource: sinks.User, Presence: plan.Active, InScope: true, Paths: make([]string, attributes), CreateOnly: make([]bool, attributes),
		Desired: make([]any, attributes), Acked: map[string]any{}, Manager: plan.Manager{Same: true},
	}
	equal := map[string]any{}
	for i := range attributes {
		f.Paths[i], f.Desired[i] = fmt.Sprintf("attribute%d", i), fmt.Sprintf("value %d", i)
		equal[f.Paths[i]] = f.Desired[i]
	}
	linked := f
	linked.Linked, linked.Account, linked.Acked = true, plan.Enabled, equal
	differs := linked
	differs.Desired = append([]any{"another value"}, f.Desired[1:]...)
	for _, c := range []struct {
		name  string
		facts plan.Facts
		want  plan.Kind
	}{{"create", f, plan.Create}, {"nothing", linked, plan.Nothing}, {"update", differs, plan.Update}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if step := plan.Object(plan.Default(), c.facts); step.Kind != c.want {
					b.Fatalf("%v", step)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "users/s")
		})
	}
}
