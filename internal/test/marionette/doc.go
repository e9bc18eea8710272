// Package marionette starts a real, headless Firefox and drives it over Marionette, the remote
// protocol that Firefox brings along: scripts with the browser's own privileges (chrome
// context), scripts in a page, and clicks.
//
// It is for tests with a real Firefox on the other side. Each Firefox has its own profile and
// home folder, can connect to the loopback interface only, and never outlives the process
// that started it.
//
// Source: Firefox's own remote agent (chrome/remote in its omni.ja), seen in
// Firefox ESR 153.
package marionette
