package host

import (
	"unsafe"

	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
)

//go:wasmimport cachewit:policy/events@0.1.0 rows
func eventRows() uint32

//go:wasmimport cachewit:policy/events@0.1.0 codes
func eventCodes(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/events@0.1.0 levels
func eventLevels(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/events@0.1.0 sizes
func eventSizes(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/events@0.1.0 times
func eventTimes(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/events@0.1.0 durations
func eventDurations(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/events@0.1.0 kinds
func eventKinds(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/events@0.1.0 costs
func eventCosts(first, count uint32, results unsafe.Pointer)

// Events are the columns of what happened.
type Events struct{}

// Len asks the host.
func (Events) Len() uint32 {
	defer abi.Ask()()
	return eventRows()
}

// Codes asks the host.
func (Events) Codes(first, count uint32) []uint32 {
	defer abi.Ask()()
	eventCodes(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Levels asks the host.
func (Events) Levels(first, count uint32) []uint32 {
	defer abi.Ask()()
	eventLevels(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Sizes asks the host.
func (Events) Sizes(first, count uint32) []uint64 {
	defer abi.Ask()()
	eventSizes(first, count, abi.Results())
	return abi.List[uint64](0)
}

// Times asks the host.
func (Events) Times(first, count uint32) []uint64 {
	defer abi.Ask()()
	eventTimes(first, count, abi.Results())
	return abi.List[uint64](0)
}

// Durations asks the host.
func (Events) Durations(first, count uint32) []uint64 {
	defer abi.Ask()()
	eventDurations(first, count, abi.Results())
	return abi.List[uint64](0)
}

// Kinds asks the host.
func (Events) Kinds(first, count uint32) []uint32 {
	defer abi.Ask()()
	eventKinds(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Costs asks the host.
func (Events) Costs(first, count uint32) []uint64 {
	defer abi.Ask()()
	eventCosts(first, count, abi.Results())
	return abi.List[uint64](0)
}
