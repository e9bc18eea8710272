// The page with which a browser joins the account of a device that shows a pairing code.
// Firefox for Android opens it after it has read the code.

import { base } from "./api.js";
import { base64url, encode, unbase64url } from "./bytes.js";
import { tell } from "./channel.js";
import { Closed, PSK } from "./psk.js";
import { t } from "./text.js";
import { $, onSubmit, ready, show } from "./ui.js";

const webChannel = "urn:ietf:wg:oauth:2.0:oob:oauth-redirect-webchannel";
const query = new URLSearchParams(location.search);
const code = new URLSearchParams(location.hash.slice(1));

/** where is the page to go to in the end, which must be this server's own; "": the web channel. */
function where() {
	const own = `${location.origin}${base}/oauth/success/${query.get("client_id")}`;
	const wanted = query.get("redirect_uri") ?? webChannel;
	if (![own, webChannel].includes(wanted)) {
		throw new Error(t("This page was opened for an app that this server does not know, so the app is told nothing. Begin again in the app itself."));
	}
	return wanted === own ? own : "";
}

/** Channel is the connection to the device that shows the code. */
class Channel {
	#waiting = [];
	#came = [];
	#ended = null;
	#turn = Promise.resolve();

	constructor(id, key) {
		this.psk = new PSK(key, id);
		this.socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/ws/${id}`);
		let greeted = false;
		this.socket.onmessage = ({ data }) => this.#inTurn(async () => {
			if (!greeted) {
				greeted = true;
				this.#write(await this.psk.hello());
				return;
			}
			const { message, answer } = await this.psk.receive(unbase64url(JSON.parse(data).message));
			if (answer) {
				this.#write(answer);
				this.#write(await this.psk.send(encode(JSON.stringify({ message: "pair:supp:request", data: request() }))));
			}
			if (message) {
				this.#came.push(JSON.parse(new TextDecoder().decode(message)));
				this.#wake();
			}
		});
		this.socket.onclose = () => this.#inTurn(() => { throw new Closed(); });
	}

	#inTurn(work) {
		this.#turn = this.#turn.then(work).catch(e => {
			this.#ended ??= e;
			this.socket.close();
			this.#wake();
		});
	}

	#wake() {
		for (const wake of this.#waiting.splice(0)) {
			wake();
		}
	}

	#write(record) { this.socket.send(base64url(record)); }

	/** hear waits for the next message, which must have this name. */
	async hear(name) {
		while (!this.#came.length && !this.#ended) {
			await new Promise(wake => this.#waiting.push(wake));
		}
		const next = this.#came.shift();
		if (!next) {
			throw this.#ended;
		}
		if (next.message !== name) {
			throw new Closed();
		}
		return next.data ?? {};
	}

	say(message) {
		this.#inTurn(async () => this.#write(await this.psk.send(encode(JSON.stringify({ message, data: {} })))));
	}

	close() {
		this.#inTurn(async () => {
			if (this.psk.connected) {
				this.#write(await this.psk.close());
			}
			this.socket.close();
		});
	}
}

/** request is what the browser asks for, as its own address of this page says. */
const request = () => Object.fromEntries(
	["client_id", "scope", "state", "access_type", "code_challenge", "code_challenge_method", "keys_jwk"].filter(name => query.has(name)).map(name => [name, query.get(name)]));

let refused = false;

function fail(e) {
	if (refused) {
		return; // what comes of that is not worth a word
	}
	$("#failed .reason").textContent = e instanceof Closed ? "" : e.message;
	show("failed");
}

async function join() {
	const to = where();
	// The address bar and the history need not show the key.
	history.replaceState(null, "", location.pathname + location.search);
	const channel = new Channel(code.get("channel_id"), unbase64url(code.get("channel_key")));
	const { email, deviceName } = await channel.hear("pair:auth:metadata");
	$("#account").textContent = String(email ?? "").slice(0, 256);
	$("#device").textContent = String(deviceName ?? "").slice(0, 256);
	show("ask");
	const granted = channel.hear("pair:auth:authorize");
	granted.catch(fail);
	onSubmit($("#ask-form"), async (form, button) => {
		if (button.value === "decline") {
			refused = true;
			channel.close();
			show("refused");
			return;
		}
		channel.say("pair:supp:authorize");
		show("other");
		const { code: grant, state } = await granted;
		if (!grant || state !== query.get("state")) {
			throw new Error(t("The server sent an answer that this page does not understand."));
		}
		if (to) {
			channel.close();
			location.replace(`${to}?${new URLSearchParams({ code: grant, state })}`);
		} else {
			tell("fxaccounts:oauth_login", { action: "pairing", code: grant, state, redirect: webChannel });
			show("joined");
		}
	});
}

if (ready()) {
	if (/^[\w-]{1,64}$/.test(code.get("channel_id") ?? "") && /^[\w-]{43}$/.test(code.get("channel_key") ?? "")) {
		join().catch(fail);
	} else {
		fail(new Closed());
	}
}
