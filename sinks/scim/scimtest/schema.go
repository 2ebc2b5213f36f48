package scimtest

import (
	"slices"
	"strings"
)

// URNs of RFC 7643 and RFC 7644.
const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	configURN     = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	typeURN       = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaURN     = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	listURN       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	errorURN      = "urn:ietf:params:scim:api:messages:2.0:Error"
	patchURN      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	bulkURN       = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	version11URN  = "urn:scim:schemas:core:1.0"
	bulkAnswerURN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// dataType is an attribute's type (RFC 7643 section 2.3).
type dataType string

const (
	typeString    dataType = "string"
	typeBoolean   dataType = "boolean"
	typeReference dataType = "reference"
	typeDateTime  dataType = "dateTime"
	typeBinary    dataType = "binary"
	typeComplex   dataType = "complex"
)

// attribute is an attribute's definition (RFC 7643 section 7).
type attribute struct {
	name      string
	typ       dataType
	multi     bool
	caseExact bool
	readOnly  bool
	writeOnly bool // also: never returned
	immutable bool
	required  bool
	unique    bool // uniqueness "server"
	canonical []string
	sub       attributes
}

// attributes are definitions in their order; names are compared without regard to letter
// case (RFC 7643 section 2.1).
type attributes []*attribute

func (as attributes) find(name string) *attribute {
	i := slices.IndexFunc(as, func(a *attribute) bool { return strings.EqualFold(a.name, name) })
	if i < 0 {
		return nil
	}
	return as[i]
}

type schema struct {
	id, name, description string
	attrs                 attributes
	byName                map[string]*attribute // lower-case names, for the hot path
}

func newSchema(id, name, description string, attrs attributes) *schema {
	s := &schema{id: id, name: name, description: description, attrs: attrs, byName: make(map[string]*attribute, len(attrs))}
	for _, a := range attrs {
		s.byName[strings.ToLower(a.name)] = a
	}
	return s
}

func (s *schema) find(name string) *attribute {
	if a, ok := s.byName[name]; ok { // already lower case
		return a
	}
	return s.byName[strings.ToLower(name)]
}

// resourceType is a kind of resource with its schemas (RFC 7643 section 6).
type resourceType struct {
	name, plural string
	core         *schema
	extensions   []*schema
}

func (rt *resourceType) extension(urn string) *schema {
	i := slices.IndexFunc(rt.extensions, func(s *schema) bool { return strings.EqualFold(s.id, urn) })
	if i < 0 {
		return nil
	}
	return rt.extensions[i]
}

func userType(q *Quirks) *resourceType {
	rt := &resourceType{name: "User", plural: "Users", core: userSchema()}
	if !q.NoEnterprise {
		rt.extensions = []*schema{enterpriseSchema()}
	}
	return rt
}

func groupType() *resourceType {
	return &resourceType{name: "Group", plural: "Groups", core: groupSchema()}
}

func text(name string) *attribute { return &attribute{name: name, typ: typeString} }

func texts(names ...string) attributes {
	as := make(attributes, len(names))
	for i, n := range names {
		as[i] = text(n)
	}
	return as
}

func complexAttr(name string, sub attributes) *attribute {
	return &attribute{name: name, typ: typeComplex, sub: sub}
}

// plural is a multi-valued attribute with the default sub-attributes of RFC 7643 section 2.4.
func plural(name string, valueType dataType, canonical ...string) *attribute {
	return &attribute{name: name, typ: typeComplex, multi: true, sub: attributes{
		{name: "value", typ: valueType, caseExact: valueType == typeReference || valueType == typeBinary},
		text("display"),
		{name: "type", typ: typeString, canonical: canonical},
		{name: "primary", typ: typeBoolean},
	}}
}

// common are the attributes of every resource (RFC 7643 section 3.1).
func common() attributes {
	return attributes{
		{name: "schemas", typ: typeReference, multi: true, caseExact: true, readOnly: true},
		{name: "id", typ: typeString, caseExact: true, readOnly: true},
		{name: "externalId", typ: typeString, caseExact: true},
		{name: "meta", typ: typeComplex, readOnly: true, sub: attributes{
			{name: "resourceType", typ: typeString, caseExact: true, readOnly: true},
			{name: "created", typ: typeDateTime, readOnly: true},
			{name: "lastModified", typ: typeDateTime, readOnly: true},
			{name: "location", typ: typeReference, caseExact: true, readOnly: true},
			{name: "version", typ: typeString, caseExact: true, readOnly: true},
		}},
	}
}

// userSchema is RFC 7643 section 4.1.
func userSchema() *schema {
	address := plural("addresses", typeString, "work", "home", "other")
	address.sub = append(texts("formatted", "streetAddress", "locality", "region", "postalCode", "country"),
		&attribute{name: "type", typ: typeString, canonical: []string{"work", "home", "other"}}, &attribute{name: "primary", typ: typeBoolean})
	groups := plural("groups", typeString, "direct", "indirect")
	groups.readOnly = true
	groups.sub = append(groups.sub, &attribute{name: "$ref", typ: typeReference, caseExact: true, readOnly: true})
	return newSchema(userURN, "User", "User Account", append(common(),
		&attribute{name: "userName", typ: typeString, required: true, unique: true},
		complexAttr("name", texts("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")),
		text("displayName"), text("nickName"),
		&attribute{name: "profileUrl", typ: typeReference, caseExact: true},
		text("title"), text("userType"), text("preferredLanguage"), text("locale"), text("timezone"),
		&attribute{name: "active", typ: typeBoolean},
		&attribute{name: "password", typ: typeString, writeOnly: true},
		plural("emails", typeString, "work", "home", "other"),
		plural("phoneNumbers", typeString, "work", "home", "mobile", "fax", "pager", "other"),
		plural("ims", typeString, "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
		plural("photos", typeReference, "photo", "thumbnail"),
		address, groups,
		plural("entitlements", typeString), plural("roles", typeString), plural("x509Certificates", typeBinary),
	))
}

// groupSchema is RFC 7643 section 4.2.
func groupSchema() *schema {
	members := &attribute{name: "members", typ: typeComplex, multi: true, sub: attributes{
		{name: "value", typ: typeString, caseExact: true, immutable: true},
		{name: "$ref", typ: typeReference, caseExact: true, immutable: true},
		{name: "type", typ: typeString, immutable: true, canonical: []string{"User", "Group"}},
		text("display"),
	}}
	return newSchema(groupURN, "Group", "Group", append(common(),
		&attribute{name: "displayName", typ: typeString, required: true}, members))
}

// enterpriseSchema is RFC 7643 section 4.3.
func enterpriseSchema() *schema {
	manager := complexAttr("manager", attributes{
		{name: "value", typ: typeString, caseExact: true},
		{name: "$ref", typ: typeReference, caseExact: true},
		{name: "displayName", typ: typeString, readOnly: true},
	})
	return newSchema(enterpriseURN, "EnterpriseUser", "Enterprise User",
		append(texts("employeeNumber", "costCenter", "organization", "division", "department"), manager))
}
