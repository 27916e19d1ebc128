package eviction

import (
	"unsafe"

	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/host"
)

//go:wasmexport cachewit:policy/eviction@0.1.0#begin
func begin() {
	abi.Begin()
	if registered.Begin != nil {
		registered.Begin(host.Rows{})
	}
}

// What the host reads after score has returned, until it is asked again.
var scored struct {
	words  [2]uint32
	scores []float64
}

//go:wasmexport cachewit:policy/eviction@0.1.0#score
func score(first, count uint32) unsafe.Pointer {
	abi.Begin()
	scored.scores = registered.Score(host.Rows{}, first, count)
	scored.words = abi.AddressOf(scored.scores)
	return unsafe.Pointer(&scored.words)
}

//go:wasmexport cachewit:policy/eviction@0.1.0#end
func end() {
	abi.Begin()
	if registered.End != nil {
		registered.End(host.Rows{})
	}
}
