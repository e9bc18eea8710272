// The web channel: how a page of this server and the Firefox around it talk.
// Firefox takes messages only from the server that it is set to.

import { t } from "./text.js";

const id = "account_updates";
const toFirefox = "WebChannelMessageToChrome";
const toPage = "WebChannelMessageToContent";

/** How long Firefox may take to say what it can do, in ms. */
const patience = 10_000;

const post = (command, data, messageId) =>
	window.dispatchEvent(new CustomEvent(toFirefox, { detail: JSON.stringify({ id, message: { command, messageId, data } }) }));

/** tell sends a message that needs no answer. */
export const tell = (command, data) => post(command, data, crypto.randomUUID());

/**
 * ask sends a message and waits for its answer's data. In limit milliseconds
 * without one it gives null, for another browser says nothing; 0: wait on, as
 * when Firefox asks its user.
 */
export function ask(command, data, limit = 0) {
	const messageId = crypto.randomUUID();
	return new Promise((resolve, reject) => {
		let timer;
		const end = () => {
			clearTimeout(timer);
			window.removeEventListener(toPage, hear);
		};
		const hear = ({ detail }) => {
			if (detail?.id !== id || detail.message?.messageId !== messageId) {
				return;
			}
			end();
			const answer = detail.message.data ?? {};
			if (answer.error) {
				reject(new Error(t("Firefox could not go on: {reason}", { reason: answer.error.message ?? answer.error })));
			} else {
				resolve(answer);
			}
		};
		window.addEventListener(toPage, hear);
		if (limit) {
			timer = setTimeout(() => { end(); resolve(null); }, limit);
		}
		post(command, data, messageId);
	});
}

/** status is what the Firefox around the page can do and who is signed in to it, or null. */
export async function status() {
	if (!navigator.userAgent.includes("Firefox/")) {
		return null;
	}
	return ask("fxaccounts:fxa_status", { service: "sync", context: "oauth_webchannel_v1", isPairing: false }, patience);
}
