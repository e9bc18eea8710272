// Sealing the keys for the browser that asked: a compact JWE (RFC 7516), ECDH-ES
// with its public key (RFC 7518, section 4.6), A256GCM.

import { base64url, concat, encode, random, unbase64url } from "./bytes.js";

const curve = { name: "ECDH", namedCurve: "P-256" };

/** uint32 is n in four bytes, the highest first. */
function uint32(n) {
	const out = new Uint8Array(4);
	new DataView(out.buffer).setUint32(0, n);
	return out;
}

/**
 * seal encrypts a value as JSON. keysJWK is the "keys_jwk" of the request: a
 * public key as a JWK in base64url.
 */
export async function seal(value, keysJWK) {
	const { kty, crv, x, y } = JSON.parse(new TextDecoder().decode(unbase64url(keysJWK)));
	const theirs = await crypto.subtle.importKey("jwk", { kty, crv, x, y }, curve, false, []);
	const ours = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
	const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, ours.privateKey, 256);

	// Concat KDF with one round and empty party infos.
	const enc = encode("A256GCM");
	const round = concat(uint32(1), new Uint8Array(shared), uint32(enc.length), enc, uint32(0), uint32(0), uint32(256));
	const key = await crypto.subtle.importKey("raw", await crypto.subtle.digest("SHA-256", round), "AES-GCM", false, ["encrypt"]);

	const epk = await crypto.subtle.exportKey("jwk", ours.publicKey);
	const header = base64url(encode(JSON.stringify({
		alg: "ECDH-ES", enc: "A256GCM", epk: { kty: epk.kty, crv: epk.crv, x: epk.x, y: epk.y },
	})));
	const iv = random(12);
	const sealed = new Uint8Array(await crypto.subtle.encrypt(
		{ name: "AES-GCM", iv, additionalData: encode(header) }, key, encode(JSON.stringify(value))));
	return [header, "", base64url(iv), base64url(sealed.slice(0, -16)), base64url(sealed.slice(-16))].join(".");
}
