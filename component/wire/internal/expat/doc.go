// Package expat parses XML with libexpat, which two of the common XMPP servers
// read with, to hold the wire package against it in tests. It needs libexpat's
// headers and the build tag "expat"; without the tag it is empty.
package expat
