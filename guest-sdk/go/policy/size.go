package policy

import (
	"math/bits"
	"strconv"
	"strings"
)

var units = map[string]uint64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

func sizeOf(text string) (uint64, bool) {
	text = strings.TrimSpace(text)
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit, ok := units[strings.ToLower(strings.TrimSpace(text[len(digits):]))]
	whole, fraction, _ := strings.Cut(digits, ".")
	number, err := strconv.ParseUint(whole, 10, 64)
	if !ok || err != nil {
		return 0, false
	}
	var part uint64
	// Six digits are finer than any size that matters, and the product still fits.
	if fraction = fraction[:min(len(fraction), 6)]; fraction != "" {
		scale := uint64(1)
		for range fraction {
			scale *= 10
		}
		tenths, err := strconv.ParseUint(fraction, 10, 64)
		if err != nil {
			return 0, false
		}
		part = tenths * unit / scale
	}
	high, size := bits.Mul64(number, unit)
	sum, carry := bits.Add64(size, part, 0)
	return sum, high == 0 && carry == 0
}
