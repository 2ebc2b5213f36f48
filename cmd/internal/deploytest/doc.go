// Package deploytest holds what operators get, docs/metrics.md and everything in deploy/,
// to the program: the metrics page is generated from the collectors of a running server,
// every query of the alert rules and of the dashboard names a metric and labels that
// exist, and the units and manifests are as strict as they say.
//
// There is nothing here but tests. With the build tag prometheus, and a real Prometheus on
// the path (`make test-prometheus`), the alerts are seen to fire and to clear.
package deploytest
