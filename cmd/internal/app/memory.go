package app

import (
	"os"
	"runtime/debug"
)

// Cycles keep little alive, five to ten megabytes however large the directory is, so that
// Go's 100 percent would collect garbage all the time: a fifth of an initial cycle's CPU. A
// higher percentage alone helps little where little is alive, and takes much where more is.
// So some megabytes count as alive that are never touched, and take no memory: garbage is
// collected when it is twice as much as these and what is really alive.
const (
	garbagePercent = 200
	ballastSize    = 12 << 20
)

// ballast is never touched. It is the process's, as the collector is.
var ballast []byte //nolint:gochecknoglobals // see above

// SetMemory adjusts the garbage collector of the process to what cycles need, unless the
// environment variable GOGC has a say.
func SetMemory() {
	if ballast == nil && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
		ballast = make([]byte, ballastSize)
	}
}
