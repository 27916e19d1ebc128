package host

import (
	"unsafe"

	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
)

//go:wasmimport cachewit:policy/trim@0.1.0 reason
func trimReason() uint32

//go:wasmimport cachewit:policy/trim@0.1.0 used
func trimUsed() uint64

//go:wasmimport cachewit:policy/trim@0.1.0 wanted
func trimWanted() uint64

//go:wasmimport cachewit:policy/trim@0.1.0 rows
func trimRows() uint32

//go:wasmimport cachewit:policy/trim@0.1.0 set-tags
func trimSetTags(first uint32, at unsafe.Pointer, length uint32)

//go:wasmimport cachewit:policy/trim@0.1.0 keys
func trimKeys(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 sizes
func trimSizes(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 idle-runs
func trimIdleRuns(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 ranks
func trimRanks(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 idle-seconds
func trimIdleSeconds(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 ages
func trimAges(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 uses
func trimUses(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 costs
func trimCosts(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 kinds
func trimKinds(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 streams
func trimStreams(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 members
func trimMembers(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 held
func trimHeld(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 marks
func trimMarks(first, count uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/trim@0.1.0 tags
func trimTags(first, count uint32, results unsafe.Pointer)

// Rows is eviction.Rows.
type Rows struct{}

// Reason asks the host.
func (Rows) Reason() uint32 {
	defer abi.Ask()()
	return trimReason()
}

// Used asks the host.
func (Rows) Used() uint64 {
	defer abi.Ask()()
	return trimUsed()
}

// Wanted asks the host.
func (Rows) Wanted() uint64 {
	defer abi.Ask()()
	return trimWanted()
}

// Len asks the host.
func (Rows) Len() uint32 {
	defer abi.Ask()()
	return trimRows()
}

// SetTags tells the host.
func (Rows) SetTags(first uint32, tags []uint64) {
	defer abi.Ask()()
	trimSetTags(first, unsafe.Pointer(unsafe.SliceData(tags)), uint32(len(tags)))
}

// Keys asks the host.
func (Rows) Keys(first, count uint32) []uint64 {
	defer abi.Ask()()
	trimKeys(first, count, abi.Results())
	return abi.List[uint64](0)
}

// Sizes asks the host.
func (Rows) Sizes(first, count uint32) []uint64 {
	defer abi.Ask()()
	trimSizes(first, count, abi.Results())
	return abi.List[uint64](0)
}

// IdleRuns asks the host.
func (Rows) IdleRuns(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimIdleRuns(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Ranks asks the host.
func (Rows) Ranks(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimRanks(first, count, abi.Results())
	return abi.List[uint32](0)
}

// IdleSeconds asks the host.
func (Rows) IdleSeconds(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimIdleSeconds(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Ages asks the host.
func (Rows) Ages(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimAges(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Uses asks the host.
func (Rows) Uses(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimUses(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Costs asks the host.
func (Rows) Costs(first, count uint32) []uint64 {
	defer abi.Ask()()
	trimCosts(first, count, abi.Results())
	return abi.List[uint64](0)
}

// Kinds asks the host.
func (Rows) Kinds(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimKinds(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Streams asks the host.
func (Rows) Streams(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimStreams(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Members asks the host.
func (Rows) Members(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimMembers(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Held asks the host.
func (Rows) Held(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimHeld(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Marks asks the host.
func (Rows) Marks(first, count uint32) []uint32 {
	defer abi.Ask()()
	trimMarks(first, count, abi.Results())
	return abi.List[uint32](0)
}

// Tags asks the host.
func (Rows) Tags(first, count uint32) []uint64 {
	defer abi.Ask()()
	trimTags(first, count, abi.Results())
	return abi.List[uint64](0)
}
