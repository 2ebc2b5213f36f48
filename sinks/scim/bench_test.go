package scim_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
)

// memory answers every request with the same body, so that a benchmark shows what a write
// costs in this package and http.Client, without a network.
type memory struct {
	status int
	body   []byte
}

func (m memory) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	return &http.Response{
		StatusCode: m.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/scim+json"}, "Etag": {`W/"1"`}},
		ContentLength: int64(len(m.body)), Body: io.NopCloser(bytes.NewReader(m.body)), Request: req,
	}, nil
}

const shownUser = `{"active":true,"addresses":[{"country":"US","formatted":"Building 7","locality":"Springfield","postalCode":"97477","region":"OR","streetAddress":"7 Main Street","type":"work"}],"displayName":"Given7 Family7","emails":[{"primary":true,"type":"work","value":"person7@example.com"}],"externalId":"person7","groups":[],"id":"66a97bbe-0471-4bea-a32b-82dd7ae4f38e","meta":{"created":"2026-01-01T00:00:00Z","lastModified":"2026-01-01T00:00:00Z","location":"https://app.example.com/scim/v2/Users/66a97bbe-0471-4bea-a32b-82dd7ae4f38e","resourceType":"User","version":"W/\"1\""},"name":{"familyName":"Family7","formatted":"Given7 Family7","givenName":"Given7"},"phoneNumbers":[{"type":"mobile","value":"+1 541 556 0007"},{"type":"work","value":"+1 541 555 0007"}],"preferredLanguage":"en-US","schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"title":"Engineer","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Department 7","employeeNumber":"100007"},"userName":"person7@example.com"}`

// person has the attributes of the default mapping of Entra.
func person() []sinks.Attribute {
	return []sinks.Attribute{
		{Path: "userName", Value: "person7@example.com"},
		{Path: "active", Value: true},
		{Path: "displayName", Value: "Given7 Family7"},
		{Path: "title", Value: "Engineer"},
		{Path: `emails[type eq "work"].value`, Value: "person7@example.com"},
		{Path: "preferredLanguage", Value: "en-US"},
		{Path: "name.givenName", Value: "Given7"},
		{Path: "name.familyName", Value: "Family7"},
		{Path: "name.formatted", Value: "Given7 Family7"},
		{Path: `addresses[type eq "work"].formatted`, Value: "Building 7"},
		{Path: `addresses[type eq "work"].streetAddress`, Value: "7 Main Street"},
		{Path: `addresses[type eq "work"].locality`, Value: "Springfield"},
		{Path: `addresses[type eq "work"].region`, Value: "OR"},
		{Path: `addresses[type eq "work"].postalCode`, Value: "97477"},
		{Path: `addresses[type eq "work"].country`, Value: "US"},
		{Path: `phoneNumbers[type eq "work"].value`, Value: "+1 541 555 0007"},
		{Path: `phoneNumbers[type eq "mobile"].value`, Value: "+1 541 556 0007"},
		{Path: "externalId", Value: "person7"},
		{Path: enterprisePaths[1], Value: "Department 7"},
		{Path: enterprisePaths[2], Value: "100007"},
	}
}

// shownGroup is a group with members as servers show them, and the ids of the first ones.
func shownGroup(members, first int) (string, []sinks.ID) {
	var b strings.Builder
	b.WriteString(`{"displayName":"Staff","externalId":"g1","id":"g1","members":[`)
	ids := make([]sinks.ID, members)
	for i := range ids {
		ids[i] = sinks.ID(fmt.Sprintf("66a97bbe-0471-4bea-a32b-%012d", i))
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"$ref":"https://app.example.com/scim/v2/Users/%s","display":"Given%d","type":"User","value":%q}`, ids[i], i, ids[i])
	}
	b.WriteString(`],"meta":{"resourceType":"Group","version":"W/\"1\""},"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}`)
	return b.String(), ids[:first]
}

// BenchmarkDo is the cost of one write beside the network.
func BenchmarkDo(b *testing.B) {
	group, ids := shownGroup(250, 100)
	title := []sinks.Attribute{{Path: "title", Value: "Engineer"}, {Path: "active", Value: true}}
	for name, bm := range map[string]struct {
		answer memory
		op     sinks.Op
	}{
		"create":             {memory{http.StatusCreated, []byte(shownUser)}, sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: person()}},
		"update":             {memory{http.StatusOK, []byte(shownUser)}, sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: "1", Attributes: title}},
		"members":            {memory{http.StatusNoContent, nil}, sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: "g1", AddMembers: ids}},
		"members echoed":     {memory{http.StatusOK, []byte(group)}, sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: "g1", AddMembers: ids}},
		"group with members": {memory{http.StatusCreated, []byte(group)}, sinks.Op{Action: sinks.Create, Resource: sinks.Group, Attributes: []sinks.Attribute{{Path: "displayName", Value: "Staff"}}, AddMembers: ids}},
	} {
		b.Run(name, func(b *testing.B) {
			sink, err := scim.New(scim.Config{BaseURL: "https://app.example.com/scim/v2", Auth: scim.Auth{Type: "bearer", Token: token}}, &http.Client{Transport: bm.answer}, discard())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if receipt, err := sink.Do(b.Context(), bm.op); err != nil || len(receipt.Ignored) > 0 {
					b.Fatal(receipt, err)
				}
			}
		})
	}
}
