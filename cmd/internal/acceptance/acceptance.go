// Package acceptance shows the main job on real parts: the program's own wiring with both
// providers' SDKs, emulated providers over HTTP, a real state file, and as apps both the
// emulator and real SCIM servers. What the servers hold is read back with a client of its
// own, so that nothing under test judges itself.
//
// It has tests only. They link the SDKs and start real servers, which is why they stand
// apart from the packages they test.
package acceptance
