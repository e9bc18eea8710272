//go:build !js

package sqlite

import (
	"sync"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// statementJournal is up to how many bytes of the pages that one statement changes are kept in
// memory, to take the statement back should it fail. SQLite's default of 64 KiB is less than a
// statement changes that inserts 100 rows with indexes: it would write each of those pages to a
// temporary file first, which took a tenth of the time of a first download.
const statementJournal = 4 << 20

// configure sets up SQLite for the process, before its first file is opened. It may fail if
// something else opened a file before; then statements take longer, and nothing else is different.
var configure = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.Xmalloc(tls, types.Size_t(unsafe.Sizeof(uintptr(0))))
	if args == 0 {
		return
	}
	defer libc.Xfree(tls, args)
	sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_STMTJRNL_SPILL, libc.VaList(args, int32(statementJournal)))
})
