package config

import (
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/file"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/okta"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

// The types of sources and sinks, as the configuration names them.
const (
	TypeGraph = "graph"
	TypeOkta  = "okta"
	TypeFile  = "file"
	TypeSCIM  = "scim"
)

// Source is the settings of one source: exactly one of the pointers is set.
type Source struct {
	Graph *graph.Config
	Okta  *okta.Config
	File  *file.Config
}

func (*Source) kinds() []string { return []string{TypeGraph, TypeOkta, TypeFile} }

func (s *Source) variant(kind string) any {
	switch kind {
	case TypeGraph:
		s.Graph = new(graph.Config)
		return s.Graph
	case TypeOkta:
		s.Okta = new(okta.Config)
		return s.Okta
	case TypeFile:
		s.File = new(file.Config)
		return s.File
	default:
		return nil
	}
}

// Type returns the source's type, or "" when none was given.
func (s Source) Type() string {
	switch {
	case s.Graph != nil:
		return TypeGraph
	case s.Okta != nil:
		return TypeOkta
	case s.File != nil:
		return TypeFile
	default:
		return ""
	}
}

// Defaults returns the mapping of a job that configures none.
func (s Source) Defaults() mapping.Defaults {
	switch {
	case s.Graph != nil:
		return mapping.Defaults{Users: graph.DefaultUserMapping(), Groups: graph.DefaultGroupMapping()}
	case s.Okta != nil:
		return mapping.Defaults{Users: okta.DefaultUserMapping(), Groups: okta.DefaultGroupMapping()}
	case s.File != nil:
		return mapping.Defaults{Users: file.DefaultUserMapping(), Groups: file.DefaultGroupMapping()}
	default:
		return mapping.Defaults{}
	}
}

func (s Source) validate(doc *document, key string) {
	var problems []sources.Problem
	switch {
	case s.Graph != nil:
		problems = s.Graph.Validate()
	case s.Okta != nil:
		problems = s.Okta.Validate()
	case s.File != nil:
		problems = s.File.Validate()
	}
	for _, p := range problems {
		doc.rule(join(key, p.Key), complaint{message: p.Message})
	}
}

// Sink is the settings of one sink.
type Sink struct {
	SCIM *scim.Config
}

func (*Sink) kinds() []string { return []string{TypeSCIM} }

func (s *Sink) variant(kind string) any {
	if kind != TypeSCIM {
		return nil
	}
	s.SCIM = new(scim.Config)
	return s.SCIM
}

// Type returns the sink's type, or "" when none was given.
func (s Sink) Type() string {
	if s.SCIM == nil {
		return ""
	}
	return TypeSCIM
}

func (s Sink) validate(doc *document, key string) {
	var problems []sinks.Problem
	if s.SCIM != nil {
		problems = s.SCIM.Validate()
	}
	for _, p := range problems {
		doc.rule(join(key, p.Key), complaint{message: p.Message})
	}
}
