// The accounts server, asked from a page. A request proves who asks by a header
// that scripts of other sites cannot set: there is no cookie to ride on.

import { hex, random, xor } from "./bytes.js";
import { newCredentials, openBundle, stretchV1, stretchV2, tokenID } from "./keys.js";
import { newRecoveryKey, openRecoveryKey } from "./recoverykey.js";
import { t } from "./text.js";

// base is the path that the server is below, or "".
export const base = document.documentElement.dataset.base;

/** The OAuth client of the desktop Firefox, which the pages ask as, too. */
export const desktop = "5882386c6d801776";

/** Numbers of the server's catalogue that a page acts on. */
export const errno = {
	exists: 101, password: 103, parameter: 107, token: 110, throttled: 114, emailCase: 120, unverified: 138, backupCode: 156,
	recoveryKey: 158, client: 162, scope: 163, proof: 164, responseType: 168, challenge: 169, code: 183, invitation: 202,
};

/** A refusal by the server, or no answer at all (errno 0). */
export class APIError extends Error {
	constructor(answer) {
		super(answer.message ?? t("The server did not answer. Check the connection and try again."));
		this.errno = answer.errno ?? 0;
		this.answer = answer;
	}
}

/**
 * request asks the accounts server and gives the answer's fields. A body that is
 * a Blob is sent as it is. proof is [a token's kind, its id], [an access token],
 * or nothing.
 */
async function request(method, path, body, proof) {
	const headers = {};
	const raw = body instanceof Blob;
	if (body !== undefined) {
		headers["Content-Type"] = raw ? body.type : "application/json";
	}
	if (proof) {
		headers.Authorization = `Bearer ${proof.join("_")}`;
	}
	let answer;
	try {
		const response = await fetch(base + path, {
			method, headers, body: raw ? body : body && JSON.stringify(body), cache: "no-store", credentials: "omit", redirect: "error",
		});
		answer = await response.json();
		if (response.ok) {
			return answer;
		}
	} catch {
		throw new APIError({});
	}
	throw new APIError(answer);
}

const post = (path, body, proof) => request("POST", "/auth/v1" + path, body, proof);

/** A session at the server. */
export class Session {
	constructor({ uid, email, sessionToken }) {
		Object.assign(this, { uid, email, sessionToken });
	}

