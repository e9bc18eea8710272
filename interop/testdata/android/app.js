// What the app around the page says to it over the web channel. As on Android, an
// add-on carries the messages. They are kept for the test to read.
const sent = [];
const answers = {
	"fxaccounts:fxa_status": { capabilities: { choose_what_to_sync: true, engines: ["bookmarks", "history", "passwords", "tabs"] }, signedInUser: null },
	"fxaccounts:can_link_account": { ok: true },
};

window.addEventListener("WebChannelMessageToChrome", event => {
	const { id, message } = JSON.parse(event.detail);
	sent.push(message);
	document.documentElement.dataset.sent = JSON.stringify(sent);
	const data = answers[message.command];
	if (data) {
		const detail = { id, message: { command: message.command, messageId: message.messageId, data } };
		window.dispatchEvent(new CustomEvent("WebChannelMessageToContent", { detail: cloneInto(detail, window) }));
	}
});
