package twilio

import (
	"encoding/json"
	"net/url"
	"os"
	"testing"

	"github.com/twilio/twilio-go/client"

	"gatehouse/gateway/transport"
)

// The vectors were computed by Twilio's own library for Node.
func TestSignaturesAgreeWithTwilio(t *testing.T) {
	text, err := os.ReadFile("testdata/signature-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name, Method, URL, Body, Signature string
			Token                              string `json:"auth_token"`
			Type                               string `json:"content_type"`
			Valid                              bool
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) != 34 {
		t.Fatalf("there are %d vectors", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			r := signed{url: v.URL}
			switch {
			case v.Type == "application/json":
				r.body = []byte(v.Body)
			case v.Method == "POST":
				if r.params, err = url.ParseQuery(v.Body); err != nil {
					t.Fatal(err)
				}
			}
			if got := validSignature(v.Signature, r, transport.NewSecret(v.Token)); got != v.Valid {
				t.Errorf("got %v, want %v", got, v.Valid)
			}
			// Their library for Go takes the first value of a repeated key only.
			library, got := client.NewRequestValidator(v.Token), false
			if v.Method == "GET" {
				got = library.Validate(v.URL, nil, v.Signature)
			} else {
				got = library.ValidateBody(v.URL, []byte(v.Body), v.Signature)
			}
			if got != v.Valid && v.Name != "array-param-sorted-unique" {
				t.Errorf("the library for Go says %v", got)
			}
		})
	}
}

func TestSignatureByEitherTokenIsValid(t *testing.T) {
	r := signed{url: "https://gw.example.org/twilio/in", params: url.Values{"Body": {"x"}}}
	old, fresh, none := transport.NewSecret("old"), transport.NewSecret("fresh"), transport.Secret{}
	for name, tt := range map[string]struct {
		by, primary, secondary transport.Secret
		want                   bool
	}{
		"primary":              {fresh, fresh, old, true},
		"secondary":            {old, fresh, old, true},
		"no secondary":         {old, fresh, none, false},
		"no token signs":       {none, fresh, none, false},
		"no token at all":      {none, none, none, false},
		"the same token twice": {old, old, old, true},
	} {
		if got := validSignature(signatureOf(tt.by, r), r, tt.primary, tt.secondary); got != tt.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
