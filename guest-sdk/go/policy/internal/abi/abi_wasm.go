// Package abi is how values cross between Go and the host: the canonical ABI of the component model, as far as the contract needs it.
//
// What the host hands over it writes into memory that it has cabi_realloc allocate, which is a function of ours and so is called while a call of
// ours is still going on. Such memory is kept here until whoever made that call has taken it; from then on Go's collector sees who uses it. What
// we hand over is read before the call returns, or, where it is the result of an export, stands in variables until the next question. The
// collector moves nothing but stacks, so nothing that the host is told the address of may stand on one.
package abi

import (
	"structs"
	"sync"
	"unsafe"
)

// cell is lent to the module that stands for WASI; its layout is written down there.
var cell struct {
	_      structs.HostLayout
	busy   uint32
	length uint32
	now    uint64
	line   [1024]byte
}

//go:wasmimport wasi_snapshot_preview1 cachewit_lend_cell
func lendCell(unsafe.Pointer)

//go:wasmimport cachewit:policy/clock@0.1.0 now
func now() uint64

func init() { lendCell(unsafe.Pointer(&cell)) }

var (
	// One call at a time: a goroutine must not begin one while the host has another one allocate.
	asking sync.Mutex
	// The host writes results that are no single number here.
	results [4]uint64
	// What the host had allocated and nobody has taken yet.
	given [][]uint64
	// Where what is empty stands.
	nowhere uint64
)

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, _, size uint32) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&nowhere)
	}
	cell.busy = 1
	// Words, so that it fits every type there is, and no pointers to look for.
	words := make([]uint64, (uint64(size)+7)/8)
	at := unsafe.Pointer(unsafe.SliceData(words))
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(at), size), unsafe.Slice((*byte)(old), oldSize))
		take(uint32(uintptr(old)))
	}
	given = append(given, words)
	cell.busy = 0
	return at
}

func take(at uint32) []uint64 {
	for number, words := range given {
		if uint32(uintptr(unsafe.Pointer(unsafe.SliceData(words)))) == at {
			last := len(given) - 1
			given[number], given[last] = given[last], nil
			given = given[:last]
			return words
		}
	}
	panic("the host handed over memory that it did not ask for")
}

func list[T any](at, length uint32) []T {
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(take(at)))), length)
}

// Begin is called first by every question.
func Begin() {
	asking.Lock()
	cell.now = now() * 1_000_000
	asking.Unlock()
}

// Ask begins a call of the host's; what it returns ends it, when the results were taken.
func Ask() func() {
	asking.Lock()
	return asking.Unlock
}

// Results is where the host is to write results that are no single number.
func Results() unsafe.Pointer { return unsafe.Pointer(&results) }

// Byte is the one at that offset of the results.
func Byte(offset uintptr) byte { return *(*byte)(unsafe.Add(Results(), offset)) }

// Number is the one at that offset of the results.
func Number(offset uintptr) uint32 { return *(*uint32)(unsafe.Add(Results(), offset)) }

// Word is the one at that offset of the results.
func Word(offset uintptr) uint64 { return *(*uint64)(unsafe.Add(Results(), offset)) }

// List takes the list at that offset of the results.
func List[T byte | uint32 | uint64](offset uintptr) []T {
	return list[T](Number(offset), Number(offset+4))
}

// String takes the string at that offset of the results.
func String(offset uintptr) string {
	bytes := List[byte](offset)
	// Nobody else has them, so nobody writes to them.
	return unsafe.String(unsafe.SliceData(bytes), len(bytes))
}

// Argument takes the string that an export was called with.
func Argument(at, length uint32) string {
	bytes := list[byte](at, length)
	return unsafe.String(unsafe.SliceData(bytes), len(bytes))
}

// Address is where a string that stands still can be read, and its length.
func Address(text string) [2]uint32 {
	return [2]uint32{uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))), uint32(len(text))}
}

// AddressOf is where a list that stands still can be read, and its length.
func AddressOf[T float64 | uint32 | uint64](list []T) [2]uint32 {
	if len(list) == 0 {
		return [2]uint32{uint32(uintptr(unsafe.Pointer(&nowhere))), 0}
	}
	return [2]uint32{uint32(uintptr(unsafe.Pointer(unsafe.SliceData(list)))), uint32(len(list))}
}
