// Two-step sign-in on the settings page.

import { verifyCode } from "./api.js";
import { $, onSubmit } from "./ui.js";

/** showTwoStep fills the section; current gives the session as it is then. */
export async function showTwoStep(current) {
	onSubmit($("#two-step-begin"), async () => {
		const { qrCodeUrl, secret } = await current().post("/totp/create");
		$("#two-step-picture").src = qrCodeUrl;
		$("#two-step-secret").textContent = secret.replace(/.{4}(?=.)/g, "$& ");
		$("#two-step-begin").hidden = true;
		$("#two-step-form").hidden = false;
		$("#two-step-form input").focus();
	});
	onSubmit($("#two-step-form"), async form => {
		const { recoveryCodes } = await verifyCode(current(), form.querySelector("input").value);
		form.reset();
		$("#two-step-picture").removeAttribute("src");
		$("#two-step-secret").textContent = "";
		set(true);
		showCodes(recoveryCodes);
	});
	onSubmit($("#two-step-manage"), async (_, button) => {
		if (button?.value === "codes") {
			showCodes((await current().get("/recoveryCodes")).recoveryCodes);
		} else {
			await current().post("/totp/destroy");
			set(false);
			$("#two-step-begin button").focus();
		}
	});
	set((await current().get("/totp/exists")).verified);
}

function set(on) {
	$("#two-step-on").hidden = !on;
	$("#two-step-off").hidden = on;
	$("#two-step-begin").hidden = on;
	$("#two-step-form").hidden = true;
	$("#backup").hidden = true;
}

function showCodes(codes) {
	$("#backup-codes").replaceChildren(...codes.map(code => {
		const li = document.createElement("li");
		li.textContent = code.replace(/.{4}(?=.)/g, "$&-");
		return li;
	}));
	$("#backup").hidden = false;
	$("#backup").focus();
}
