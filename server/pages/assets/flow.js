// What a browser asked for when it opened the sign-in page, and giving it that.

import { desktop, errno } from "./api.js";
import { ask, status, tell } from "./channel.js";
import { seal } from "./jwe.js";
import { oldSync, scopedKeys } from "./keys.js";
import { t } from "./text.js";

const webChannel = "urn:ietf:wg:oauth:2.0:oob:oauth-redirect-webchannel";

/** Where a program on this computer listens for its code; the server is as strict. */
const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\]):[1-9][0-9]{0,4}\/callback$/;

/** refused says whose doing it is that the server gives no code. */
function refused(e) {
	if ([errno.parameter, errno.client, errno.scope, errno.responseType, errno.challenge].includes(e.errno)) {
		throw new Error(t("This page was opened for an app that this server does not know, so the app is told nothing. Begin again in the app itself."));
	}
	throw e;
}

/** Flow is one request for sign-in by a browser, or by a program. */
export class Flow {
	constructor(search) {
		const q = new URLSearchParams(search);
		this.params = Object.fromEntries(q);
		this.wanted = q.has("client_id") && q.has("state") && q.has("code_challenge");
		this.byChannel = this.wanted && (!q.has("redirect_uri") || q.get("redirect_uri") === webChannel);
		// Before it had OAuth, Firefox was handed the keys by the page itself.
		this.tooOld = !this.wanted && !!q.get("context")?.startsWith("fx_");
		this.byProgram = this.wanted && loopback.test(q.get("redirect_uri"));
	}

	/** start asks the browser what it can do. An address may be in the hands of another one. */
	async start() {
		const found = this.byChannel ? await status() : null;
		this.here = !!found;
		this.wanted &&= this.here || !this.byChannel;
		this.engines = found?.capabilities?.choose_what_to_sync ? found.capabilities.engines ?? [] : [];
		this.knowsUID = !!found?.capabilities?.can_link_account_uid;
		this.signedIn = found?.signedInUser ?? null;
	}

	/**
	 * mayLink asks whether the browser's user agrees to join this account. Before a
	 * sign-in only the address is known, and some browsers want to know more.
	 */
	async mayLink(account) {
		if (!this.here) {
			return true;
		}
		const { ok } = await ask("fxaccounts:can_link_account", account);
		return !!ok;
	}

	/** finish gives the browser the session, and a code with the keys sealed for it. */
	async finish({ session, kB, engines }) {
		const { client_id, state, access_type, response_type, code_challenge, code_challenge_method, redirect_uri, keys_jwk, nonce } = this.params;
		// A newer Firefox leaves it to the server what belongs to its service.
		const scope = this.params.scope ?? (this.byChannel ? `profile ${oldSync}` : undefined);
		let keys_jwe;
		if (keys_jwk && scope?.split(" ").includes(oldSync)) {
			const data = await session.post("/account/scoped-key-data", { client_id, scope }).catch(refused);
			keys_jwe = await seal(await scopedKeys(await kB(), data[oldSync].keyRotationTimestamp), keys_jwk);
		}
		const { code, redirect } = await session.post("/oauth/authorization", {
			client_id, scope, state, access_type, response_type, code_challenge, code_challenge_method, redirect_uri, keys_jwe, nonce,
		}).catch(refused);
		if (!this.byChannel) {
			this.#leaveFor(redirect);
			return;
		}
		const { uid, email, sessionToken } = session;
		const login = { uid, email, sessionToken, verified: true, services: { sync: engines ?? {} } };
		if (client_id === desktop) { // which answers when it is told of the session
			await ask("fxaccounts:login", login);
		} else {
			tell("fxaccounts:login", login); // older ones do not answer, and ask for a session with the code
		}
		const grant = {
			action: engines ? "signup" : "signin", code, state, scope, redirect: webChannel,
			offeredSyncEngines: engines?.offeredEngines, declinedSyncEngines: engines?.declinedEngines,
		};
		if (client_id !== desktop) {
			tell("fxaccounts:oauth_login", grant);
			return;
		}
		try {
			await ask("fxaccounts:oauth_login", grant);
		} catch (e) {
			// Firefox knows only the sign-ins that it began since it was started.
			throw /INVALID_STATE|FLOW_ABANDONED/.test(e.message)
				? new Error(t("Firefox does not know this sign-in any more. Close this page and begin again in Firefox's settings.")) : e;
		}
	}

	/** leaveFor follows the server's redirection: to this very server, or to the program that asked. */
	#leaveFor(redirect) {
		const to = new URL(redirect);
		const program = this.byProgram ? new URL(this.params.redirect_uri) : null;
		if (to.origin !== location.origin && (to.origin !== program?.origin || to.pathname !== program.pathname)) {
			throw new Error(t("The server named a page that is neither its own nor the app's."));
		}
		location.replace(to);
	}
}
