package npm_test

import (
	"fmt"
	"testing"
	"time"
	"sync"

	"github.com/idpbridge/idpbridge/sinks/sinktest/npm"
)

func TestZZ(t *testing.T) {
	for sw, n := range map[npm.Software]int{npm.SCIMMY: 2000, npm.BetterAuth: 300, npm.Polis: 300} {
		p := start(t, sw)
		at0 := time.Now()
		var mu sync.Mutex
		var ids []object
		var wg sync.WaitGroup
		ch := make(chan int)
		for range 8 { wg.Go(func() { for i := range ch { u := p.user(fmt.Sprintf("u%d@example.com", i)); mu.Lock(); ids = append(ids, object{"value": id(u)}); mu.Unlock() } }) }
		for i := range n { ch <- i }
		close(ch); wg.Wait()
		t.Log(sw, "posts", time.Since(at0)); at0 = time.Now()
		for i := 1; i <= n; i += 100 { p.do("GET", fmt.Sprintf("/Users?startIndex=%d&count=100", i), nil, 200) }
		t.Log(sw, "list", time.Since(at0)); at0 = time.Now()
		g := p.group("g")
		for i := 0; i < 250; i += 100 { p.do("PATCH", "/Groups/"+id(g), patch(object{"op":"add","path":"members","value":ids[i:min(i+100,250)]}), 200) }
		t.Log(sw, "members", time.Since(at0), len(members(p, g))); at0 = time.Now()
		for i := range 20 { p.find("/Users", fmt.Sprintf(`userName eq "u%d@example.com"`, i)) }
		t.Log(sw, "find20", time.Since(at0))
	}
}
