// Package config reads what people want: one YAML file with sources, sinks and the jobs
// between them.
//
// The file is read strictly. An unknown key, a wrong type, a reference that leads
// nowhere and every broken rule is a Problem with its line, its column and, where one is
// near, the word that was probably meant; all problems are reported at once. Attribute
// mappings are compiled here too, so that a mistake in an expression shows before
// anything runs.
//
// The settings of an adapter are a type of the adapter, which also knows their rules;
// this package gives them their place in the file. A string may hold references to the
// environment (${NAME}) or to files (${file:/path}). They are resolved in the syntax
// tree, before any type sees the value, and what they stood for never appears in a
// message. Reading a file touches neither the network nor the state.
//
// The keys, their types and defaults are described in docs/configuration.md, which a
// test holds against the types.
package config

import (
	"fmt"
	"os"
	"reflect"
	"time"
)

// Config is a whole configuration file, checked, with defaults filled in and relative
// paths resolved.
type Config struct {
	// State is where links, watermarks and logs are kept.
	State State `yaml:"state"`
	// HTTP is the server for the API, the console and the metrics.
	HTTP HTTP `yaml:"http"`
	// Sources, Sinks and Jobs are by name.
	Sources map[string]Source `yaml:"sources"`
	Sinks   map[string]Sink   `yaml:"sinks"`
	Jobs    map[string]Job    `yaml:"jobs"`
	// Notify says whom to tell about quarantine and held deletions.
	Notify Notify `yaml:"notify"`
	// LogRetention is how long provisioning log records are kept; 0: for ever.
	LogRetention time.Duration `yaml:"log_retention"`
	// LogMaxRecords is the most provisioning log records kept per job; 0: no bound.
	LogMaxRecords int `yaml:"log_max_records"`
}

// SetDefaults fills in what a file may leave out.
func (c *Config) SetDefaults() {
	c.State = State{Path: "idpbridge.db"}
	c.HTTP.SetDefaults()
	c.LogRetention = 30 * day
}

const day = 24 * time.Hour

// Load reads and checks the configuration file at path. env looks up environment
// variables (os.LookupEnv). When the file is wrong, the error is Problems.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data, env)
}

// Parse is Load for a text that is already in memory. name is the file's name: it stands
// in messages, and relative paths start at its folder. When the text is wrong, the error
// is Problems.
func Parse(name string, data []byte, env func(string) (string, bool)) (*Config, error) {
	doc := newDocument(name, data, env)
	var cfg Config
	if root := doc.root(data); root != nil {
		d := &decoder{document: doc}
		d.decode("", root, reflect.ValueOf(&cfg).Elem())
		if d.nodes > maxNodes {
			doc.report(position{1, 1}, "", complain("more than %d values, counting what aliases repeat", maxNodes))
		}
		doc.unread = len(doc.problems)
		cfg.finish(doc)
		cfg.validate(doc)
	}
	if len(doc.problems) > 0 {
		return nil, doc.problems.sorted()
	}
	return &cfg, nil
}

// finish fills in what follows from the rest of the file.
func (c *Config) finish(doc *document) {
	c.State.Path = doc.refs.anchor(c.State.Path)
	for name, job := range c.Jobs {
		job.Name = name
		c.Jobs[name] = job
	}
}
