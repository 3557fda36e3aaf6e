package twilio

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"gatehouse/transports/sms/provider"
)

const largestAnswer = 4 << 20

// A call is one request to the API. It implements client.BaseClient, so that
// twilio-go's own client is out of the way: that one takes no context, drops
// the headers of errors, and refuses credentials that compatible services use.
type call struct {
	ctx     context.Context
	http    *http.Client
	base    string // in place of https://api.twilio.com
	account string
	token   string
	loose   bool        // the answers' types are to be made Twilio's
	written atomic.Bool // something of the request may have left
}

// api gives the service for this call. The edge and region that twilio-go
// would take from the environment stay unset.
func (c *call) api() *api.ApiService {
	return api.NewApiService(&client.RequestHandler{Client: c})
}

// SendRequest implements client.BaseClient. Its error is an *answerError if
// there was an answer.
func (c *call) SendRequest(method, rawURL string, data url.Values, headers map[string]any, _ ...byte) (*http.Response, error) {
	target := c.base + strings.TrimPrefix(strings.TrimPrefix(rawURL, apiBase), conversationsBase)
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(data.Encode())
	} else if len(data) > 0 {
		target += "?" + data.Encode()
	}
	req, err := http.NewRequestWithContext(provider.NoteWriting(c.ctx, &c.written), method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	for key, value := range headers {
		req.Header.Set(key, fmt.Sprint(value))
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "gatehouse")
	req.SetBasicAuth(c.account, c.token)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call the API: %w", provider.WithoutURL(err))
	}
	res.Body = limited{io.LimitReader(res.Body, largestAnswer), res.Body}
	if res.StatusCode/100 == 2 {
		if c.loose {
			res.Body = limited{tightened(res.Body), res.Body}
		}
		return res, nil
	}
	defer res.Body.Close()
	return nil, readAnswerError(res)
}

type limited struct {
	io.Reader
	io.Closer
}

// The rest of client.BaseClient.

func (c *call) AccountSid() string         { return c.account }
func (c *call) SetTimeout(time.Duration)   {}
func (c *call) SetOauth(auth client.OAuth) {}
func (c *call) OAuth() client.OAuth        { return nil }

var conversationSID = regexp.MustCompile(`\bCH[0-9a-fA-F]{32}\b`)

// An answerError is an answer that is not a success. Its text leaves out
// Twilio's message, which repeats phone numbers.
type answerError struct {
	Status     int
	Code       int // 0: the answer was no error of Twilio's
	RetryAfter time.Duration

	Conversation string // the one that the same people have already
}

func (e *answerError) Error() string {
	if e.Code == 0 {
		return fmt.Sprintf("the API answered with status %d", e.Status)
	}
	return fmt.Sprintf("the API answered with status %d, code %d", e.Status, e.Code)
}

// Is says that the answer refuses the credentials
// (https://www.twilio.com/docs/api/errors/20003, 20005 for a closed account).
func (e *answerError) Is(target error) bool {
	return target == provider.ErrCredentials && (e.Status == http.StatusUnauthorized || e.Code == 20003 || e.Code == 20005)
}

func readAnswerError(res *http.Response) error {
	e := &answerError{Status: res.StatusCode, RetryAfter: retryAfter(res.Header.Get("Retry-After"))}
	var body struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err == nil {
		e.Code, e.Conversation = body.Code, conversationSID.FindString(body.Message)
	}
	return e
}

const longestRetryAfter = time.Hour

// retryAfter reads seconds or a date (RFC 9110 §10.2.3).
func retryAfter(s string) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
		return min(max(time.Duration(min(seconds, 1<<20))*time.Second, 0), longestRetryAfter)
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(time.Until(at), 0), longestRetryAfter)
	}
	return 0
}
