package interop_test

import (
	"os"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
