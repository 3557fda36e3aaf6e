//go:build expat

package expat

/*
#cgo LDFLAGS: -lexpat
#include <expat.h>
#include <stdint.h>
#include <stdlib.h>

extern void gatehouseStart(uintptr_t, XML_Char *, XML_Char **);
extern void gatehouseEnd(uintptr_t);
extern void gatehouseText(uintptr_t, XML_Char *, int);

static void onStart(void *u, const XML_Char *name, const XML_Char **attrs) {
	gatehouseStart((uintptr_t)u, (XML_Char *)name, (XML_Char **)attrs);
}
static void onEnd(void *u, const XML_Char *name) { gatehouseEnd((uintptr_t)u); }
static void onText(void *u, const XML_Char *s, int n) { gatehouseText((uintptr_t)u, (XML_Char *)s, n); }

static XML_Parser newParser(uintptr_t handle) {
	XML_Parser p = XML_ParserCreateNS("UTF-8", ' ');
	XML_SetUserData(p, (void *)handle);
	XML_SetElementHandler(p, onStart, onEnd);
	XML_SetCharacterDataHandler(p, onText);
	return p;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"strings"
	"unsafe"
)

// A Handler takes what a document holds. Names have their namespace and a space
// in front, if they are in one; attributes are names and values in turn.
type Handler interface {
	Start(name string, attrs []string)
	End()
	Text(s string)
}

// Parse reads a whole document with namespaces, and fails if it is not
// well-formed.
func Parse(document []byte, h Handler) error {
	handle := cgo.NewHandle(h)
	defer handle.Delete()
	p := C.newParser(C.uintptr_t(handle))
	if p == nil {
		return errors.New("no memory for expat")
	}
	defer C.XML_ParserFree(p)
	data := C.CBytes(document)
	defer C.free(data)
	if C.XML_Parse(p, (*C.char)(data), C.int(len(document)), 1) != C.XML_STATUS_OK {
		return fmt.Errorf("expat: %s at byte %d",
			C.GoString((*C.char)(unsafe.Pointer(C.XML_ErrorString(C.XML_GetErrorCode(p))))),
			int(C.XML_GetCurrentByteIndex(p)))
	}
	return nil
}

func handler(h C.uintptr_t) Handler { return cgo.Handle(h).Value().(Handler) }

//export gatehouseStart
func gatehouseStart(h C.uintptr_t, name *C.XML_Char, attrs **C.XML_Char) {
	var list []string
	for _, a := range unsafe.Slice(attrs, countAttrs(attrs)) {
		list = append(list, strings.Clone(C.GoString((*C.char)(a))))
	}
	handler(h).Start(C.GoString((*C.char)(name)), list)
}

func countAttrs(attrs **C.XML_Char) int {
	n := 0
	for at := attrs; *at != nil; at = (**C.XML_Char)(unsafe.Add(unsafe.Pointer(at), unsafe.Sizeof(*at))) {
		n++
	}
	return n
}

//export gatehouseEnd
func gatehouseEnd(h C.uintptr_t) { handler(h).End() }

//export gatehouseText
func gatehouseText(h C.uintptr_t, s *C.XML_Char, n C.int) {
	handler(h).Text(C.GoStringN((*C.char)(s), n))
}
