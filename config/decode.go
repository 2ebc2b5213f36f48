package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxNodes bounds the values read from one file, so that aliases of aliases can't grow a
// small file into a huge one.
const maxNodes = 500_000

// defaulter is a configuration type that fills in what the file may leave out.
type defaulter interface{ SetDefaults() }

// union is a configuration type whose keys depend on its `type`.
type union interface {
	// variant makes the variant for a type and returns a pointer to it, or nil.
	variant(kind string) any
	// kinds lists the types.
	kinds() []string
}

// worded is an enumeration that knows its words, for hints.
type worded interface{ Words() []string }

// decoder fills Go values from the syntax tree. The YAML library's own decoder stops at
// the first mistake and forgets where values stood; this one reports every mistake and
// keeps the place of every key.
type decoder struct {
	*document
	nodes int
}

// decode fills one value. Its type decides what the node must be.
func (d *decoder) decode(key string, node ast.Node, into reflect.Value) {
	d.nodes++
	node = d.resolve(node)
	switch {
	case node == nil:
		d.reportAt(key, complain("an alias (*) without an anchor (&) of that name"))
		return
	case d.nodes > maxNodes:
		return // Parse reports it once
	}
	if tag, ok := node.(*ast.TagNode); ok {
		d.report(d.start(tag), key, complain("a YAML tag (%s) has no meaning here", tag.Start.Value))
		return
	}
	if u, ok := into.Addr().Interface().(union); ok {
		d.union(key, node, u)
		return
	}
	if isScalar(into) {
		d.scalar(key, node, into)
		return
	}
	if _, ok := node.(*ast.NullNode); ok {
		setDefaults(into) // `mapping:` with nothing below it is as good as no mapping
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.decode(key, node, into.Elem())
	case reflect.Struct:
		if entries, ok := d.entries(key, node); ok {
			d.structure(key, entries, into)
		}
	case reflect.Map:
		d.mapping(key, node, into)
	case reflect.Slice:
		d.list(key, node, into)
	default:
		panic(fmt.Sprintf("config: no way to decode a %s at %s", into.Type(), key))
	}
}

// isScalar says whether a Go value is written as one word in YAML.
func isScalar(v reflect.Value) bool {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return true
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64, reflect.Interface:
		return true
	default:
		return false
	}
}

func setDefaults(v reflect.Value) {
	if d, ok := v.Addr().Interface().(defaulter); ok {
		d.SetDefaults()
	}
}

// entries returns the pairs of a mapping by key, with merge keys (<<) resolved and
// repeated keys reported.
func (d *decoder) entries(key string, node ast.Node) ([]entry, bool) {
	values, ok := d.pairs(node, 0)
	if !ok {
		d.report(d.start(node), key, complain("expected a mapping, not %s", nameOf(node)))
		return nil, false
	}
	var found []entry
	for _, v := range values {
		i := slices.IndexFunc(found, func(e entry) bool { return e.key == v.key })
		switch {
		case i < 0:
			found = append(found, v)
		case v.merged:
			// What the mapping says itself wins over what it merges.
		case found[i].merged:
			found[i] = v
		default:
			d.report(v.at, join(key, v.key), complain("the same key a second time").withHint("the first one is in line %d", found[i].at.line))
		}
	}
	return found, true
}

// entry is one pair of a mapping.
type entry struct {
	key    string
	at     position
	value  ast.Node
	merged bool
}

func (d *decoder) pairs(node ast.Node, depth int) ([]entry, bool) {
	m, ok := node.(ast.MapNode)
	if !ok || depth > 10 {
		return nil, false
	}
	var out []entry
	for it := m.MapRange(); it.Next(); {
		pair := it.KeyValue()
		if pair.Key.IsMergeKey() {
			below, _ := d.pairs(d.resolve(pair.Value), depth+1)
			for i := range below {
				below[i].merged = true
			}
			out = append(out, below...)
			continue
		}
		tk := pair.Key.GetToken()
		out = append(out, entry{key: tk.Value, at: positionOf(tk), value: pair.Value})
	}
	return out, true
}

// structure decodes a mapping into a struct: every key must be one of its fields.
func (d *decoder) structure(key string, entries []entry, into reflect.Value) {
	setDefaults(into)
	fields := fieldsOf(into)
	for _, e := range entries {
		path := join(key, e.key)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == e.key })
		if i < 0 {
			d.unknownKey(key, e, fields)
			continue
		}
		d.spots[path] = spot{key: e.at, value: e.value}
		d.decode(path, e.value, fields[i].value)
		if fields[i].path {
			fields[i].value.SetString(d.refs.anchor(fields[i].value.String()))
		}
	}
}

// unknownKey reports a key that does not exist here. The key that was probably meant
// counts as given, lest it be reported as missing too.
func (d *decoder) unknownKey(parent string, e entry, fields []field) {
	known := make([]string, len(fields))
	for i := range fields {
		known[i] = fields[i].name
	}
	d.report(e.at, join(parent, e.key), complaint{"unknown key", didYouMean(e.key, known)})
	if near := nearest(e.key, known); near != "" {
		d.guessed[join(parent, near)] = true
	}
}

// union decodes a mapping whose `type` says which keys it may have.
func (d *decoder) union(key string, node ast.Node, u union) {
	entries, ok := d.entries(key, node)
	if !ok {
		return
	}
	i := slices.IndexFunc(entries, func(e entry) bool { return e.key == "type" })
	if i < 0 {
		d.report(d.start(node), join(key, "type"), complaint{"missing", "one of " + strings.Join(u.kinds(), ", ")})
		return
	}
	d.spots[join(key, "type")] = spot{key: entries[i].at, value: entries[i].value}
	var kind string
	d.decode(join(key, "type"), entries[i].value, reflect.ValueOf(&kind).Elem())
	variant := u.variant(kind)
	if variant == nil {
		if kind != "" {
			d.reportAt(join(key, "type"), complaint{fmt.Sprintf("unknown type %q", kind), didYouMean(kind, u.kinds())})
		}
		return
	}
	d.structure(key, slices.Delete(entries, i, i+1), reflect.ValueOf(variant).Elem())
}

// mapping decodes a mapping with free keys.
func (d *decoder) mapping(key string, node ast.Node, into reflect.Value) {
	entries, ok := d.entries(key, node)
	if !ok {
		return
	}
	into.Set(reflect.MakeMapWithSize(into.Type(), len(entries)))
	for _, e := range entries {
		path := join(key, e.key)
		d.spots[path] = spot{key: e.at, value: e.value}
		element := reflect.New(into.Type().Elem()).Elem()
		d.decode(path, e.value, element)
		into.SetMapIndex(reflect.ValueOf(e.key), element)
	}
}

// list decodes a sequence.
func (d *decoder) list(key string, node ast.Node, into reflect.Value) {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		d.report(d.start(node), key, complain("expected a list, not %s", nameOf(node)))
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(seq.Values), len(seq.Values)))
	for i, value := range seq.Values {
		path := fmt.Sprintf("%s[%d]", key, i)
		d.spots[path] = spot{key: d.start(value), value: value}
		d.decode(path, value, into.Index(i))
	}
}

func join(parent, key string) string {
	if parent == "" {
		return key
	}
	return parent + "." + key
}
