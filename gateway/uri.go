package gateway

import "net/url"

// uriEscape escapes a local part for an xmpp: URI (RFC 5122 §2.2).
func uriEscape(local string) string { return url.PathEscape(local) }
