// Package service describes an agent to the system's manager of services, for one user: as a
// systemd user unit, a launchd agent or a scheduled task.
package service

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strings"
)

// Agent is the agent of a profile.
type Agent struct {
	// Program is the path of this program, Profile that of the profile's folder; both are absolute.
	Program, Profile string
	// Default is set for the profile that the program uses unless another is named.
	Default bool
	// Listen is the address for programs with a token, or "".
	Listen string
}

// line returns the command line, after the program.
func (a Agent) line() []string {
	words := []string{"--profile", a.Profile, "agent"}
	if a.Listen != "" {
		words = append(words, "--listen", a.Listen)
	}
	return words
}

// commandLine returns the command line, with its words quoted by quote.
func (a Agent) commandLine(quote func(string) string) string {
	words := []string{quote(a.Program)}
	for _, word := range a.line() {
		words = append(words, quote(word))
	}
	return strings.Join(words, " ")
}

// mark is in each file that this package writes, so that no other file is overwritten or removed.
const mark = "Written by 'syncmanager agent install'; 'syncmanager agent uninstall' removes it."

// Ours reports whether a file was written by this package.
func Ours(text []byte) bool { return bytes.Contains(text, []byte(mark)) }

// suffix tells the agents of several profiles apart.
func (a Agent) suffix(sep string) string {
	if a.Default {
		return ""
	}
	sum := sha256.Sum256([]byte(a.Profile))
	return sep + hex.EncodeToString(sum[:4])
}

// UnitName returns the name of the systemd unit.
func (a Agent) UnitName() string { return "syncmanager-agent" + a.suffix("-") + ".service" }

// UnitPath returns the path of the unit, in the user's folder for configuration.
func (a Agent) UnitPath(config string) string {
	return filepath.Join(config, "systemd", "user", a.UnitName())
}

// Unit returns the systemd user unit. It restricts what a user's service manager can restrict without
// privileges, and leaves the file system as the user sees it: commands that run in the agent write exports to
// where the user is.
func (a Agent) Unit() []byte {
	return fmt.Appendf(nil, `# %s
[Unit]
Description=Sync Manager agent
After=network.target

[Service]
ExecStart=%s
Restart=on-failure
RestartSec=30
# A command line that this version does not know: trying again does not help.
RestartPreventExitStatus=2
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
LimitCORE=0

[Install]
WantedBy=default.target
`, mark, a.commandLine(unitQuote))
}

// unitQuote quotes a word of a command line in a unit.
func unitQuote(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$", "\n", `\n`).Replace(word) + `"`
}

// Label returns the name of the launchd agent.
func (a Agent) Label() string { return "org.syncmanager.agent" + a.suffix(".") }

// PlistPath returns the path of the launchd agent, in the user's home folder.
func (a Agent) PlistPath(home string) string {
	return filepath.Join(home, "Library", "LaunchAgents", a.Label()+".plist")
}

// Plist returns the launchd agent.
func (a Agent) Plist() []byte {
	var line strings.Builder
	for _, word := range append([]string{a.Program}, a.line()...) {
		line.WriteString("\t\t<string>" + escape(word) + "</string>\n")
	}
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- %s -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>%s</string>
	<key>ProgramArguments</key>
	<array>
%s	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>30</integer>
	<key>ProcessType</key>
	<string>Background</string>
	<key>Umask</key>
	<integer>63</integer>
</dict>
</plist>
`, mark, a.Label(), line.String())
}

func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer does not fail
	return b.String()
}

// TaskName returns the name of the scheduled task on Windows.
func (a Agent) TaskName() string { return "Sync Manager agent" + a.suffix(" ") }

// TaskCommand returns the command line of the scheduled task.
func (a Agent) TaskCommand() string {
	return a.commandLine(func(word string) string { return `"` + word + `"` })
}
