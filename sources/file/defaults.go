package file

import "github.com/idpbridge/idpbridge/sources"

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"

// DefaultUserMapping is the mapping of users when a job configures none. It reads the
// well-known fields and the column names that most exports can be given.
func DefaultUserMapping() []sources.DefaultRow {
	return []sources.DefaultRow{
		{To: "userName", From: "user.userName", Match: 1},
		{To: "externalId", From: "user.id"},
		{To: "active", From: "user.active"},
		{To: "displayName", From: "user.displayName"},
		{To: "name.givenName", From: "user.givenName"},
		{To: "name.familyName", From: "user.familyName"},
		{To: `emails[type eq "work"].value`, From: "user.mail"},
		{To: "title", From: "user.title"},
		{To: `phoneNumbers[type eq "work"].value`, From: "user.phone"},
		{To: enterprise + "department", From: "user.department"},
		{To: enterprise + "employeeNumber", From: "user.employeeNumber"},
		{To: enterprise + "manager", From: "user.manager"},
	}
}

// DefaultGroupMapping is the mapping of groups when a job configures none.
func DefaultGroupMapping() []sources.DefaultRow {
	return []sources.DefaultRow{
		{To: "displayName", From: "group.displayName", Match: 1},
		{To: "externalId", From: "group.id"},
	}
}
