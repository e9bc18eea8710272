// A forgotten password: a new one, by the recovery key.

import { errno, startRecovery } from "./api.js";
import { keep } from "./store.js";
import { $, acceptable, codeList, onSubmit, ready, show } from "./ui.js";
import { t } from "./text.js";

const email = $("#key-form [type=email]");
const key = $("#key-form .key");
let reset;

/** start gives the key, and the code if there is one yet. */
async function start(code) {
	try {
		reset = await startRecovery(email.value.trim(), key.value, code);
	} catch (e) {
		switch (e.errno) {
		case undefined: // it is no key at all
			e.field = key;
			break;
		case errno.recoveryKey:
			throw Object.assign(new Error(t("No account with this address has this recovery key.")), { field: key });
		case errno.code:
			throw Object.assign(new Error(t("That code is not right.")), { field: $("#code-form input") });
		case errno.unverified:
			show("code");
			return;
		}
		throw e;
	}
	$("#new-form .account").value = email.value.trim();
	show("new");
}

onSubmit($("#key-form"), () => start());

onSubmit($("#code-form"), form => start(form.querySelector("input").value));

onSubmit($("#new-form"), async form => {
	const [first, second] = form.querySelectorAll("[type=password]");
	if (acceptable(form, first, second, email.value)) {
		const { session, codes } = await reset(first.value);
		keep(session);
		codeList($("#backup-codes"), codes ?? []);
		$("#backup").hidden = !codes;
		form.reset();
		show("done");
	}
});

if (ready()) {
	email.value = new URLSearchParams(location.search).get("email") ?? "";
	$("#back").search = location.search;
	show("key");
}
