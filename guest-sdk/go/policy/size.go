package policy

import (
	"math/bits"
	"strconv"
	"strings"
)

var units = []struct {
	name  string
	bytes uint64
}{
	{"", 1}, {"B", 1},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
}

func sizeOf(text string) (uint64, bool) {
	digits := strings.TrimRight(text, "kKMGTiB ")
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, false
	}
	for _, unit := range units {
		if strings.EqualFold(unit.name, strings.TrimSpace(text[len(digits):])) {
			high, size := bits.Mul64(number, unit.bytes)
			return size, high == 0
		}
	}
	return 0, false
}
