// The page on which a Firefox that shows a pairing code asks its user whether the device that
// read the code may join the account. Firefox does the rest.

import { ask } from "./channel.js";
import { t } from "./text.js";
import { $, onSubmit, show } from "./ui.js";

const query = new URLSearchParams(location.search);
const channel_id = query.get("channel_id");

/** How long Firefox may take to answer, and how often it is asked how far the pairing is, in ms. */
const patience = 20_000;
const interval = 500;

/** pairing asks Firefox; null is its answer if it does not know this pairing. */
const pairing = what => ask(`fxaccounts:pair_${what}`, { channel_id }, patience);

let allowed = false;
let ended = false;

function end(step) {
	ended = true;
	show(step);
}

/** program names a browser by what it calls itself. */
function program(ua) {
	const version = /\bFirefox\/(\d+)/.exec(ua)?.[1];
	if (!version) {
		return ua.slice(0, 80) || t("A device that does not tell its name");
	}
	const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"].find(name => ua.includes(name));
	return [`Firefox ${version}`, system].filter(Boolean).join(", ");
}

/** watch follows the pairing until it ends. */
async function watch() {
	while (!ended) {
		const state = await pairing("heartbeat");
		if (ended) {
			return;
		}
		if (!state || state.err) {
			end("failed");
		} else if (allowed && state.suppAuthorized) {
			await pairing("complete");
			end("joined");
		} else {
			await new Promise(resolve => setTimeout(resolve, interval));
		}
	}
}

onSubmit($("#ask-form"), async (form, button) => {
	if (button.value === "decline") {
		end("refused");
		await pairing("decline");
		return;
	}
	await pairing("authorize");
	if (!ended) {
		allowed = true;
		show("other");
	}
});

const other = await pairing("supplicant_metadata");
if (!other?.ua && !other?.ipAddress) {
	end("failed");
} else {
	$("#program").textContent = program(String(other.ua ?? ""));
	$("#address").textContent = other.ipAddress ?? "";
	$("#account").textContent = query.get("email") ?? "";
	show("ask");
	watch();
}
