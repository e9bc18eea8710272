package marionette

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// deadProxy receives every request that is not for the loopback interface. Nothing listens on
// its port, so such a request fails at once and without DNS, on any machine.
const deadProxy, deadProxyPort = "127.0.0.1", 9

// basePrefs are the preferences that must be set before Firefox starts. Once it runs,
// Marionette adds a list of its own for automation (remote.prefs.recommended) that never
// overrides these.
func basePrefs() map[string]any {
	return map[string]any{
		// 0: Firefox picks a free port and writes it to MarionetteActivePort.
		"marionette.port": 0,

		// Block all requests to other machines.
		"network.proxy.type":                      1,
		"network.proxy.http":                      deadProxy,
		"network.proxy.http_port":                 deadProxyPort,
		"network.proxy.ssl":                       deadProxy,
		"network.proxy.ssl_port":                  deadProxyPort,
		"network.proxy.no_proxies_on":             "localhost, 127.0.0.1, [::1]",
		"network.proxy.failover_direct":           false,
		"network.dns.disablePrefetch":             true,
		"network.prefetch-next":                   false,
		"network.http.speculative-parallel-limit": 0,
		"network.trr.mode":                        5, // no DNS over HTTPS, by choice

		// Also disable the features that make such requests.
		"app.normandy.enabled":                            false,
		"app.update.disabledForTesting":                   true,
		"app.update.auto":                                 false,
		"browser.discovery.enabled":                       false,
		"browser.newtabpage.enabled":                      false,
		"browser.region.network.url":                      "",
		"browser.region.update.enabled":                   false,
		"browser.safebrowsing.blockedURIs.enabled":        false,
		"browser.safebrowsing.downloads.enabled":          false,
		"browser.safebrowsing.malware.enabled":            false,
		"browser.safebrowsing.phishing.enabled":           false,
		"browser.search.update":                           false,
		"browser.startup.homepage":                        "about:blank",
		"browser.startup.page":                            0,
		"captivedetect.canonicalURL":                      "",
		"datareporting.healthreport.uploadEnabled":        false,
		"datareporting.policy.dataSubmissionEnabled":      false,
		"dom.push.connection.enabled":                     false,
		"extensions.getAddons.cache.enabled":              false,
		"extensions.systemAddon.update.enabled":           false,
		"extensions.update.enabled":                       false,
		"media.gmp-manager.updateEnabled":                 false,
		"messaging-system.rsexperimentloader.enabled":     false,
		"network.captive-portal-service.enabled":          false,
		"network.connectivity-service.enabled":            false,
		"security.remote_settings.crlite_filters.enabled": false,
		"services.settings.server":                        "data:,no-remote-settings",
		"telemetry.fog.test.localhost_port":               -1,
		"toolkit.telemetry.enabled":                       false,
		"toolkit.telemetry.server":                        "",

		// Disable questions to the user and first-run pages.
		"browser.aboutwelcome.enabled":                                false,
		"browser.sessionstore.resume_from_crash":                      false,
		"browser.shell.checkDefaultBrowser":                           false,
		"browser.startup.homepage_override.mstone":                    "ignore",
		"browser.tabs.warnOnClose":                                    false,
		"browser.warnOnQuit":                                          false,
		"datareporting.policy.dataSubmissionPolicyBypassNotification": true,
		"termsofuse.bypassNotification":                               true,
		"toolkit.startup.max_resumed_crashes":                         -1,
	}
}

// writePrefs writes user.js, which Firefox reads at each start and which overrides stored
// preferences: first this package's preferences, then the caller's.
func writePrefs(profile string, own map[string]any) error {
	prefs := basePrefs()
	maps.Copy(prefs, own)
	var js bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(prefs)) {
		switch prefs[name].(type) {
		case bool, int, string:
		default:
			return fmt.Errorf("preference %s: Firefox has no preferences of type %T, only bool, int and string", name, prefs[name])
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return fmt.Errorf("preference %s: %w", name, err)
		}
		value, err := json.Marshal(prefs[name])
		if err != nil {
			return fmt.Errorf("preference %s: %w", name, err)
		}
		fmt.Fprintf(&js, "user_pref(%s, %s);\n", quoted, value)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), js.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing Firefox's preferences: %w", err)
	}
	return nil
}
