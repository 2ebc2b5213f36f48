package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
)

const token = "bench"

// reports is how many people each manager has: a hundred thousand have five levels.
const reports = 10

// person makes the crowd's person i, with a value for most attributes of the default
// mapping, as directories have them, and a manager. It is called for every person of every full read, on
// the machine that is measured, and so does without fmt.
func person(i int) graphtest.Props {
	n, given := strconv.Itoa(i), "Given"+strconv.Itoa(i%977)
	name := "person" + digits(i, 7)
	address, manager := name+"@example.com", ""
	if i > 0 {
		manager = graphtest.CrowdID((i - 1) / reports)
	}
	return graphtest.Props{
		"manager":           manager,
		"userPrincipalName": address, "mail": address, "mailNickname": name,
		"displayName": given + " Family" + n, "givenName": given, "surname": "Family" + n,
		"jobTitle": "Engineer", "department": "Department " + strconv.Itoa(i%40), "employeeId": strconv.Itoa(100000 + i),
		"officeLocation": "Building " + strconv.Itoa(i%9), "streetAddress": strconv.Itoa(i%300) + " Main Street", "city": "Springfield",
		"state": "OR", "postalCode": "97477", "country": "US", "preferredLanguage": "en-US",
		"businessPhones": []string{"+1 541 555 " + digits(i%10000, 4)}, "mobilePhone": "+1 541 556 " + digits(i%10000, 4),
	}
}

// digits writes i with at least n digits.
func digits(i, n int) string {
	text := strconv.Itoa(i)
	return strings.Repeat("0", max(0, n-len(text))) + text
}

// member returns the k-th member of group g of a directory of n people.
func member(g, k, n int) string { return graphtest.CrowdID((g*7919 + k) % n) }

// tenant makes the directory that a task describes.
func tenant(t task) *graphtest.Tenant {
	d := graphtest.New(graphtest.Options{Token: token})
	d.Crowd(t.People, person)
	for g := range t.Groups {
		ids := make([]string, t.Members)
		for k := range ids {
			ids[k] = member(g, k, t.People)
		}
		d.AddGroup(graphtest.Props{"id": groupID(g), "displayName": "Group " + strconv.Itoa(g), "securityEnabled": true}, ids...)
	}
	return d
}

func groupID(g int) string { return fmt.Sprintf("d0000000-0000-4000-8000-%012x", g) }

// serveGraph serves an emulated tenant. /control/change?n= gives n people another job
// title; /control/swap?n= has n members leave the first group and n others join it;
// /control/shuffle?n= makes n random changes; /control/fault has requests go wrong.
//
// It shares the cores with the service that is measured. Next to nothing of what it makes
// stays, so that by default a third of its time would be collecting garbage.
func serveGraph(ctx context.Context, t task, out io.Writer) error {
	debug.SetGCPercent(400)
	d := tenant(t)
	var round atomic.Int64
	mux := http.NewServeMux()
	mux.Handle("/", d)
	mux.HandleFunc("/control/change", func(w http.ResponseWriter, r *http.Request) {
		title := fmt.Sprintf("Engineer %d", round.Add(1))
		n := min(number(r), t.People)
		for i := range n {
			d.UpdateUser(graphtest.CrowdID(i*(t.People/n)), graphtest.Props{"jobTitle": title})
		}
		answer(w, n)
	})
	mux.HandleFunc("/control/swap", func(w http.ResponseWriter, r *http.Request) {
		n := number(r)
		ids := make([]string, t.Members)
		for k := range ids {
			ids[k] = member(0, k+n, t.People)
		}
		d.SetMembers(groupID(0), ids...)
		answer(w, n)
	})
	mux.HandleFunc("/control/shuffle", func(w http.ResponseWriter, r *http.Request) {
		for range number(r) {
			shuffle(d, t)
		}
		answer(w, number(r))
	})
	mux.HandleFunc("/control/fault", func(w http.ResponseWriter, _ *http.Request) {
		kinds := []graphtest.FaultKind{graphtest.Unavailable, graphtest.BadGateway, graphtest.CutBody, graphtest.EmptyValue}
		d.Inject(graphtest.Fault{Route: "/users/delta", Times: 1 + rand.IntN(2), Kind: kinds[rand.IntN(len(kinds))]})
		answer(w, 1)
	})
	return serve(ctx, mux, out)
}

// shuffle makes one random change.
func shuffle(d *graphtest.Tenant, t task) {
	id := graphtest.CrowdID(rand.IntN(t.People))
	switch rand.IntN(5) {
	case 0:
		d.UpdateUser(id, graphtest.Props{"accountEnabled": false})
	case 1:
		d.UpdateUser(id, graphtest.Props{"accountEnabled": true})
	case 2:
		d.UpdateUser(id, graphtest.Props{"jobTitle": strconv.Itoa(rand.Int())})
	case 3:
		d.AddMember(groupID(rand.IntN(t.Groups)), id, "user")
	default:
		g := rand.IntN(t.Groups)
		d.RemoveMember(groupID(g), member(g, rand.IntN(t.Members), t.People))
	}
}

func number(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil {
		return 0
	}
	return n
}
