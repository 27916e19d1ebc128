// Makes garbage in every question, in goroutines too, while it holds on to columns: what the host wrote must be there afterwards.
package main

import (
	"runtime"
	"sync"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/eviction"
)

func init() {
	policy.Register(policy.Policy{Name: "churns", Version: "1.0.0"})
	eviction.Register(eviction.Policy{Score: score, End: end})
}

// Columns of all runs, and what they summed up to when they came.
var (
	seen [][]uint64
	sums []uint64
)

func sum(column []uint64) (all uint64) {
	for _, cell := range column {
		all += cell
	}
	return all
}

func score(rows eviction.Rows, first, count uint32) []float64 {
	var group sync.WaitGroup
	columns := make([][]uint64, 8)
	for number := range columns {
		group.Add(1)
		// Beside each other, as far as they can be: each asks the host.
		go func() {
			defer group.Done()
			garbage := make([][]byte, 64)
			for at := range garbage {
				garbage[at] = make([]byte, 4096)
			}
			if number%2 == 0 {
				columns[number] = rows.Keys(first, count)
			} else {
				columns[number] = rows.Sizes(first, count)
			}
			policy.Log(policy.Debug, string(garbage[number][:1]))
		}()
	}
	group.Wait()
	for _, column := range columns {
		seen, sums = append(seen, column), append(sums, sum(column))
	}
	scores := make([]float64, count)
	for row := range scores {
		scores[row] = float64(columns[row%4*2][row] + columns[row%4*2+1][row])
	}
	return scores
}

func end(eviction.Rows) {
	runtime.GC()
	for number, column := range seen {
		if sum(column) != sums[number] {
			panic("a column has changed")
		}
	}
}

func main() {}
