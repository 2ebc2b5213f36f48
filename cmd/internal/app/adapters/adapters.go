// Package adapters is the one table of all sources and sinks that the program has. It
// links the providers' SDKs, which take minutes to compile; nothing but main and
// end-to-end tests imports it.
package adapters

import (
	"fmt"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sources/graph"
	graphsdk "github.com/idpbridge/idpbridge/sources/graph/sdk"
	"github.com/idpbridge/idpbridge/sources/okta"
	oktasdk "github.com/idpbridge/idpbridge/sources/okta/sdk"
	"github.com/idpbridge/idpbridge/sync/engine"
)

// All returns every adapter by its type in the configuration.
func All() app.Adapters {
	return app.Adapters{
		Sources: map[string]app.NewSource{
			config.TypeGraph: newGraph,
			config.TypeOkta:  newOkta,
			config.TypeFile:  app.NewFile,
		},
		Sinks: map[string]app.SinkAdapter{
			config.TypeSCIM: app.SCIM(),
		},
	}
}

func newGraph(d app.SourceDeps) (engine.Source, error) {
	client, err := graphsdk.New(*d.Config.Graph, d.Client)
	if err != nil {
		return nil, fmt.Errorf("set up Graph: %w", err)
	}
	return graph.New(*d.Config.Graph, client, d.Log)
}

func newOkta(d app.SourceDeps) (engine.Source, error) {
	client, err := oktasdk.New(*d.Config.Okta, d.Client, d.Log)
	if err != nil {
		return nil, fmt.Errorf("set up Okta: %w", err)
	}
	return okta.New(*d.Config.Okta, client, d.Log), nil
}
