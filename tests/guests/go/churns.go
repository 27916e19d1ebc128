// Makes garbage in every question, in goroutines too, while it holds on to columns: what the host wrote must be there afterwards.
package main

import (
	"sync"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/eviction"
)

func init() {
	policy.Register(policy.Policy{Name: "churns", Version: "1.0.0"})
	eviction.Register(eviction.Policy{Score: score})
}

// Of all runs so far, so that the collector has something to keep.
var seen [][]uint64

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
			columns[number] = rows.Keys(first, count)
			policy.Log(policy.Debug, string(garbage[number][:1]))
		}()
	}
	group.Wait()
	// Keys that are kept for ever would be too much memory: the last ones.
	seen = append(seen, columns...)
	seen = seen[max(0, len(seen)-64):]
	scores := make([]float64, count)
	for row := range scores {
		scores[row] = float64(columns[row%8][row])
	}
	return scores
}

func main() {}
