package mapping_test

import (
	"strings"
	"testing"
	"time"
)

// No expression may hang a cycle or eat its memory, whatever it says.
func TestExpressionsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 1000)
	tests := map[string]string{
		"nested loops": `user.list.all(a, user.list.all(b, user.list.all(c, user.list.all(d, a + b + c + d != ""))))`,
		"growing text": strings.Repeat("(", 12) + "user.text" + strings.Repeat(`.replace("a", "aaaaaaaaaa"))`, 12),
		"doubling":     `[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28].map(x, user.text).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x)`,
		"join":         `join(user.list.map(a, join(user.list.map(b, join(user.list, user.text)), user.text)), user.text)`,
	}
	list := make([]any, 1000)
	for i := range list {
		list[i] = "x"
	}
	for name, from := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if v, err := evaluate(t, from, map[string]any{"list": list, "text": long}); err == nil {
				t.Errorf("no error, but a %T", v)
			} else if !strings.Contains(err.Error(), "too much for one object") && !strings.Contains(err.Error(), "would make more than") {
				t.Error(err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
