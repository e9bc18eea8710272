// The keys behind a password, made here and nowhere else: the server learns
// authPW, never the password nor kB.
//
//	password - stretch -+- authPW ------ to the server
//	                    +- unwrapBKey -- xor wrapKB (from the server) = kB - scoped key

import { base64url, encode, hex, random, unhex, xor } from "./bytes.js";
import { t } from "./text.js";

const namespace = "identity.mozilla.com/picl/v1/";
const saltV2 = namespace + "quickStretchV2:";

/** The scope of Firefox Sync. */
export const oldSync = "https://identity.mozilla.com/apps/oldsync";

/** derive is HKDF-SHA256 without salt, its purpose in the protocol's namespace. */
export async function derive(secret, purpose, bytes) {
	const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
	const info = encode(namespace + purpose);
	return new Uint8Array(await crypto.subtle.deriveBits(
		{ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, key, 8 * bytes));
}

async function stretch(salt, password, iterations) {
	const key = await crypto.subtle.importKey("raw", encode(password), "PBKDF2", false, ["deriveBits"]);
	const stretched = new Uint8Array(await crypto.subtle.deriveBits(
		{ name: "PBKDF2", hash: "SHA-256", salt: encode(salt), iterations }, key, 256));
	return { authPW: await derive(stretched, "authPW", 32), unwrapBKey: await derive(stretched, "unwrapBkey", 32) };
}

/** stretchV1 salts with the address, in the spelling that the account was made with. */
export const stretchV1 = (email, password) => stretch(namespace + "quickStretch:" + email, password, 1000);

/** stretchV2 salts with the account's own salt. */
export function stretchV2(clientSalt, password) {
	if (!/^[0-9a-f]{32}$/.test(clientSalt.slice(saltV2.length)) || !clientSalt.startsWith(saltV2)) {
		throw new Error(t("The server sent an answer that this page does not understand."));
	}
	return stretch(clientSalt, password, 650_000);
}

/**
 * newCredentials are the parameters that set a password, under which kB stays
 * the same.
 */
export async function newCredentials(email, password, kB) {
	const clientSalt = saltV2 + hex(random(16));
	const [v1, v2] = await Promise.all([stretchV1(email, password), stretchV2(clientSalt, password)]);
	return {
		authPW: hex(v1.authPW), wrapKb: hex(xor(kB, v1.unwrapBKey)),
		authPWVersion2: hex(v2.authPW), wrapKbVersion2: hex(xor(kB, v2.unwrapBKey)), clientSalt,
	};
}

/** tokenID is what names a token to the server: proof enough that one has it. */
export async function tokenID(token, purpose) {
	return hex((await derive(unhex(token, 32), purpose, 32)));
}

/** openBundle is the wrapped kB in the answer to account/keys. */
export async function openBundle(keyFetchToken, bundle) {
	const derived = await derive(unhex(keyFetchToken, 32), "keyFetchToken", 96);
	const pads = await derive(derived.slice(64), "account/keys", 96);
	const bytes = unhex(bundle, 96);
	const mac = await crypto.subtle.importKey("raw", pads.slice(0, 32), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
	if (!await crypto.subtle.verify("HMAC", mac, bytes.slice(64), bytes.slice(0, 64))) {
		throw new Error(t("The account's keys are damaged or forged."));
	}
	return xor(bytes.slice(32, 64), pads.slice(64));
}

/** scopedKeys are the keys of sync as a browser takes them; rotated is in milliseconds. */
export async function scopedKeys(kB, rotated) {
	const k = await derive(kB, "oldsync", 64);
	const fingerprint = new Uint8Array(await crypto.subtle.digest("SHA-256", kB)).slice(0, 16);
	return { [oldSync]: { kty: "oct", scope: oldSync, k: base64url(k), kid: `${rotated}-${base64url(fingerprint)}` } };
}
