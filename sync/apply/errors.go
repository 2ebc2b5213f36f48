package apply

import (
	"errors"

	"github.com/idpbridge/idpbridge/sinks"
)

// statusOf returns the HTTP status behind an error, or 0.
func statusOf(err error) int {
	if e, ok := errors.AsType[*sinks.Error](err); ok {
		return e.Status
	}
	return 0
}
