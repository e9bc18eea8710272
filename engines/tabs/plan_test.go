package tabs

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/plantest"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	e, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "tabs.sqlite"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	const (
		oneRow  = "the table has one row"
		oneList = "the tabs of a device are read and sent as one"
		devices = "a user has few devices"
		few     = "there are at most MaxCloses, and mostly none"
	)
	plantest.Check(t, e.db.Read(), "sql.go", map[string]string{
		"sqlSetDevices": oneRow, "sqlResetMeta": oneRow, "sqlWipeMeta": oneRow, "sqlForget": oneRow, "sqlChanged": oneRow,
		"sqlSendAgain": oneRow, "sqlSettle": oneRow, "sqlRefused": oneRow,
		"sqlTabs": oneList, "sqlCount": oneList,
		"sqlWindows": oneList, "sqlGroups": oneList,
		"sqlCountCloses": few, "sqlCloses": few, "sqlUnsent": few, "sqlDropExpired": few, "sqlDropGone": few,
		"sqlOthers": devices, "sqlDropOld": devices,
	})
}
