// Package marionette starts a real, headless Firefox and drives it over
// Marionette, the remote protocol that Firefox brings along: scripts with the
// browser's own powers (chrome context), scripts in a page, and clicks.
//
// It exists for the tests that put a real Firefox on the other side. Each
// Firefox has a profile and a home folder of its own, reaches nothing but the
// loopback interface, and never outlives the process that started it.
//
// Source: Firefox's own remote agent (chrome/remote in its omni.ja), seen in
// Firefox ESR 153.
package marionette
