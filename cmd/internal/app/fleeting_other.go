//go:build !linux

package app

// fleeting says why a file may be gone after a restart of the machine, or "". Here nothing
// is known of that.
func fleeting(string) string { return "" }
