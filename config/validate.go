package config

import (
	"maps"
	"regexp"
	"slices"
	"time"
)

// nameRule is what names of sources, sinks and jobs look like. They stand in metric
// labels, URLs and file names.
var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

const (
	minInterval = time.Minute
	maxName     = 63
)

// rule reports a broken rule at a key, unless the key could not even be read.
func (d *document) rule(key string, c complaint) {
	if !d.troubled(key) {
		d.reportAt(key, c)
	}
}

// required reports a missing key and returns whether it is there.
func (d *document) required(key string, there bool) bool {
	if !there {
		d.rule(key, complaint{message: "missing"})
	}
	return there
}

// validate holds the decoded file against the rules. Problems go to the document.
func (c *Config) validate(doc *document) {
	c.HTTP.validate(doc)
	c.Notify.validate(doc)
	if c.LogMaxRecords < 0 {
		doc.rule("log_max_records", complain("can't be negative"))
	}
	validateNames(doc, "sources", c.Sources)
	validateNames(doc, "sinks", c.Sinks)
	validateNames(doc, "jobs", c.Jobs)
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		c.Sources[name].validate(doc, "sources."+name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sinks)) {
		c.Sinks[name].validate(doc, "sinks."+name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Jobs)) {
		c.validateJob(doc, c.Jobs[name])
	}
}

func validateNames[V any](doc *document, key string, named map[string]V) {
	doc.required(key, len(named) > 0)
	for name := range named {
		if !nameRule.MatchString(name) || len(name) > maxName {
			doc.ruleAtKey(join(key, name), complain("not a name").
				withHint("a name has lower-case letters, digits and hyphens, begins with a letter or digit, and is at most %d long", maxName))
		}
	}
}

// ruleAtKey is rule for a problem of the key itself rather than its value.
func (d *document) ruleAtKey(key string, c complaint) {
	d.report(d.spots[key].key, key, c)
}

func (c *Config) validateJob(doc *document, job Job) {
	key := "jobs." + job.Name
	source, hasSource := c.Sources[job.Source]
	if doc.required(key+".source", job.Source != "") && !hasSource && len(c.Sources) > 0 {
		doc.rule(key+".source", dangling("source", job.Source, slices.Sorted(maps.Keys(c.Sources))))
	}
	if _, ok := c.Sinks[job.Sink]; doc.required(key+".sink", job.Sink != "") && !ok && len(c.Sinks) > 0 {
		doc.rule(key+".sink", dangling("sink", job.Sink, slices.Sorted(maps.Keys(c.Sinks))))
	}
	if job.Interval < minInterval {
		doc.rule(key+".interval", complain("less than 1m").withHint("Entra's own interval, and the default, is 40m"))
	}
	if job.Reconcile != 0 && job.Reconcile < job.Interval {
		doc.rule(key+".reconcile", complain("less than the interval").withHint("0 switches it off"))
	}
	validatePercent(doc, key+".deprovision.max_deletions.percent", job.Deprovision.MaxDeletions.Percent)
	validateCount(doc, key+".deprovision.max_deletions.count", job.Deprovision.MaxDeletions.Count)
	job.Quarantine.validate(doc, key+".quarantine")
	job.compile(doc, source)
}

func dangling(kind, name string, known []string) complaint {
	c := complain("there is no %s %q", kind, name)
	c.hint = didYouMean(name, known)
	return c
}

func validatePercent(doc *document, key string, n int) {
	if n < 0 || n > 100 {
		doc.rule(key, complain("not a percentage from 0 to 100"))
	}
}

func validateCount(doc *document, key string, n int) {
	if n < 0 {
		doc.rule(key, complain("can't be negative"))
	}
}
