package mapping

import (
	"math"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Limits of one expression. The length is what Entra allows; the cost is far above any
// sensible expression over one person, and reached within a second.
const (
	maxExpression = 10_000
	maxNesting    = 50
	costLimit     = 1_000_000
	// maxText bounds what one call may make of small pieces, since a call is charged
	// only when it is done.
	maxText = 1 << 20
)

// costs charges calls for the texts and lists that they go through or make. CEL's own
// model charges a flat 1 when it learns the types only at run time, which is always so
// here.
type costs struct{}

// CallCost returns what a call costs.
func (costs) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	total := 1 + weight(result)
	for _, arg := range args {
		total += weight(arg)
	}
	if function == "matches" && len(args) == 2 {
		total += weight(args[0]) * weight(args[1]) // RE2 is linear in both
	}
	return &total
}

// weight is the part of a cost that one value stands for.
func weight(value ref.Val) uint64 {
	switch v := value.(type) {
	case types.String:
		return uint64(len(v)) / 8
	case traits.Lister:
		size, _ := v.Size().(types.Int)
		return uint64(max(size, 0))
	default:
		return 0
	}
}

// replace is text.replace(old, new) and text.replace(old, new, limit) of the string
// extension, with a bound on what it makes.
func replace(args ...ref.Val) ref.Val {
	text, ok1 := args[0].(types.String)
	old, ok2 := args[1].(types.String)
	by, ok3 := args[2].(types.String)
	limit := types.Int(-1)
	ok4 := true
	if len(args) == 4 {
		limit, ok4 = args[3].(types.Int)
	}
	switch {
	case args[0] == types.NullValue:
		return types.NullValue
	case !ok1 || !ok2 || !ok3 || !ok4:
		return types.MaybeNoSuchOverloadErr(args[0])
	case len(text)+strings.Count(string(text), string(old))*len(by) > maxText:
		return types.NewErr("replace would make more than %d bytes", maxText)
	}
	n := int(min(max(limit, -1), math.MaxInt32))
	return types.String(strings.Replace(string(text), string(old), string(by), n))
}
