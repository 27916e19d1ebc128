// lru is the twin of plugins/lru: the longest unused goes first.
package main

import (
	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/eviction"
)

func init() {
	policy.Register(policy.Policy{Name: "lru", Version: "0.1.0"})
	eviction.Register(eviction.Policy{Score: score})
}

func score(rows eviction.Rows, first, count uint32) []float64 {
	scores := make([]float64, count)
	for row, rank := range rows.Ranks(first, count) {
		scores[row] = float64(rank)
	}
	return scores
}

func main() {}
