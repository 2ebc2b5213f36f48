package okta

import "github.com/idpbridge/idpbridge/sources"

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"

// DefaultUserMapping is the mapping of users when a job has none: what Okta's own SCIM 2.0
// template provisions from the base profile. `active` is not in it, since the bridge
// sets it by status and scope.
//
// Okta's template names values by `primary eq true` and `primary eq false` and always
// sends whole arrays with PUT, so that these filters never reach an application. Here
// changes are sent with PATCH, where the filter has to find the value (RFC 7644 section
// 3.5.2), and applications that don't store "primary": false would answer noTarget. So
// values are named by type, with the types that the template gives them; the resulting
// account is the same.
//
// manager and managerId are free text in Okta. They are sent as they stand, and don't
// become references to accounts.
func DefaultUserMapping() []sources.DefaultRow {
	return []sources.DefaultRow{
		{To: "userName", From: "user.login", Match: 1},
		{To: "externalId", From: "user.id"},
		{To: "name.givenName", From: "user.firstName"},
		{To: "name.familyName", From: "user.lastName"},
		{To: "name.middleName", From: "user.middleName"},
		{To: "name.honorificPrefix", From: "user.honorificPrefix"},
		{To: "name.honorificSuffix", From: "user.honorificSuffix"},
		{To: "displayName", From: "user.displayName"},
		{To: "nickName", From: "user.nickName"},
		{To: "profileUrl", From: "user.profileUrl"},
		{To: "title", From: "user.title"},
		{To: "userType", From: "user.userType"},
		{To: "preferredLanguage", From: "user.preferredLanguage"},
		{To: "locale", From: "user.locale"},
		{To: "timezone", From: "user.timezone"},
		{To: `emails[type eq "work"].value`, From: "user.email"},
		{To: `emails[type eq "work"].primary`, From: primaryIf("email")},
		{To: `emails[type eq "home"].value`, From: "user.secondEmail"},
		{To: `phoneNumbers[type eq "work"].value`, From: "user.primaryPhone"},
		{To: `phoneNumbers[type eq "work"].primary`, From: primaryIf("primaryPhone")},
		{To: `phoneNumbers[type eq "mobile"].value`, From: "user.mobilePhone"},
		{To: `addresses[type eq "work"].formatted`, From: "user.postalAddress"},
		{To: `addresses[type eq "work"].streetAddress`, From: "user.streetAddress"},
		{To: `addresses[type eq "work"].locality`, From: "user.city"},
		{To: `addresses[type eq "work"].region`, From: "user.state"},
		{To: `addresses[type eq "work"].postalCode`, From: "user.zipCode"},
		{To: `addresses[type eq "work"].country`, From: "user.countryCode"},
		{To: enterprise + "employeeNumber", From: "user.employeeNumber"},
		{To: enterprise + "costCenter", From: "user.costCenter"},
		{To: enterprise + "organization", From: "user.organization"},
		{To: enterprise + "division", From: "user.division"},
		{To: enterprise + "department", From: "user.department"},
		{To: enterprise + "manager.value", From: "user.managerId"},
		// readOnly in RFC 7643 section 4.3: some apps take it in a POST, none has to in a PATCH.
		{To: enterprise + "manager.displayName", From: "user.manager", CreateOnly: true},
	}
}

// primaryIf is true when the attribute has a value, else null: a value that isn't there
// must not get a lonely "primary".
func primaryIf(attribute string) string {
	a := "user." + attribute
	return "has(" + a + ") && " + a + ` != null && ` + a + ` != "" ? dyn(true) : null`
}

// DefaultGroupMapping is the mapping of groups when a job has none.
func DefaultGroupMapping() []sources.DefaultRow {
	return []sources.DefaultRow{
		{To: "displayName", From: "group.name", Match: 1},
		{To: "externalId", From: "group.id"},
	}
}
