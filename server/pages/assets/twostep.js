// Two-step sign-in on the settings page.

import { verifyCode } from "./api.js";
import { proved } from "./prove.js";
import { $, codeList, onSubmit } from "./ui.js";

/** showTwoStep fills the section; current gives the session as it is then. */
export async function showTwoStep(current) {
	onSubmit($("#two-step-begin"), async () => {
		const { qrCodeUrl, secret } = await proved(current(), () => current().post("/totp/create"));
		$("#two-step-picture").src = qrCodeUrl;
		$("#two-step-secret").textContent = secret.replace(/.{4}(?=.)/g, "$& ");
		$("#two-step-begin").hidden = true;
		$("#two-step-form").hidden = false;
		$("#two-step-form input").focus();
	});
	onSubmit($("#two-step-form"), async form => {
		const { recoveryCodes } = await proved(current(), () => verifyCode(current(), form.querySelector("input").value));
		form.reset();
		$("#two-step-picture").removeAttribute("src");
		$("#two-step-secret").textContent = "";
		setTwoStep(true);
		showCodes(recoveryCodes);
	});
	onSubmit($("#two-step-manage"), async (_, button) => {
		if (button?.value === "codes") {
			showCodes((await proved(current(), () => current().get("/recoveryCodes"))).recoveryCodes);
		} else {
			await proved(current(), () => current().post("/totp/destroy"));
			setTwoStep(false);
			$("#two-step-begin button").focus();
		}
	});
	setTwoStep((await current().get("/totp/exists")).verified);
}

export function setTwoStep(on) {
	$("#two-step-on").hidden = !on;
	$("#two-step-off").hidden = on;
	$("#two-step-begin").hidden = on;
	$("#two-step-form").hidden = true;
	$("#backup").hidden = true;
}

export function showCodes(codes) {
	codeList($("#backup-codes"), codes);
	$("#backup").hidden = false;
	$("#backup").focus();
}
