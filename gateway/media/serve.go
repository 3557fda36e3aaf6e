package media

import (
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	atOnce    = 128              // files that are being sent
	sendLimit = 15 * time.Minute // for one file
)

// ServeHTTP gives the file at /TOKEN/name. The name is for people alone.
func (k *Keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	// Clients in browsers fetch files from their own pages; there is nothing
	// here but what the link gives.
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Range, ETag")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Headers", "Range, If-Range, If-None-Match")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	select {
	case k.serving <- struct{}{}:
		defer func() { <-k.serving }()
	default:
		h.Set("Retry-After", "5")
		http.Error(w, "too many files at a time", http.StatusServiceUnavailable)
		return
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f, err := k.open(token)
	if err != nil {
		http.Error(w, "this file is not here, or no longer", http.StatusNotFound)
		return
	}
	defer f.Close()
	disposition := "attachment"
	if isShown(f.Type) {
		disposition = "inline"
	}
	h.Set("Content-Type", f.Type)
	if strings.HasPrefix(f.Type, "text/") {
		h.Set("Content-Type", f.Type+"; charset=utf-8")
	}
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": f.Name}))
	h.Set("ETag", `"`+hex.EncodeToString(f.SHA256)+`"`)
	left := f.until.Sub(k.now())
	h.Set("Cache-Control", fmt.Sprintf("private, immutable, max-age=%d", int(left.Seconds())))
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(sendLimit))
	http.ServeContent(w, r, "", f.at, f)
}

// isShown says that browsers may show a type instead of saving it: nothing
// that can hold a script.
func isShown(kind string) bool {
	family, _, _ := strings.Cut(kind, "/")
	switch family {
	case "image":
		return kind != "image/svg+xml"
	case "audio", "video":
		return true
	}
	return kind == "text/plain"
}
