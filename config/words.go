package config

import (
	"fmt"
	"slices"
	"strings"
)

// wordOf returns the word of an enumeration's value, which counts from 1.
func wordOf(words []string, n int) string {
	if n < 1 || n > len(words) {
		return "unknown"
	}
	return words[n-1]
}

// indexOf returns the value, counted from 1, that a word stands for.
func indexOf(words []string, word string) (int, error) {
	if i := slices.Index(words, word); i >= 0 {
		return i + 1, nil
	}
	return 0, fmt.Errorf("%q is not one of %s", word, strings.Join(words, ", "))
}
