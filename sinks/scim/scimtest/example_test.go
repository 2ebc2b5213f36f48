package scimtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// A server that removes named members instead of all, loses one answer, and tells afterwards
// what it holds and what it was asked.
func Example() {
	app := scimtest.New(scimtest.Options{Quirks: scimtest.Quirks{MemberRemoveValues: scimtest.Select}})
	srv := httptest.NewServer(app)
	defer srv.Close()
	alice := app.AddUser(map[string]any{"userName": "alice@example.com"})
	bob := app.AddUser(map[string]any{"userName": "bob@example.com"})
	staff := app.AddGroup("staff", alice, bob)
	app.Inject(scimtest.Fault{Method: http.MethodPatch, Times: 1, DropAfter: true})

	patch := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations":[{"op":"remove","path":"members","value":[{"value":"` + alice + `"}]}]}`
	req, _ := http.NewRequest(http.MethodPatch, srv.URL+"/scim/v2/Groups/"+staff, strings.NewReader(patch))
	req.Header.Set("Content-Type", "application/scim+json")
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		fmt.Println("unexpected answer", resp.Status)
	}

	fmt.Println(app.Members("staff"))
	fmt.Println(app.Counts())
	// Output:
	// [bob@example.com]
	// map[PATCH /Groups/{id}:1]
}
