package config

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest returns the word that was probably meant, or "" when none is near: at most a
// third of the letters may differ, so that the guess helps more often than it misleads.
func nearest(word string, known []string) string {
	best, distance := "", len(word)/3+1
	for _, k := range known {
		if strings.EqualFold(k, word) {
			return k
		}
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(k)); d <= distance && (best == "" || d < distance) {
			best, distance = k, d
		}
	}
	return best
}

// didYouMean is the hint that offers a word, or lists the known ones when there are few.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 || len(known) > 20 {
		return ""
	}
	return "known here: " + strings.Join(known, ", ")
}
