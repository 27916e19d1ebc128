// Breaks in a trim, in the way that its setting says.
package main

import (
	"log"
	"os"
	"runtime"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/eviction"
)

var how string

func init() {
	policy.Register(policy.Policy{Name: "breaks", Version: "1.0.0", Configure: func(settings policy.Settings) error {
		how, _ = settings.Get("how")
		return nil
	}})
	eviction.Register(eviction.Policy{Score: score})
}

var kept [][]byte

type nested struct {
	room [1 << 10]byte
	next *nested
}

//go:noinline
func recurse(above *nested) int {
	here := nested{next: above}
	return recurse(&here) + int(here.room[0])
}

func score(rows eviction.Rows, first, count uint32) []float64 {
	ranks := rows.Ranks(first, count)
	switch how {
	case "panic":
		panic("no idea what to do")
	case "error":
		_, err := os.Open("/rules")
		panic(err)
	case "index":
		return []float64{float64(ranks[count])}
	case "nil":
		var none *nested
		return []float64{float64(none.room[0])}
	case "goroutine":
		go func() { panic("elsewhere") }()
		runtime.Gosched()
	case "deadlock":
		<-make(chan int)
	case "exit":
		os.Exit(0)
	case "fatal":
		log.Fatal("cannot go on")
	case "memory":
		for {
			kept = append(kept, make([]byte, 1<<20))
		}
	case "stack":
		recurse(nil)
	case "loop":
		for {
		}
	case "few":
		return make([]float64, count-1)
	}
	return make([]float64, count)
}

func main() {}
