package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// bareConcurrency is the bridge's own default ceiling for an application.
const bareConcurrency = 8

// Bare is what the bare loop took.
type Bare struct {
	Wall     Duration `json:"wall"`
	Requests int      `json:"requests"`
}

// runBare sends captured requests again, from bareConcurrency goroutines over one client:
// users first, then groups, then what changes these. Ids that the application gives anew
// are put in the place of the captured ones; nothing else is done.
func runBare(ctx context.Context, t task, out io.Writer) error {
	stages, err := readCapture(t.Capture)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = bareConcurrency
	b := &bare{base: t.Sink + basePath, client: &http.Client{Transport: transport}}
	began, n := time.Now(), 0
	for _, stage := range stages {
		if err := b.send(ctx, stage); err != nil {
			return err
		}
		n += len(stage)
	}
	return json.NewEncoder(out).Encode(Bare{Duration{time.Since(began)}, n})
}

// readCapture reads captured requests by stage: what makes users, what makes groups, the
// rest.
func readCapture(path string) ([3][]sent, error) {
	var stages [3][]sent
	f, err := os.Open(path)
	if err != nil {
		return stages, err
	}
	defer func() { _ = f.Close() }() // only read
	dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	for {
		var s sent
		if err := dec.Decode(&s); errors.Is(err, io.EOF) {
			return stages, nil
		} else if err != nil {
			return stages, fmt.Errorf("captured requests: %w", err)
		}
		stage := 2
		switch {
		case s.Method == http.MethodPost && s.Path == "/Users":
			stage = 0
		case s.Method == http.MethodPost:
			stage = 1
		}
		stages[stage] = append(stages[stage], s)
	}
}

type bare struct {
	base   string
	client *http.Client
	ids    sync.Map // captured id → id
}

func (b *bare) send(ctx context.Context, all []sent) error {
	tasks := make(chan sent)
	errs := make([]error, bareConcurrency)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for s := range tasks {
				if errs[i] == nil {
					errs[i] = b.one(ctx, s)
				}
			}
		})
	}
	for _, s := range all {
		tasks <- s
	}
	close(tasks)
	wg.Wait()
	return errors.Join(errs...)
}

func (b *bare) one(ctx context.Context, s sent) error {
	if i := strings.LastIndexByte(s.Path, '/'); i > 0 {
		s.Path = s.Path[:i+1] + b.id(s.Path[i+1:])
	}
	body := []byte(s.Body)
	if s.Path != "/Users" {
		body = b.renamed(body)
	}
	req, err := http.NewRequestWithContext(ctx, s.Method, b.base+s.Path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/scim+json")
	resp, err := b.client.Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // read to its end
	if err != nil || resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s %.200s %w", s.Method, s.Path, resp.Status, answer, err)
	}
	if s.ID == "" {
		return nil
	}
	var made struct{ ID string }
	if err := json.Unmarshal(answer, &made); err != nil {
		return fmt.Errorf("%s %s: %w", s.Method, s.Path, err)
	}
	b.ids.Store(s.ID, made.ID)
	return nil
}

func (b *bare) id(captured string) string {
	if now, ok := b.ids.Load(captured); ok {
		return now.(string)
	}
	return captured
}

// renamed puts present ids in the place of captured ones, where "value" members hold them.
func (b *bare) renamed(body []byte) []byte {
	mark := []byte(`"value":"`)
	out := make([]byte, 0, len(body)+64)
	for {
		i := bytes.Index(body, mark)
		if i < 0 {
			return append(out, body...)
		}
		i += len(mark)
		end := i + bytes.IndexByte(body[i:], '"')
		out = append(append(out, body[:i]...), b.id(string(body[i:end]))...)
		body = body[end:]
	}
}
