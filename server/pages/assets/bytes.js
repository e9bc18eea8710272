// Bytes and their texts.

import { t } from "./text.js";

const utf8 = new TextEncoder();

export const encode = text => utf8.encode(text);

export const hex = bytes => Array.from(bytes, b => b.toString(16).padStart(2, "0")).join("");

/** unhex reads n bytes of hexadecimal. */
export function unhex(text, n) {
	if (typeof text !== "string" || text.length !== 2 * n || !/^[0-9a-f]*$/i.test(text)) {
		throw new Error(t("The server sent an answer that this page does not understand."));
	}
	return Uint8Array.from({ length: n }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** base64url is without padding. */
export const base64url = bytes =>
	btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

export const unbase64url = text =>
	Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));

/** xor is a xor b, which are of the same length. */
export const xor = (a, b) => a.map((byte, i) => byte ^ b[i]);

export const random = n => crypto.getRandomValues(new Uint8Array(n));

export function concat(...parts) {
	const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
	let at = 0;
	for (const p of parts) {
		out.set(p, at);
		at += p.length;
	}
	return out;
}
