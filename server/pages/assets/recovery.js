// The recovery key on the settings page.

import { createRecoveryKey } from "./api.js";
import { proved } from "./prove.js";
import { $, onSubmit } from "./ui.js";

/** showRecovery fills the section; current gives the session as it is then. */
export async function showRecovery(current) {
	onSubmit($("#recovery-form"), async form => {
		const input = form.querySelector("[type=password]");
		$("#recovery-key").textContent = await proved(current(), () => createRecoveryKey(current(), input.value));
		input.value = "";
		form.closest("details").open = false;
		setRecovery(true);
		$("#recovery-new").hidden = false;
		$("#recovery-new").focus();
	});
	onSubmit($("#recovery-remove"), async () => {
		await proved(current(), () => current().remove("/recoveryKey"));
		setRecovery(false);
		$("#recovery-begin").focus();
	});
	setRecovery((await current().post("/recoveryKey/exists")).exists);
}

export function setRecovery(exists) {
	$("#recovery-on").hidden = $("#recovery-remove").hidden = !exists;
	$("#recovery-new").hidden = true;
}
