// Showing the password again, and the second step where there is one, before
// anything changes that opens the account. The server wants it; this asks for it.

import { errno, reauthenticate, secondStep } from "./api.js";
import { $, Cancelled, complain, onSubmit } from "./ui.js";

const dialog = $("#prove");
const form = $("#prove-form");

let session;
let byPassword;
let settled; // what goes on, once

/** proved does work, and asks for what the server wants to see before it. */
export async function proved(of, work) {
	for (;;) {
		try {
			return await work();
		} catch (e) {
			if (e.errno !== errno.proof) {
				throw e;
			}
			await ask(of, e.answer.verificationMethod !== "totp-2fa");
		}
	}
}

function ask(of, password) {
	[session, byPassword] = [of, password];
	for (const [kind, on] of [[".by-password", password], [".by-code", !password]]) {
		for (const part of form.querySelectorAll(kind)) {
			part.hidden = !on;
			for (const input of part.querySelectorAll("input:not([readonly])")) {
				input.disabled = !on;
				input.value = "";
			}
		}
	}
	complain(form, "");
	dialog.showModal();
	form.querySelector("input:not([readonly]):not([disabled])").focus();
	return new Promise((resolve, reject) => { settled = { resolve, reject }; });
}

onSubmit(form, async () => {
	if (byPassword) {
		await reauthenticate(session, form.querySelector("[type=password]").value);
	} else {
		await secondStep(session, $("#prove-code").value);
	}
	settled.resolve();
	dialog.close();
});

/** cancel ends what waits at once: before the dialog is closed, and the button that opened it may be pressed again. */
const cancel = () => settled.reject(new Cancelled()); // unless it is settled

form.querySelector(".cancel").addEventListener("click", () => {
	cancel();
	dialog.close();
});
dialog.addEventListener("cancel", cancel); // the key Escape
dialog.addEventListener("close", () => {
	form.reset();
	cancel();
});
