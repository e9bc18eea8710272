// A recovery key: 160 random bits, as text to write down. One key derived from it
// seals kB; another is its id, by which the server knows it.

import { base64url, encode, hex, random, unbase64url } from "./bytes.js";
import { derive } from "./keys.js";
import { t } from "./text.js";

const size = 20;

// Crockford's base 32, which has no letters that are taken for digits.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const additionalData = encode("syncmanager recovery key 1");

/** write is the key's text: groups of four characters. */
function write(bytes) {
	const bits = Array.from(bytes, b => b.toString(2).padStart(8, "0")).join("");
	return bits.match(/.{5}/g).map(five => alphabet[parseInt(five, 2)]).join("").match(/.{4}/g).join("-");
}

function read(text) {
	const typed = text.toUpperCase().replace(/[\s-]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");
	const digits = Array.from(typed, c => alphabet.indexOf(c));
	if (digits.length * 5 !== size * 8 || digits.includes(-1)) {
		throw new Error(t("That is not a recovery key: one has 8 groups of 4 letters and digits."));
	}
	const bits = digits.map(d => d.toString(2).padStart(5, "0")).join("");
	return Uint8Array.from(bits.match(/.{8}/g), byte => parseInt(byte, 2));
}

async function derived(bytes) {
	const key = await crypto.subtle.importKey("raw", await derive(bytes, "recoveryKeySeal", 32), "AES-GCM", false, ["encrypt", "decrypt"]);
	return { id: hex(await derive(bytes, "recoveryKeyId", 16)), key };
}

/** newRecoveryKey makes a key that seals kB. */
export async function newRecoveryKey(kB) {
	const bytes = random(size);
	const { id, key } = await derived(bytes);
	const iv = random(12);
	const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, kB);
	return { text: write(bytes), id, data: base64url(iv) + "." + base64url(new Uint8Array(sealed)) };
}

/** openRecoveryKey reads a key's text; open gives back kB. */
export async function openRecoveryKey(text) {
	const { id, key } = await derived(read(text));
	const open = async data => {
		const [iv, sealed] = data.split(".").map(unbase64url);
		return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed));
	};
	return { id, open };
}
