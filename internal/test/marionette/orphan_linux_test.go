package marionette_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/marionette"
)

// orphanEnv makes TestAKilledTestLeavesNoFirefox the process that gets killed.
const orphanEnv = "MARIONETTE_TEST_ORPHAN"

func TestAKilledTestLeavesNoFirefox(t *testing.T) {
	if os.Getenv(orphanEnv) != "" {
		ff := marionette.StartTest(t, marionette.Options{Profile: os.Getenv(orphanEnv)})
		pid, err := ff.Chrome(t.Context(), `return Services.appinfo.processID;`)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("pid %s\n", pid)
		select {}
	}

	binary := marionette.Require(t)
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAKilledTestLeavesNoFirefox$")
	parent.Env = append(os.Environ(), orphanEnv+"="+t.TempDir(), marionette.EnvBinary+"="+binary, "TMPDIR="+t.TempDir())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "pid %d\n", &pid); err != nil || !alive(pid) {
		t.Fatalf("the other process started no Firefox: pid %d, %v", pid, err)
	}
	if err := parent.Process.Kill(); err != nil { // SIGKILL: no clean-up runs
		t.Fatal(err)
	}
	_ = parent.Wait()

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for alive(pid) {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("Firefox outlives the test that started it")
		}
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return !strings.HasPrefix(string(state), "Z")
}
