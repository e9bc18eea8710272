// The sign-in page: address, then password or a new account, then what to sync.

import { base, confirm, errno, secondStep, sendCode, signIn, signUp } from "./api.js";
import { Flow } from "./flow.js";
import { keep } from "./store.js";
import { $, acceptable, complain, onSubmit, ready, show } from "./ui.js";
import { t } from "./text.js";

const flow = new Flow(location.search);
const started = flow.start();
let email = "";

function account(address) {
	email = address.trim();
	for (const input of document.querySelectorAll("input.account")) {
		input.value = email;
	}
	$("#confirm .account").textContent = email;
}

/** arrived gives the browser its session, or goes to the settings without one. */
async function arrived(signedIn, engines) {
	if (!flow.wanted) {
		keep(signedIn.session);
		location.assign(base + "/settings");
		return;
	}
	await flow.finish({ ...signedIn, engines });
	if (flow.byChannel) {
		show("done");
	}
}

/** chosen is what the browser is told of the engines. */
function chosen() {
	const boxes = [...document.querySelectorAll("#engines-form input[type=checkbox]")].filter(box => flow.engines.includes(box.value));
	return {
		offeredEngines: boxes.map(box => box.value),
		declinedEngines: boxes.filter(box => !box.checked).map(box => box.value),
	};
}

/** chooseEngines shows the choice of what the browser can sync, and waits for it. */
function chooseEngines(work) {
	for (const label of document.querySelectorAll("#engines-form label")) {
		label.hidden = !flow.engines.includes(label.querySelector("input").value);
	}
	onSubmit($("#engines-form"), () => work(chosen()));
	show("engines");
}

// The server does not tell who has an account, so whoever is new says so.
onSubmit($("#email-form"), async (form, button) => {
	await started;
	account(form.querySelector("[type=email]").value);
	show(button?.value === "new" ? "signup" : "password");
});

/** signedInto goes on with an account whose sign-in is complete. */
async function signedInto(signedIn, form) {
	if (!await flow.mayLink({ email: signedIn.session.email, uid: flow.knowsUID ? signedIn.session.uid : undefined })) {
		await signedIn.session.post("/session/destroy");
		complain(form, t("This Firefox stays with the account that it had."));
		return;
	}
	// For the better, but no reason to keep anyone out.
	await signedIn.upgrade().catch(() => {});
	await arrived(signedIn);
}

let waiting; // for its second step

onSubmit($("#password-form"), async form => {
	const input = form.querySelector("[type=password]");
	const signedIn = await signIn(email, input.value);
	input.value = "";
	switch (signedIn.waits) {
	case "app":
		waiting = signedIn;
		show("code");
		break;
	case "mail":
		confirmed(signedIn, () => signedInto(signedIn, $("#confirm-form")));
		break;
	default:
		await signedInto(signedIn, form);
	}
});

onSubmit($("#code-form"), async form => {
	const input = form.querySelector("input");
	if (waiting.waits) {
		try {
			await secondStep(waiting.session, input.value);
		} finally {
			input.select();
		}
		waiting.waits = "";
	}
	await signedInto(waiting, form);
});

let afterwards; // what goes on when waiting is confirmed

/** confirmed asks for the code that came by e-mail, if there is one, and goes on with next. */
function confirmed(signedIn, next) {
	if (!signedIn.waits) {
		return next();
	}
	[waiting, afterwards] = [signedIn, next];
	$("#confirm-form").reset();
	$("#confirm-form [role=status]").hidden = true;
	show("confirm");
}

/** refused says what the server's refusal of a code by e-mail means. */
function refused(e) {
	switch (e.errno) {
	case errno.code:
		return new Error(t("That code is not right, or it is too old."));
	case errno.token:
		return new Error(t("This took too long. Begin again with your address."));
	}
	return e;
}

onSubmit($("#confirm-form"), async (form, button) => {
	const input = form.querySelector("input");
	const done = form.querySelector("[role=status]");
	done.hidden = true;
	input.focus();
	try {
		if (button?.value === "again") {
			await sendCode(waiting.session);
			done.hidden = false;
			return;
		}
		if (waiting.waits) {
			await confirm(waiting.session, input.value);
			waiting.waits = "";
		}
	} catch (e) {
		input.select();
		throw refused(e);
	}
	await afterwards();
});

onSubmit($("#signup-form"), async form => {
	const [first, second] = form.querySelectorAll("[type=password]");
	if (!acceptable(form, first, second, email)) {
		return;
	}
	if (!await flow.mayLink({ email })) {
		complain(form, t("This Firefox stays with the account that it had."));
		return;
	}
	let signedIn;
	try {
		signedIn = await signUp(email, first.value, $("#invitation")?.value);
	} catch (e) {
		if (e.errno !== errno.exists) {
			throw e;
		}
		show("password");
		complain($("#password"), t("There is an account with this address already. Sign in to it."));
		return;
	}
	first.value = second.value = "";
	await confirmed(signedIn, () => flow.engines.length ? chooseEngines(engines => arrived(signedIn, engines)) : arrived(signedIn));
});

$("#forgot").search = location.search; // to come back with it

for (const button of document.querySelectorAll("button.another")) {
	button.addEventListener("click", () => show("email"));
}

if (ready() && flow.tooOld) {
	show("old");
} else if (ready()) {
	$("#program").hidden = !flow.byProgram;
	show("email");
	await started;
	// An invitation comes behind the "#", which no server is ever sent.
	const invitation = new URLSearchParams(location.hash.slice(1)).get("invitation");
	if (invitation && $("#invitation")) {
		$("#invitation").value = invitation;
		history.replaceState(null, "", location.pathname + location.search);
	}
	// Whoever is asked to sign in again need not say who they are.
	const input = $("#email-form [type=email]");
	const known = flow.signedIn?.email ?? flow.params.email;
	if (known && !input.value) {
		input.value = known;
		$("#email-form").requestSubmit();
	}
}
