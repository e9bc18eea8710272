// The operator's sign-in: a code from a link, or an account that gets one.

import { reauthenticate, secondStep, signIn } from "./api.js";
import { $, onSubmit } from "./ui.js";

// The code comes behind the "#", which no server is ever sent.
const linked = location.hash.slice(1);
if (/^[0-9A-Z]{10,100}$/.test(linked)) {
	$("#code").value = linked;
	history.replaceState(null, "", location.pathname + location.search);
	$("#code-form button").focus();
}

/** codeOf signs in to an operator's account, and gives a code for these pages; its session ends. */
async function codeOf(email, password, step) {
	const { session, waits } = await signIn(email, password);
	try {
		if (waits === "app") {
			await secondStep(session, step);
		}
		await reauthenticate(session, password); // a session alone gets no code
		return (await session.post("/account/operator")).code;
	} finally {
		await session.post("/session/destroy").catch(() => {});
	}
}

onSubmit($("#account-form"), async form => {
	const [email, password, step] = form.querySelectorAll("input");
	$("#code").value = await codeOf(email.value.trim(), password.value, step.value);
	password.value = step.value = "";
	$("#code-form").submit();
});

const secure = window.isSecureContext && crypto.subtle;
$("#account").hidden = !secure;
$("#insecure").hidden = secure;
