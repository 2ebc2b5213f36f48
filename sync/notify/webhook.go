package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/sync/state"
)

// Webhook is a receiver of POST requests with a Message as JSON. They are signed as
// Standard Webhooks (https://www.standardwebhooks.com) describes: the header
// webhook-signature holds "v1," and the base64 of the HMAC-SHA256, with the secret as key,
// of the texts of the headers webhook-id and webhook-timestamp (seconds) and of the body,
// joined by full stops. A receiver refuses timestamps that are minutes old, and ids that
// it has seen.
type Webhook struct {
	// URL is https, or http on loopback.
	URL string
	// Secret is the key of the signature: after "whsec_" base64, else the text itself;
	// empty: unsigned.
	Secret string
	// Events are the ones to send; none: all.
	Events []state.NoticeEvent
}

type webhook struct {
	url, userAgent string
	key            []byte
	client         *http.Client
}

const secretPrefix = "whsec_"

func newWebhook(w Webhook, version string) (*webhook, error) {
	key := []byte(w.Secret)
	if encoded, ok := strings.CutPrefix(w.Secret, secretPrefix); ok {
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return nil, errors.New("secret: not base64 after " + secretPrefix)
		}
	}
	return &webhook{
		url: w.URL, key: key, userAgent: strings.TrimSuffix("idpbridge/"+version, "/"),
		client: &http.Client{
			// A notice every few weeks needs no connection in between. Its address is
			// somebody's secret, and is not handed on to where a redirect points.
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func (w *webhook) send(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", w.userAgent)
	w.sign(req.Header, m.ID, body)
	resp, err := w.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written to it
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("answered %s", resp.Status)
	}
	return nil
}

func (w *webhook) sign(h http.Header, id string, body []byte) {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", at)
	if len(w.key) == 0 {
		return
	}
	mac := hmac.New(sha256.New, w.key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, at, body) // a hash never fails
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// withoutURL takes the address out of an error: it may hold a secret.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// fingerprint names an address without telling it.
func fingerprint(address string) string {
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:8])
}
