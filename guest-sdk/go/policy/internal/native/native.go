// Package native keeps what a policy says where there is no host: in its tests.
package native

// Line is one of the log.
type Line struct {
	Level uint32
	Text  string
}

// What was said, counted and remembered.
var (
	Lines    []Line
	Counters map[string]uint64
	Memory   []byte
)
