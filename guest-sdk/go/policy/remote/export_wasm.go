package remote

import (
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/host"
)

type network struct{}

func (network) Targets() []Target {
	targets := make([]Target, host.TargetCount())
	for index := range targets {
		number := uint32(index)
		mode := host.TargetMode(number)
		targets[index] = Target{
			Index: number, Name: host.TargetName(number), Engine: host.TargetEngine(number),
			Readable: mode&1 != 0, Writable: mode&2 != 0, Health: Health(host.TargetHealth(number)),
		}
	}
	return targets
}

func (network) Sets() []Set {
	sets := make([]Set, host.SetCount())
	for index := range sets {
		number := uint32(index)
		sets[index] = Set{
			Index: number, Name: host.SetName(number), Stream: host.SetStream(number),
			Target: host.SetTarget(number), Age: host.SetAge(number), Entries: host.SetEntries(number),
		}
	}
	return sets
}

//go:wasmexport cachewit:policy/remote@0.1.0#open
func open() uint32 {
	abi.Begin()
	if registered.Open == nil {
		return uint32(Pass)
	}
	return uint32(registered.Open(network{}, host.Session{}, host.Plan{}))
}

//go:wasmexport cachewit:policy/remote@0.1.0#route
func route() uint32 {
	abi.Begin()
	if registered.Route == nil {
		return uint32(Pass)
	}
	return uint32(registered.Route(host.Request{}, network{}, host.Session{}, host.Plan{}))
}

//go:wasmexport cachewit:policy/remote@0.1.0#close
func closeExport() uint32 {
	abi.Begin()
	if registered.Close == nil {
		return uint32(Pass)
	}
	return uint32(registered.Close(network{}, host.Session{}, host.Plan{}))
}
