package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/idpbridge/idpbridge/config"
)

// maxBody is the largest request body in bytes.
const maxBody = 64 << 10

// route is one operation of the API.
type route struct {
	id, method, path string
	// role is who may use it. There is no route without.
	role config.Role
	// time is how long a request may take; 0: answerTime.
	time time.Duration
	// status is that of a success; 0: 200.
	status             int
	summary, long, tag string
	// errors are the statuses of problems beside those that every route has.
	errors []int
}

// register adds a route, with a handler that knows nothing of HTTP.
func register[I, O any](s *server, rt route, do func(context.Context, *I) (*O, error)) {
	if rt.role == 0 {
		panic("route " + rt.id + " says nothing about who may use it") // a fault of ours, found by any test
	}
	path := Prefix + rt.path
	s.rules[rt.method+" "+path] = rule{rt.role, rt.time}
	op := huma.Operation{
		OperationID: rt.id, Method: rt.method, Path: path, DefaultStatus: rt.status, Tags: []string{rt.tag}, Summary: rt.summary,
		Description: strings.TrimSpace(rt.long + "\n\nNeeds the role " + rt.role.String() + "."),
		Security:    []map[string][]string{{"token": {}}}, Extensions: map[string]any{"x-role": rt.role.String()},
		Errors:       append(always(), rt.errors...),
		MaxBodyBytes: maxBody, RejectUnknownQueryParameters: true,
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		return out, nil
	})
}

// routes registers everything.
func (s *server) routes() {
	s.jobRoutes()
	s.runRoutes()
	s.lookRoutes()
	s.deletionRoutes()
	document := http.MethodGet + " " + Prefix + "/openapi.json"
	s.rules[document] = rule{role: config.Viewer}
	s.mux.HandleFunc(document, s.serveDocument)
}

const (
	jobs     = "/jobs"
	job      = jobs + "/{job}"
	missing  = http.StatusNotFound
	conflict = http.StatusConflict
)

// always are the problems that every route has.
func always() []int {
	return []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
}

// withBody are the problems of a route that reads a body, and others.
func withBody(others ...int) []int {
	return append([]int{
		http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
	}, others...)
}

func (s *server) jobRoutes() {
	register(s, route{
		id: "list-jobs", method: http.MethodGet, path: jobs, role: config.Viewer, tag: "jobs", summary: "List all jobs",
	}, s.listJobs)
	register(s, route{
		id: "get-job", method: http.MethodGet, path: job, role: config.Viewer, tag: "jobs", summary: "Look at a job",
		errors: []int{missing},
	}, s.getJob)
	register(s, route{
		id: "pause-job", method: http.MethodPost, path: job + "/pause", role: config.Operator, tag: "jobs", summary: "Stop a job's automatic cycles",
		long:   "They stay stopped until the job is resumed. A cycle that runs ends as usual; cycles on request and provisioning on demand still work.",
		errors: []int{missing, conflict},
	}, s.pause)
	register(s, route{
		id: "resume-job", method: http.MethodPost, path: job + "/resume", role: config.Operator, tag: "jobs",
		summary: "Let a paused or disabled job run automatically again",
		long:    "The next cycle is due at once. A quarantine is not ended by this: that answers 409.",
		errors:  []int{missing, conflict},
	}, s.resume)
	register(s, route{
		id: "release-job", method: http.MethodDelete, path: job + "/quarantine", role: config.Operator, tag: "jobs", summary: "End a job's quarantine",
		long:   "The next cycle is due at once. A job that is in none is answered as it is; a disabled one has to be resumed, and that answers 409.",
		errors: []int{missing, conflict},
	}, s.release)
	register(s, route{
		id: "restart-job", method: http.MethodPost, path: job + "/restart", role: config.Admin, tag: "jobs",
		summary: "Make a job read everything and try everything again",
		long:    "Without a body, or with nothing named, all three parts. Links always stay. 409 when a cycle runs and the watermark is a part.",
		errors:  withBody(missing, conflict),
	}, s.restart)
}

func (s *server) runRoutes() {
	register(s, route{
		id: "run-cycle", method: http.MethodPost, path: job + "/cycles", role: config.Operator, status: http.StatusAccepted, tag: "cycles",
		summary: "Start a cycle now",
		long: "Also in quarantine and when the job is paused. The answer comes as soon as the cycle runs; Location is where to look how it is doing. " +
			"409 when a cycle of the job runs. A dry run writes nothing, runs beside others, and has a plan when it has ended.",
		errors: withBody(missing, conflict),
	}, s.runCycle)
	register(s, route{
		id: "list-cycles", method: http.MethodGet, path: job + "/cycles", role: config.Viewer, tag: "cycles", summary: "List a job's cycles, newest first",
		errors: []int{missing},
	}, s.listCycles)
	register(s, route{
		id: "get-cycle", method: http.MethodGet, path: job + "/cycles/{cycle_id}", role: config.Viewer, tag: "cycles", summary: "Look at a cycle",
		long:   "Dry runs are remembered by the process that ran them, the latest ten alone.",
		errors: []int{missing},
	}, s.getCycle)
	register(s, route{
		id: "provision", method: http.MethodPost, path: job + "/provision", role: config.Operator, time: provisionTime, tag: "cycles",
		summary: "Provision one user or group now",
		long: "Also in quarantine and beside a cycle. The references are the source's id, user name or mail address. A group without members takes all " +
			"members that have an account. The answer is 200 also when the object could not be provisioned: `result` and `error` say so.",
		errors: withBody(missing),
	}, s.provision)
}

func (s *server) lookRoutes() {
	register(s, route{
		id: "explain", method: http.MethodGet, path: job + "/explain", role: config.Viewer, tag: "log",
		summary: "Say why somebody has, or hasn't, an account",
		long: "Of one user or one group. The source is asked; where it doesn't answer, what it said last is told, with `live` false. Nothing is sent to " +
			"the application. 404 for a reference that neither source nor state knows, 503 when only the source could know it and does not answer.",
		errors: []int{missing},
	}, s.explainObject)
	register(s, route{
		id: "list-log", method: http.MethodGet, path: job + "/logs", role: config.Viewer, tag: "log", summary: "Read the provisioning log, newest first",
		errors: []int{missing},
	}, s.listLog)
	register(s, route{
		id: "list-escrows", method: http.MethodGet, path: job + "/escrows", role: config.Viewer, tag: "log", summary: "List the objects whose change failed and is tried again",
		errors: []int{missing},
	}, s.listEscrows)
}

func (s *server) deletionRoutes() {
	staged := job + "/staged-deletions"
	register(s, route{
		id: "list-staged-deletions", method: http.MethodGet, path: staged, role: config.Viewer, tag: "deletions", summary: "List what the deletion guard holds back",
		errors: []int{missing},
	}, s.listStaged)
	register(s, route{
		id: "approve-staged-deletions", method: http.MethodPost, path: staged + "/approve", role: config.Admin, tag: "deletions",
		summary: "Let the next cycle carry out what is held back now",
		long: "Only what is held back at this moment: what comes later waits for its own decision. With the `set` of the list, only what stood there: " +
			"409 when another set waits. An approval expires after three days.",
		errors: withBody(missing, conflict),
	}, s.approve)
	register(s, route{
		id: "reject-staged-deletions", method: http.MethodPost, path: staged + "/reject", role: config.Admin, tag: "deletions",
		summary: "Keep the accounts and groups whose deletion is held back now",
		long:    "With the `set` of the list, only what stood there: 409 when another set waits.",
		errors:  withBody(missing, conflict),
	}, s.reject)
}
