package graphtest

import (
	"encoding/json"
	"slices"
	"strings"
)

// userDefaults are the properties of a user that come without $select.
func userDefaults() []string {
	return []string{
		"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone",
		"officeLocation", "preferredLanguage", "surname", "userPrincipalName",
	}
}

func groupDefaults() []string {
	return []string{"description", "displayName", "groupTypes", "id", "mail", "mailEnabled", "mailNickname", "members", "securityEnabled"}
}

// knownProperty says whether delta queries and look-ups know a property. Others, such as
// birthday or skills, are stored elsewhere and refused.
func knownProperty(kind, name string) bool {
	if strings.HasPrefix(name, "extension_") {
		return true
	}
	if kind == "groups" {
		return slices.Contains(groupDefaults(), name) || slices.Contains([]string{
			"classification", "createdDateTime", "isAssignableToRole", "membershipRule", "onPremisesSyncEnabled", "owners", "visibility",
		}, name)
	}
	return slices.Contains(userDefaults(), name) || slices.Contains([]string{
		"accountEnabled", "city", "companyName", "country", "createdDateTime", "department", "employeeId", "employeeType",
		"faxNumber", "mailNickname", "manager", "onPremisesExtensionAttributes", "onPremisesImmutableId",
		"onPremisesSamAccountName", "onPremisesSyncEnabled", "onPremisesUserPrincipalName", "otherMails", "postalCode",
		"proxyAddresses", "state", "streetAddress", "usageLocation", "userType",
	}, name)
}

// properties appends the selected properties of an object without the braces. Properties
// that never had a value are left out; cleared ones are null if nulls is set, and left
// out otherwise.
func (o *object) properties(dst []byte, names []string, nulls bool) []byte {
	dst = append(dst, `"id":"`...)
	dst = append(dst, o.id...)
	dst = append(dst, '"')
	for _, name := range names {
		v, ok := o.props[name]
		switch {
		case name == "id" || name == "members" || name == "manager":
			continue
		case !ok && name == "businessPhones":
			v = []string{} // a list always has a value
		case !ok || v == nil && !nulls:
			continue
		}
		dst = append(dst, ',', '"')
		dst = append(dst, name...)
		dst = append(dst, '"', ':')
		dst = appendValue(dst, v)
	}
	return dst
}

// appendValue writes a value; plain strings, which are nearly all, without reflection.
func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		if plain(v) {
			dst = append(dst, '"')
			dst = append(dst, v...)
			return append(dst, '"')
		}
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...) // a value that JSON can't hold
	}
	return append(dst, text...)
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			return false
		}
	}
	return true
}

// removed appends the entry of an object that left.
func (o *object) removed(dst []byte) []byte {
	reason := "deleted"
	if o.state == binned {
		reason = "changed"
	}
	return append(dst, `{"id":"`+o.id+`","@removed":{"reason":"`+reason+`"}}`...)
}

// relation appends an entry of manager@delta or members@delta.
func relation(dst []byte, kind, id string, gone bool) []byte {
	dst = append(dst, `{"@odata.type":"#microsoft.graph.`...)
	dst = append(dst, kind...)
	dst = append(dst, `","id":"`...)
	dst = append(dst, id...)
	if gone {
		return append(dst, `","@removed":{"reason":"deleted"}}`...)
	}
	return append(dst, `"}`...)
}

// join writes objects as the elements of a JSON list.
func join(entries [][]byte) []byte {
	n := 2
	for _, e := range entries {
		n += len(e) + 1
	}
	out := make([]byte, 0, n)
	out = append(out, '[')
	for i, e := range entries {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, e...)
	}
	return append(out, ']')
}
