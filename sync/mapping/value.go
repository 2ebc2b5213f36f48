package mapping

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// normalise turns a source's value into one of the forms a sink takes: nil, string, bool,
// float64, []any or map[string]any.
//
// The empty string becomes nil: nobody who reads an account can tell the two apart, and
// applications store one as the other. RFC 7643 section 2.5 says the same of empty lists,
// which become nil too, as do objects without a value. Nulls inside a list are dropped.
func normalise(value any) (any, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		if v == "" {
			return nil, nil
		}
		return value, nil // not v, which would be put in an interface anew
	case bool:
		return value, nil
	case float64:
		return finite(v)
	case []any:
		return normaliseList(v)
	case map[string]any:
		return normaliseMap(v)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return normaliseList(list)
	default:
		return normaliseNumber(value)
	}
}

// normaliseNumber takes the Go numbers that configuration files and decoders make.
func normaliseNumber(value any) (any, error) {
	switch v := value.(type) {
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case uint64:
		return float64(v), nil
	case float32:
		return finite(float64(v))
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("a number that does not fit: %w", err)
		}
		return f, nil
	default:
		return nil, fmt.Errorf("a value of type %T can't be sent", value)
	}
}

func finite(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v is not a number that JSON can hold", f)
	}
	return f, nil
}

func normaliseList(list []any) (any, error) {
	out := make([]any, 0, len(list))
	for _, element := range list {
		v, err := normalise(element)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func normaliseMap(m map[string]any) (any, error) {
	out := make(map[string]any, len(m))
	for key, element := range m {
		v, err := normalise(element)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if v != nil {
			out[key] = v
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// fromCEL turns the result of an expression into a normalised value. A time becomes RFC
// 3339 text, as SCIM's dateTime wants (RFC 7643 section 2.3.5).
func fromCEL(value ref.Val) (any, error) {
	switch v := value.(type) {
	case types.Null:
		return nil, nil
	case types.String:
		return normalise(string(v))
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return float64(v), nil
	case types.Uint:
		return float64(v), nil
	case types.Double:
		return finite(float64(v))
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339Nano), nil
	case traits.Mapper:
		return mapFromCEL(v)
	case traits.Lister:
		return listFromCEL(v)
	default:
		return nil, fmt.Errorf("the result is a %s, which can't be sent", value.Type().TypeName())
	}
}

func listFromCEL(list traits.Lister) (any, error) {
	size, _ := list.Size().(types.Int)
	out := make([]any, 0, size)
	for i := range size {
		v, err := fromCEL(list.Get(i))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return normaliseList(out)
}

func mapFromCEL(m traits.Mapper) (any, error) {
	out := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("the result has a %s as a key; only strings can be sent", key.Type().TypeName())
		}
		v, err := fromCEL(m.Get(key))
		if err != nil {
			return nil, err
		}
		out[string(name)] = v
	}
	return normaliseMap(out)
}
