package scim

import (
	"net/http"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
)

// Profiles returns the known dialects by name. The source of each fact is in docs/sinks.md.
func Profiles() map[string]Profile {
	out := make(map[string]Profile)
	for _, p := range []Profile{
		rfc7644(), entra(), okta(), awsIdentityCenter(), slack(), github(), gitlab(), atlassian(),
		databricks(), snowflake(), salesforce(), zscaler(), googleCloudIdentity(), sentry(), miro(),
	} {
		out[p.Name] = p
	}
	return out
}

// entra is for applications that were only ever tried with Microsoft Entra provisioning
// without its RFC flag: groups are created empty, members leave by value.
func entra() Profile {
	p := rfc7644()
	p.Name = "entra"
	p.EntryOp = "add"
	p.MemberRemoval = RemoveByValue
	p.MembersOnCreate = false
	return p
}

// okta is for applications that were only ever tried with Okta's SCIM client: users
// change by PUT, a filter may answer 404, a PATCH of groups has no path for the name.
func okta() Profile {
	p := rfc7644()
	p.Name = "okta"
	p.UserUpdate = UpdatePut
	p.PatchForm = FormObject
	p.NotFoundIsEmpty = true
	return p
}

func awsIdentityCenter() Profile {
	p := rfc7644()
	p.Name = "aws-identity-center"
	p.Paging = PageByCursor
	p.Filterable = []string{sinks.PathUserName, sinks.PathExternalID, "group.displayName", "group.externalId"}
	p.MemberRemoval = RemoveByValue
	p.MembersUnreadable = true
	p.Required = []string{sinks.PathUserName, "name.givenName", "name.familyName", sinks.PathDisplayName}
	p.SingleValued = []string{"emails", "phoneNumbers", "addresses"}
	p.NotClearable = []string{sinks.PathUserName, sinks.PathActive}
	return p
}

func slack() Profile {
	p := rfc7644()
	p.Name = "slack"
	p.UserDelete = DeleteDeactivates
	p.Required = []string{sinks.PathUserName, "emails"}
	p.Unechoed = []string{sinks.PathUserName} // an address becomes a handle
	p.Budgets = []Budget{
		{Methods: writes(), N: 600, Per: time.Minute, Burst: 180},
		{Methods: []string{http.MethodGet}, N: 1000, Per: time.Minute},
		{Methods: writes(), Resource: sinks.User, N: 180, Per: time.Minute, Burst: 20},
		{Methods: writes(), Resource: sinks.Group, N: 180, Per: time.Minute, Burst: 80},
	}
	return p
}

func github() Profile {
	p := rfc7644()
	p.Name = "github"
	p.Filterable = []string{sinks.PathUserName, sinks.PathExternalID, "id", sinks.PathDisplayName, "group.externalId", "group.id", "group.displayName"}
	p.Required = []string{sinks.PathUserName, sinks.PathExternalID, sinks.PathDisplayName, "emails"}
	p.Unechoed = []string{sinks.PathUserName} // normalised, with the enterprise's short code
	p.Budgets = []Budget{{Methods: []string{http.MethodPost}, Resource: sinks.User, N: 1000, Per: time.Hour, Burst: 100}}
	return p
}

func gitlab() Profile {
	p := rfc7644()
	p.Name = "gitlab"
	p.UserUpdate = UpdatePatchActive
	p.Filterable = []string{"id", sinks.PathExternalID}
	return p
}

func atlassian() Profile {
	p := rfc7644()
	p.Name = "atlassian"
	p.Fixed = []string{"group.displayName"}
	return p
}

func databricks() Profile {
	p := rfc7644()
	p.Name = "databricks"
	p.Budgets = []Budget{
		{Methods: []string{http.MethodGet}, N: 20, Per: time.Second},
		{Methods: []string{http.MethodPatch}, N: 2, Per: time.Second},
		{Methods: []string{http.MethodPost, http.MethodPut, http.MethodDelete}, N: 5, Per: time.Second},
	}
	return p
}

func snowflake() Profile {
	p := rfc7644()
	p.Name = "snowflake"
	p.Filterable = []string{sinks.PathUserName, "id", "group.displayName", "group.id"}
	p.SingleValued = []string{"emails", "phoneNumbers", "addresses"}
	return p
}

func salesforce() Profile {
	p := rfc7644()
	p.Name = "salesforce"
	p.UserDelete = DeleteUnsupported
	p.Required = []string{sinks.PathUserName, "name.familyName", "emails", "entitlements"}
	p.Unechoed = []string{"emails"} // a new address takes effect once its owner confirms it
	p.RejectedConflicts = []string{"REQUIRED_FIELD_MISSING"}
	return p
}

// zscaler keeps to the rate of Internet Access, the slowest of the vendor's services.
func zscaler() Profile {
	p := rfc7644()
	p.Name = "zscaler"
	p.Required = []string{sinks.PathUserName, sinks.PathExternalID, sinks.PathDisplayName, schemaEnterprise + ":department"}
	p.Budgets = []Budget{{N: 5, Per: time.Second}}
	return p
}

func googleCloudIdentity() Profile {
	p := rfc7644()
	p.Name = "google-cloud-identity"
	p.Paging = PageNone
	p.IfMatch = IfMatchNever
	return p
}

// sentry removes a member when active becomes false, and can change nothing else.
func sentry() Profile {
	p := rfc7644()
	p.Name = "sentry"
	p.UserUpdate = UpdatePatchActive
	p.MembersPerRequest = 90 // at most 100 operations in one PATCH
	p.DisableIsFinal = true
	p.Unechoed = []string{sinks.PathActive}
	return p
}

func miro() Profile {
	p := rfc7644()
	p.Name = "miro"
	p.MembersPerRequest = 1000
	window := 30 * time.Second
	p.Budgets = []Budget{
		{Methods: []string{http.MethodGet}, Resource: sinks.Group, N: 5, Per: window},
		{Methods: []string{http.MethodPatch}, Resource: sinks.Group, MinBytes: 500, N: 5, Per: window},
		{Methods: []string{http.MethodPatch}, Resource: sinks.Group, N: 100, Per: window},
		{Methods: []string{http.MethodPut, http.MethodPatch}, Resource: sinks.User, N: 100, Per: window},
		{Methods: []string{http.MethodDelete}, Resource: sinks.User, N: 20, Per: window},
		{Methods: []string{http.MethodGet, http.MethodPost}, Resource: sinks.User, N: 200, Per: window},
	}
	return p
}

func writes() []string {
	return []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}
