// The sign-in page: address, then password or a new account, then what to sync.

import { accountStatus, errno, secondStep, signIn, signUp } from "./api.js";
import { Flow } from "./flow.js";
import { keep } from "./store.js";
import { $, acceptable, complain, onSubmit, ready, show } from "./ui.js";

const flow = new Flow(location.search);
const started = flow.start();
let email = "";

function account(address) {
	email = address.trim();
	for (const input of document.querySelectorAll("input.account")) {
		input.value = email;
	}
}

/** arrived gives the browser its session, or goes to the settings without one. */
async function arrived(signedIn, engines) {
	if (!flow.wanted) {
		keep(signedIn.session);
		location.assign("/settings");
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

onSubmit($("#email-form"), async (form, button) => {
	await started;
	account(form.querySelector("[type=email]").value);
	if (button?.value === "invited") {
		show("signup");
		return;
	}
	// Where sign-up is not open the server does not tell who has an account.
	const { exists } = form.dataset.signUp === "open" ? await accountStatus(email) : { exists: true };
	show(exists ? "password" : "signup");
});

/** signedInto goes on with an account whose sign-in is complete. */
async function signedInto(signedIn, form) {
	if (!await flow.mayLink({ email: signedIn.session.email, uid: flow.knowsUID ? signedIn.session.uid : undefined })) {
		await signedIn.session.post("/session/destroy");
		complain(form, "This Firefox stays with the account that it had.");
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
	if (signedIn.waits) {
		waiting = signedIn;
		show("code");
	} else {
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
		waiting.waits = false;
	}
	await signedInto(waiting, form);
});

onSubmit($("#signup-form"), async form => {
	const [first, second] = form.querySelectorAll("[type=password]");
	if (!acceptable(form, first, second, email)) {
		return;
	}
	if (!await flow.mayLink({ email })) {
		complain(form, "This Firefox stays with the account that it had.");
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
		complain($("#password"), "There is an account with this address already. Sign in to it.");
		return;
	}
	first.value = second.value = "";
	if (flow.engines.length) {
		chooseEngines(engines => arrived(signedIn, engines));
	} else {
		await arrived(signedIn);
	}
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
