package scim

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// Override replaces single fields of a profile; nil keeps the profile's. Its fields have
// the names of Profile's.
type Override struct {
	UserUpdate        *UpdateVerb    `yaml:"user_update"`
	GroupUpdate       *UpdateVerb    `yaml:"group_update"`
	PatchForm         *PatchForm     `yaml:"patch_form"`
	EntryOp           *string        `yaml:"entry_op"`
	MemberRemoval     *MemberRemoval `yaml:"member_removal"`
	MembersPerRequest *int           `yaml:"members_per_request"`
	MembersOnCreate   *bool          `yaml:"members_on_create"`
	MembersUnreadable *bool          `yaml:"members_unreadable"`
	Paging            *Paging        `yaml:"paging"`
	PageSize          *int           `yaml:"page_size"`
	Filterable        *[]string      `yaml:"filterable"`
	CaseExact         *[]string      `yaml:"case_exact"`
	CaseIgnored       *[]string      `yaml:"case_ignored"`
	NotFoundIsEmpty   *bool          `yaml:"not_found_is_empty"`
	DisableIsFinal    *bool          `yaml:"disable_is_final"`
	UserDelete        *DeleteEffect  `yaml:"user_delete"`
	NotClearable      *[]string      `yaml:"not_clearable"`
	Fixed             *[]string      `yaml:"fixed"`
	Required          *[]string      `yaml:"required"`
	SingleValued      *[]string      `yaml:"single_valued"`
	Unechoed          *[]string      `yaml:"unechoed"`
	RejectedConflicts *[]string      `yaml:"rejected_conflicts"`
	ThrottleStatus    *[]int         `yaml:"throttle_status"`
	IfMatch           *IfMatch       `yaml:"if_match"`
	NoBulk            *bool          `yaml:"no_bulk"`
	Concurrency       *int           `yaml:"concurrency"`
	Budgets           *[]BudgetSpec  `yaml:"budgets"`
}

// BudgetSpec is a Budget as it is written in the configuration.
type BudgetSpec struct {
	Methods  []string `yaml:"methods"`
	Resource string   `yaml:"resource"` // user | group | empty: both
	MinBytes int      `yaml:"min_bytes"`
	Rate     string   `yaml:"rate"` // e.g. 180/m
	Burst    int      `yaml:"burst"`
}

// apply lays the override over a profile. Fields meet by name, so that a new setting
// can't be forgotten here; a test holds the two types together.
func (o Override) apply(p Profile) Profile {
	src, dst := reflect.ValueOf(o), reflect.ValueOf(&p).Elem()
	for i := range src.NumField() {
		f := src.Field(i)
		if f.IsNil() {
			continue
		}
		if specs, ok := reflect.TypeAssert[*[]BudgetSpec](f); ok {
			p.Budgets = budgets(*specs)
			continue
		}
		dst.FieldByName(src.Type().Field(i).Name).Set(f.Elem())
	}
	return p
}

func budgets(specs []BudgetSpec) []Budget {
	out := make([]Budget, 0, len(specs))
	for _, s := range specs {
		n, per, err := parseRate(s.Rate)
		if err != nil {
			continue // Validate reports it
		}
		b := Budget{Methods: s.Methods, MinBytes: s.MinBytes, N: n, Per: per, Burst: s.Burst}
		switch s.Resource {
		case "user":
			b.Resource = sinks.User
		case "group":
			b.Resource = sinks.Group
		}
		out = append(out, b)
	}
	return out
}

// difference is the override that makes one profile out of another.
func difference(from, to Profile) Override {
	var o Override
	src, old, dst := reflect.ValueOf(to), reflect.ValueOf(from), reflect.ValueOf(&o).Elem()
	for i := range dst.NumField() {
		name := dst.Type().Field(i).Name
		now := src.FieldByName(name)
		if name == "Budgets" || reflect.DeepEqual(now.Interface(), old.FieldByName(name).Interface()) {
			continue
		}
		p := reflect.New(now.Type())
		p.Elem().Set(now)
		dst.Field(i).Set(p)
	}
	return o
}

// lines writes the override as it stands in a configuration.
func (o Override) lines() []string {
	var out []string
	v := reflect.ValueOf(o)
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsNil() {
			continue
		}
		text := fmt.Sprint(f.Elem().Interface())
		if list, ok := reflect.TypeAssert[*[]string](f); ok {
			quoted := make([]string, len(*list))
			for i, s := range *list {
				quoted[i] = quote(s)
			}
			text = "[" + strings.Join(quoted, ", ") + "]"
		}
		out = append(out, v.Type().Field(i).Tag.Get("yaml")+": "+text)
	}
	return out
}