	async #proof() {
		this.id ??= await tokenID(this.sessionToken, "sessionToken");
		return ["fxs", this.id];
	}

	async get(path) {
		return request("GET", "/auth/v1" + path, undefined, await this.#proof());
	}

	async remove(path) {
		return request("DELETE", "/auth/v1" + path, undefined, await this.#proof());
	}

	async post(path, body = {}) {
		return post(path, body, await this.#proof());
	}
}

/**
 * stretched stretches a password in both ways: which one an account has, if there
 * is an account, the server does not tell.
 */
async function stretched(email, password) {
	const { clientSalt } = await post("/account/credentials/status", { email });
	const [v1, v2] = await Promise.all([stretchV1(email, password), stretchV2(clientSalt, password)]);
	return { v1, v2, shown: { authPW: hex(v2.authPW), authPWVersion1: hex(v1.authPW) } };
}

/**
 * byPassword does work(email, what shows the password). The address is a salt, too,
 * of which the server may want another spelling.
 */
async function byPassword(email, password, work) {
	const attempt = async spelled => {
		const { v1, v2, shown } = await stretched(spelled, password);
		const answer = await work(spelled, shown);
		// It tells by the name of its token which way was right.
		const old = !!answer.keyFetchToken;
		return { answer, email: spelled, shown, unwrapBKey: (old ? v1 : v2).unwrapBKey, upgradeNeeded: old };
	};
	try {
		return await attempt(email);
	} catch (e) {
		const spelled = e.answer?.email;
		if (e.errno !== errno.emailCase || spelled?.toLowerCase() !== email.toLowerCase()) {
			throw e;
		}
		return attempt(spelled);
	}
}

/** fetchKB spends the key fetch token of an answer, whose name tells how the password was stretched. */
async function fetchKB({ keyFetchToken, keyFetchToken2, keyFetchTokenVersion2 }, unwrapBKey) {
	keyFetchToken ??= keyFetchToken2 ?? keyFetchTokenVersion2;
	const id = await tokenID(keyFetchToken, "keyFetchToken");
	const { bundle } = await request("GET", "/auth/v1/account/keys", undefined, ["fxk", id]);
	return xor(await openBundle(keyFetchToken, bundle), unwrapBKey);
}

/** codeFor is which code a new session waits for: "mail", "app" or none. */
const codeFor = answer => answer.verified === false ? (answer.verificationMethod === "email-otp" ? "mail" : "app") : "";

/**
 * signIn gives the session and a function that gets kB. While waits is not empty
 * neither is good for anything but a code: "app" for secondStep, "mail" for
 * confirm. upgrade, then, has an account of old stretch its password better from
 * now on.
 */
export async function signIn(email, password) {
	const { answer, email: spelled, shown, unwrapBKey, upgradeNeeded } = await byPassword(email, password,
		(email, shown) => post("/account/login?keys=true", { email, ...shown, reason: "signin" }));
	const session = new Session({ ...answer, email: spelled });
	let fetched; // a key fetch token is good once
	const kB = () => fetched ??= fetchKB(answer, unwrapBKey);
	const upgrade = async () => {
		if (upgradeNeeded) {
			const { passwordChangeToken } = await session.post("/password/change/start", { email: spelled, ...old(shown) });
			await finishChange(passwordChangeToken, await newCredentials(spelled, password, await kB()));
		}
	};
	return { session, kB, upgrade, waits: codeFor(answer) };
}

/** A code that is not right. */
class WrongCode extends APIError {
	constructor() {
		super({ errno: errno.code, message: t("That code is not right. Codes of an app change every 30 seconds, and each works once.") });
	}
}

/** verifyCode shows a code of the authenticator app, and gives the answer. */
export async function verifyCode(session, code) {
	const answer = await session.post("/session/verify/totp", { code });
	if (!answer.success) {
		throw new WrongCode();
	}
	return answer;
}

/** secondStep completes a sign-in by a code of the app, or by a backup code. */
export async function secondStep(session, code) {
	if (/^[\s\d]{6,8}$/.test(code)) {
		await verifyCode(session, code);
		return;
	}
	try {
		await session.post("/session/verify/recoveryCode", { code });
	} catch (e) {
		throw e.errno === errno.backupCode ? new WrongCode() : e;
	}
}

/** confirm shows the code that came by e-mail. */
export const confirm = (session, code) => session.post("/session/verify_code", { code });

/** sendCode has a new code sent by e-mail. */
export const sendCode = session => session.post("/session/resend_code");

/**
 * signUp makes an account, whose kB is made here. The invitation is for servers
 * that want one. waits is as of signIn.
 */
export async function signUp(email, password, invitation) {
	const kB = random(32);
	const answer = await post("/account/create", { email, invitation, ...await newCredentials(email, password, kB) });
	return { session: new Session({ ...answer, email }), kB: async () => kB, waits: codeFor(answer) };
}

const finishChange = async (token, credentials) =>
	post("/password/change/finish", credentials, ["fxpc", await tokenID(token, "passwordChangeToken")]);

/**
 * changePassword gives the new session, and what the account's owner must be told;
 * every other session of the account ends. The account's key stays the same.
 */
export async function changePassword(session, before, after) {
	const { answer, email, unwrapBKey } = await byPassword(session.email, before,
		(email, shown) => session.post("/password/change/start", { email, ...old(shown) }));
	const kB = await fetchKB(answer, unwrapBKey);
	const made = await finishChange(answer.passwordChangeToken, await newCredentials(email, after, kB));
	return { changed: new Session({ ...made, email }), told: made };
}

/** old shows a password that is to be another. */
const old = ({ authPW, authPWVersion1 }) => ({ oldAuthPW: authPW, authPWVersion1 });

/** reauthenticate shows the password again, which lets the session change for a while what opens the account. */
export const reauthenticate = (session, password) =>
	byPassword(session.email, password, (email, shown) => session.post("/session/reauth", { email, ...shown }));

/** destroyAccount deletes the account and all that it has on the server. */
export const destroyAccount = (session, password) =>
	byPassword(session.email, password, (email, shown) => session.post("/account/destroy", { email, ...shown }));

/** createRecoveryKey makes a new recovery key, in the place of an old one, and gives its text. */
export async function createRecoveryKey(session, password) {
	const { answer, unwrapBKey } = await byPassword(session.email, password,
		(email, shown) => session.post("/session/reauth?keys=true", { email, ...shown }));
	const key = await newRecoveryKey(await fetchKB(answer, unwrapBKey));
	await session.post("/recoveryKey", { recoveryKeyId: key.id, recoveryData: key.data, replaceKey: true });
	return key.text;
}

/**
 * startRecovery opens an account by its recovery key, and its code where it has
 * two-step sign-in (errno.unverified: it wants one). The result sets a new
 * password and gives the new session and new backup codes.
 */
export async function startRecovery(email, text, code) {
	const key = await openRecoveryKey(text);
	const answer = await post("/recoveryKey/start", { email, recoveryKeyId: key.id, code });
	const kB = await key.open(answer.recoveryData);
	return async password => {
		const id = await tokenID(answer.accountResetToken, "accountResetToken");
		const made = await post("/account/reset", await newCredentials(answer.email, password, kB), ["fxar", id]);
		return { session: new Session({ ...made, email: answer.email }), codes: made.recoveryCodes };
	};
}

/** profile asks the profile server, by an access token that is good for the picture alone. */
async function profile(session, method, path, body) {
	const { access_token } = await session.post("/oauth/token", {
		grant_type: "fxa-credentials", client_id: desktop, scope: "profile:avatar profile:avatar:write", ttl: 60,
	});
	return request(method, "/profile/v1" + path, body, [access_token]);
}

/** avatar tells of the account's picture: its id, and whether it is that of everyone. */
export const avatar = session => profile(session, "GET", "/avatar");

export const uploadAvatar = (session, picture) => profile(session, "POST", "/avatar/upload", picture);

export const removeAvatar = (session, id) => profile(session, "DELETE", "/avatar/" + id);
