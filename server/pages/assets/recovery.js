// The recovery key on the settings page.

import { createRecoveryKey } from "./api.js";
import { $, onSubmit } from "./ui.js";

/** showRecovery fills the section; current gives the session as it is then. */
export async function showRecovery(current) {
	onSubmit($("#recovery-form"), async form => {
		const input = form.querySelector("[type=password]");
		$("#recovery-key").textContent = await createRecoveryKey(current(), input.value);
		input.value = "";
		form.closest("details").open = false;
		set(true);
		$("#recovery-new").hidden = false;
		$("#recovery-new").focus();
	});
	onSubmit($("#recovery-remove"), async () => {
		await current().remove("/recoveryKey");
		set(false);
		$("#recovery-begin").focus();
	});
	set((await current().post("/recoveryKey/exists")).exists);
}

function set(exists) {
	$("#recovery-on").hidden = $("#recovery-remove").hidden = !exists;
	$("#recovery-new").hidden = true;
}
