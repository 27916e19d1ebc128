package policy

import (
	"unsafe"

	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
)

//go:wasmimport cachewit:policy/log@0.1.0 max-level
func hostMaxLevel() uint32

//go:wasmimport cachewit:policy/log@0.1.0 log
func hostLog(level uint32, at unsafe.Pointer, length uint32)

//go:wasmimport cachewit:policy/counters@0.1.0 add
func hostCount(at unsafe.Pointer, length uint32, value uint64)

//go:wasmimport cachewit:policy/state@0.1.0 load
func hostLoad(results unsafe.Pointer)

//go:wasmimport cachewit:policy/state@0.1.0 save
func hostSave(at unsafe.Pointer, length uint32) uint32

//go:wasmimport wasi:config/store@0.2.0-rc.1 get
func hostGet(at unsafe.Pointer, length uint32, results unsafe.Pointer)

func maxLevel() Level {
	defer abi.Ask()()
	return Level(hostMaxLevel())
}

func log(level Level, message string) {
	defer abi.Ask()()
	hostLog(uint32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
}

func count(name string, value uint64) {
	defer abi.Ask()()
	hostCount(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), value)
}

func load() []byte {
	defer abi.Ask()()
	hostLoad(abi.Results())
	return abi.List[byte](0)
}

func save(bytes []byte) bool {
	defer abi.Ask()()
	return hostSave(unsafe.Pointer(unsafe.SliceData(bytes)), uint32(len(bytes))) == 1
}

// result<option<string>, error>: both cases are told by a byte, and stand at the same place.
func get(_ Settings, name string) (string, bool) {
	defer abi.Ask()()
	hostGet(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), abi.Results())
	if abi.Byte(0) != 0 {
		// Where the error has its text.
		abi.String(8)
		return "", false
	}
	if abi.Byte(4) == 0 {
		return "", false
	}
	return abi.String(8), true
}

var described struct {
	words  [5]uint32
	policy Policy
}

//go:wasmexport cachewit:policy/plugin@0.1.0#describe
func describe() unsafe.Pointer {
	if registered.Name == "" {
		panic("no policy is registered; call policy.Register in init")
	}
	// A copy, so that nothing moves what the host is about to read.
	described.policy = registered
	name, version := abi.Address(described.policy.Name), abi.Address(described.policy.Version)
	described.words = [5]uint32{name[0], name[1], version[0], version[1], registered.StateVersion}
	return unsafe.Pointer(&described.words)
}

var refused struct {
	words [5]uint32
	error ConfigError
}

//go:wasmexport cachewit:policy/plugin@0.1.0#configure
func configureExport(at, length uint32) unsafe.Pointer {
	settings := abi.Argument(at, length)
	abi.Begin()
	refused.words = [5]uint32{}
	if err := configure(Settings{settings}); err != nil {
		refused.error = *err
		key, message := abi.Address(refused.error.Key), abi.Address(refused.error.Message)
		refused.words = [5]uint32{1, key[0], key[1], message[0], message[1]}
	}
	return unsafe.Pointer(&refused.words)
}
