package main

import (
	"slices"
	"testing"

	"github.com/cachewit/cachewit/guest-sdk/go/policy/eviction"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/fake"
)

func TestTheLongestUnusedGoesFirst(t *testing.T) {
	trim := fake.Trim{Rows: []fake.Row{{Rank: 2, Size: 20}, {Rank: 0, Size: 5}, {Rank: 1, Size: 1}}}
	if order := trim.Order(eviction.Policy{Score: score}); !slices.Equal(order, []int{1, 2, 0}) {
		t.Error(order)
	}
}
