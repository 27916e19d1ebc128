package observer

import (
	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/host"
)

type events struct{}

func (events) Len() uint32 { return host.Events{}.Len() }

func (events) Run(first, count uint32) []Event {
	columns := host.Events{}
	codes, levels, kinds := columns.Codes(first, count), columns.Levels(first, count), columns.Kinds(first, count)
	sizes, costs := columns.Sizes(first, count), columns.Costs(first, count)
	times, durations := columns.Times(first, count), columns.Durations(first, count)
	run := make([]Event, len(codes))
	for row := range run {
		run[row] = Event{
			What: What(codes[row]), Level: Level(levels[row]), Size: sizes[row], Kind: policy.Kind(kinds[row]),
			Time: host.Micros(times[row]), Duration: host.Micros(durations[row]),
		}
		if costs[row] != unknownCost {
			run[row].Cost, run[row].CostKnown = host.Micros(costs[row]), true
		}
	}
	return run
}

//go:wasmexport cachewit:policy/observer@0.1.0#observe
func observe(first, count uint32) {
	abi.Begin()
	registered(events{}, host.Session{}, first, count)
}
