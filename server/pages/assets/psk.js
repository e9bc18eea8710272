// The joining side's encryption of a pairing channel: the small part of TLS 1.3 that
// works with a key that both sides have already. The other side, and the reasons, are in the
// Go package account/pairing/internal/channel.

import { concat, encode, random } from "./bytes.js";
import { t } from "./text.js";

const hashSize = 32;
const zeros = new Uint8Array(hashSize);
const empty = new Uint8Array();

const changeCipherSpec = 20, alert = 21, handshake = 22, data = 23;
const closeNotify = 0;

/** Closed is thrown when the other side has ended the channel. */
export class Closed extends Error {}

const broken = () => new Error(t("The two devices do not have the same pairing key, or somebody changed what they sent."));

const number = (n, size) => Uint8Array.from({ length: size }, (_, i) => (n >>> (8 * (size - 1 - i))) & 0xff);

/** vector is bytes with their length before them, in size bytes. */
const vector = (size, ...parts) => {
	const all = concat(...parts);
	return concat(number(all.length, size), all);
};

const hash = async bytes => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

async function hmac(key, bytes) {
	const k = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
	return new Uint8Array(await crypto.subtle.sign("HMAC", k, bytes));
}

/** expandLabel is HKDF-Expand-Label for up to 32 bytes. */
async function expandLabel(secret, label, context, size) {
	const info = concat(number(size, 2), vector(1, encode(`tls13 ${label}`)), vector(1, context), Uint8Array.of(1));
	return (await hmac(secret, info)).slice(0, size);
}

const derive = async (secret, label, transcript) => expandLabel(secret, label, await hash(transcript), hashSize);

const finishedMAC = async (base, transcript) => hmac(await expandLabel(base, "finished", empty, hashSize), await hash(transcript));

/** same compares in a time that does not depend on where two differ. */
const same = (a, b) => a.length === b.length && a.reduce((diff, byte, i) => diff | (byte ^ b[i]), 0) === 0;

/** Protection encrypts or decrypts the records of one direction. */
class Protection {
	#seq = 0;

	static async of(secret, use) {
		const p = new Protection();
		p.iv = await expandLabel(secret, "iv", empty, 12);
		p.key = await crypto.subtle.importKey("raw", await expandLabel(secret, "key", empty, 16), "AES-GCM", false, [use]);
		return p;
	}

	/** next is how the next record is encrypted. */
	next(header) {
		const iv = this.iv.slice();
		number(this.#seq++, 4).forEach((byte, i) => { iv[8 + i] ^= byte; });
		return { name: "AES-GCM", iv, additionalData: header };
	}
}

const header = (type, size) => concat(Uint8Array.of(type, 3, 3), number(size, 2));

/** PSK is the joining side of a channel, without the network. Its calls must not overlap. */
export class PSK {
	#key;
	#id;
	#session = random(32);
	#transcript = empty;
	#step = "server hello";
	#secret;
	#client;
	#server;
	#in = null;
	#out = null;

	constructor(key, id) {
		this.#key = key;
		this.#id = encode(id);
	}

