//go:build cgo

// Command c is libsyncmanager, a C library:
//
//	go build -buildmode=c-shared -o libsyncmanager.so ./bindings/c
//
// syncmanager.h is its contract.
package main

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
*/
import "C"

import (
	"runtime/debug"
	"unsafe"

	"github.com/syncmanager/syncmanager/bindings/internal/library"
)

var lib = library.Library{Version: version()}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// maxRequest bounds what is read of a text of the caller.
const maxRequest = 64 << 20

// text copies a text of the caller; NULL is "".
func text(s *C.char) []byte {
	if s == nil {
		return nil
	}
	return C.GoBytes(unsafe.Pointer(s), C.int(C.strnlen(s, maxRequest)))
}

// answer copies an answer to memory that sm_free frees; nil is NULL.
func answer(b []byte) *C.char {
	if b == nil {
		return nil
	}
	return C.CString(string(b))
}

//export sm_open
func sm_open(folder, options *C.char) *C.char {
	return answer(lib.Open(string(text(folder)), text(options)))
}

//export sm_call
func sm_call(handle C.uint64_t, verb, request *C.char) *C.char {
	return answer(lib.Call(uint64(handle), string(text(verb)), text(request)))
}

//export sm_next_event
func sm_next_event(handle C.uint64_t, timeout C.int) *C.char {
	return answer(lib.NextEvent(uint64(handle), int(timeout)))
}

//export sm_close
func sm_close(handle C.uint64_t) *C.char { return answer(lib.Close(uint64(handle))) }

//export sm_free
func sm_free(p *C.char) { C.free(unsafe.Pointer(p)) }

func main() {}
