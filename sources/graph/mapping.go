package graph

import "github.com/idpbridge/idpbridge/sources"

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"

// DefaultUserMapping returns the mapping of users that Entra's provisioning fills in for
// an application that is not in its gallery. `active` has no row: the bridge owns it, as
// Entra computes IsSoftDeleted. externalId is the mail nickname there, too; applications
// that want the object id need a mapping of their own.
func DefaultUserMapping() []sources.DefaultRow {
	work := func(part string) string { return `addresses[type eq "work"].` + part }
	phone := func(kind string) string { return `phoneNumbers[type eq "` + kind + `"].value` }
	return []sources.DefaultRow{
		{To: "userName", From: "user.userPrincipalName", Match: 1},
		{To: "displayName", From: "user.displayName"},
		{To: "title", From: "user.jobTitle"},
		{To: `emails[type eq "work"].value`, From: "user.mail"},
		{To: "preferredLanguage", From: "user.preferredLanguage"},
		{To: "name.givenName", From: "user.givenName"},
		{To: "name.familyName", From: "user.surname"},
		{To: "name.formatted", From: `join([user.givenName, user.surname], " ")`},
		{To: work("formatted"), From: "user.officeLocation"},
		{To: work("streetAddress"), From: "user.streetAddress"},
		{To: work("locality"), From: "user.city"},
		{To: work("region"), From: "user.state"},
		{To: work("postalCode"), From: "user.postalCode"},
		{To: work("country"), From: "user.country"},
		{To: phone("work"), From: "user.businessPhones[0]"},
		{To: phone("mobile"), From: "user.mobilePhone"},
		{To: phone("fax"), From: "user.faxNumber"},
		{To: "externalId", From: "user.mailNickname"},
		{To: enterprise + "employeeNumber", From: "user.employeeId"},
		{To: enterprise + "department", From: "user.department"},
		{To: enterprise + "manager", From: "user.manager"},
	}
}

// DefaultGroupMapping returns the mapping of groups that Entra's provisioning fills in.
// Members have no row: the bridge owns them.
func DefaultGroupMapping() []sources.DefaultRow {
	return []sources.DefaultRow{
		{To: "displayName", From: "group.displayName", Match: 1},
		{To: "externalId", From: "group.id"},
	}
}
