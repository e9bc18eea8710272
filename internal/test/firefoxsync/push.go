package firefoxsync

import (
	"context"
	"time"
)

// HearPush delivers a push message about the account, as the push service does once it decrypted it, and reports whether
// Firefox began and ended a sync by itself within the time.
func (ff *Firefox) HearPush(ctx context.Context, message string, within time.Duration) (synced bool, err error) {
	err = ff.run(ctx, &synced, `
		const [message, within] = args;
		// Firefox leaves such messages alone while a test drives it.
		Services.prefs.setBoolPref("services.sync.testing.tps", false);
		let began = false;
		const ended = new Promise(resolve => {
			const watch = (subject, topic) => {
				if (topic == "weave:service:sync:start") began = true;
				if (topic == "weave:service:sync:finish" && began) done(true);
			};
			const topics = ["weave:service:sync:start", "weave:service:sync:finish"];
			const done = result => {
				for (const topic of topics) Services.obs.removeObserver(watch, topic);
				resolve(result);
			};
			for (const topic of topics) Services.obs.addObserver(watch, topic);
			setTimeout(() => done(false), within);
		});
		Cc["@mozilla.org/push/Notifier;1"].getService(Ci.nsIPushNotifier).notifyPushWithData(
			"chrome://fxa-device-update", Services.scriptSecurityManager.getSystemPrincipal(), "", Array.from(new TextEncoder().encode(message)));
		const synced = await ended;
		Services.prefs.setBoolPref("services.sync.testing.tps", true);
		return synced;
	`, message, within.Milliseconds())
	return synced, err
}