	get connected() { return this.#step === "connected"; }

	/** hello is the first record. */
	async hello() {
		this.#secret = await hmac(zeros, this.#key);
		const extension = (type, body) => concat(number(type, 2), vector(2, body));
		const start = concat(
			Uint8Array.of(3, 3), random(32), vector(1, this.#session),
			vector(2, number(0x1301, 2)), vector(1, Uint8Array.of(0)));
		const whole = binder => {
			const extensions = vector(2,
				extension(43, vector(1, number(0x0304, 2))),
				extension(45, vector(1, Uint8Array.of(0))),
				extension(41, concat(vector(2, vector(2, this.#id), number(0, 4)), vector(2, vector(1, binder)))));
			return concat(Uint8Array.of(1), vector(3, start, extensions));
		};
		const unbound = whole(zeros); // the binder proves all before the binders
		const binder = await finishedMAC(await derive(this.#secret, "ext binder", empty), unbound.slice(0, -(2 + 1 + hashSize)));
		this.#transcript = whole(binder);
		return this.#seal(handshake, this.#transcript);
	}

	/** receive takes a record, and gives {message} or {answer}, or neither. */
	async receive(record) {
		const [type, content] = await this.#open(record);
		if (type === data && this.connected) {
			return { message: content };
		}
		if (type === alert && content.length === 2) {
			throw content[1] === closeNotify ? new Closed() : broken();
		}
		if (type === changeCipherSpec && this.#step === "finished" && same(content, Uint8Array.of(1))) {
			return {};
		}
		if (type === handshake && this.#step === "server hello") {
			await this.#takeServerHello(content);
			return {};
		}
		if (type === handshake && this.#step === "finished") {
			return { answer: await this.#takeFinished(content) };
		}
		throw broken();
	}

	/** send is the record of a message, once connected. */
	send(message) {
		return this.#seal(data, message);
	}

	/** close is the record that ends the channel. */
	close() {
		return this.#seal(alert, Uint8Array.of(1, closeNotify));
	}

	/** There is one answer that the other side can give; only its random part is its own. */
	async #takeServerHello(message) {
		const extensions = Uint8Array.of(0, 43, 0, 2, 3, 4, 0, 41, 0, 2, 0, 0);
		const answer = random => concat(Uint8Array.of(2), vector(3,
			Uint8Array.of(3, 3), random, vector(1, this.#session), number(0x1301, 2), Uint8Array.of(0), vector(2, extensions)));
		if (!same(message, answer(message.slice(6, 38)))) {
			throw broken();
		}
		this.#transcript = concat(this.#transcript, message);
		this.#secret = await hmac(await derive(this.#secret, "derived", empty), zeros);
		this.#client = await derive(this.#secret, "c hs traffic", this.#transcript);
		this.#server = await derive(this.#secret, "s hs traffic", this.#transcript);
		this.#out = await Protection.of(this.#client, "encrypt");
		this.#in = await Protection.of(this.#server, "decrypt");
		this.#step = "finished";
	}

	async #takeFinished(messages) {
		const extensions = Uint8Array.of(8, 0, 0, 2, 0, 0); // it has none
		const before = concat(this.#transcript, extensions);
		const proof = concat(Uint8Array.of(20), vector(3, await finishedMAC(this.#server, before)));
		if (!same(messages, concat(extensions, proof))) {
			throw broken();
		}
		this.#transcript = concat(before, proof);
		this.#secret = await hmac(await derive(this.#secret, "derived", empty), zeros);
		const ours = concat(Uint8Array.of(20), vector(3, await finishedMAC(this.#client, this.#transcript)));
		const answer = await this.#seal(handshake, ours);
		this.#out = await Protection.of(await derive(this.#secret, "c ap traffic", this.#transcript), "encrypt");
		this.#in = await Protection.of(await derive(this.#secret, "s ap traffic", this.#transcript), "decrypt");
		this.#step = "connected";
		this.#key = this.#secret = this.#client = this.#server = this.#transcript = null;
		return answer;
	}

	async #seal(type, content) {
		if (!this.#out) {
			return concat(header(type, content.length), content);
		}
		const head = header(data, content.length + 1 + 16);
		const sealed = await crypto.subtle.encrypt(this.#out.next(head), this.#out.key, concat(content, Uint8Array.of(type)));
		return concat(head, new Uint8Array(sealed));
	}

	async #open(record) {
		const head = record.slice(0, 5), body = record.slice(5);
		if (!same(head.slice(1), header(0, body.length).slice(1)) || body.length > 0x4100) {
			throw broken();
		}
		if (!this.#in || head[0] === changeCipherSpec) {
			return [head[0], body];
		}
		let inner;
		try {
			inner = new Uint8Array(await crypto.subtle.decrypt(this.#in.next(head), this.#in.key, body));
		} catch {
			throw broken();
		}
		const last = inner.findLastIndex(byte => byte !== 0);
		if (head[0] !== data || last < 0) {
			throw broken();
		}
		return [inner[last], inner.slice(0, last)];
	}
}
