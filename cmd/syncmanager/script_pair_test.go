package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// meets DIR COMMAND… runs a command that shows a pairing code, for a user who answers
// $OLD_ANSWERS, and lets the profile in DIR read the code, for a user who answers $NEW_ANSWERS.
// It fails if the command fails.
func meets() {
	old := exec.Command(os.Args[2], os.Args[3:]...)
	old.Stdout, old.Stdin = os.Stdout, strings.NewReader(os.Getenv("OLD_ANSWERS")+"\n")
	stderr, err := old.StderrPipe()
	fatal(err)
	fatal(old.Start())
	var joining sync.WaitGroup
	lines := bufio.NewScanner(io.TeeReader(stderr, os.Stderr))
	for lines.Scan() {
		address := lines.Text()
		if !strings.HasPrefix(address, "http") {
			continue
		}
		joining.Go(func() {
			c := exec.Command("syncmanager", "--profile", os.Args[1], "pair", "-", "--device-name", "phone")
			c.Stdin = strings.NewReader(address + "\n" + os.Getenv("NEW_ANSWERS") + "\n")
			out, err := c.CombinedOutput()
			fmt.Fprintf(os.Stderr, "the other device: %s(%v)\n", out, err)
		})
	}
	err = errors.Join(lines.Err(), old.Wait())
	joining.Wait()
	fatal(err)
}
