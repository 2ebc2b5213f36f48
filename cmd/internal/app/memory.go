package app

import (
	"os"
	"runtime/debug"
)

// garbagePercent is how much garbage may stand beside what is alive before it is collected.
// Cycles keep little alive, some ten megabytes however large the directory is, and with
// Go's 100 percent a fifth of an initial cycle's CPU time went into collecting it. This is
// most of that time for some 30 MB; more would gain little.
const garbagePercent = 300

// SetMemory adjusts the garbage collector of the process to what cycles need, unless the
// environment variable GOGC has a say.
func SetMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}
