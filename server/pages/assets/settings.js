// The settings page: of the account that the Firefox around it is signed in to,
// or of the one that this tab signed in to.

import { base, APIError, changePassword, destroyAccount, errno, Session } from "./api.js";
import { showAvatar } from "./avatar.js";
import * as channel from "./channel.js";
import { showDevices } from "./devices.js";
import { showNotices } from "./notices.js";
import { proved } from "./prove.js";
import { setRecovery, showRecovery } from "./recovery.js";
import { forget, keep, kept } from "./store.js";
import { setTwoStep, showCodes, showTwoStep } from "./twostep.js";
import { $, acceptable, onSubmit, ready, show } from "./ui.js";

let session;
let inFirefox = false;

/** enter finds the session, or leaves for the sign-in page. */
async function enter() {
	const user = (await channel.status())?.signedInUser;
	inFirefox = !!user?.sessionToken;
	session = inFirefox ? new Session(user) : kept();
	if (!session) {
		leave();
		return;
	}
	try {
		await refresh();
	} catch (e) {
		if (e instanceof APIError && e.errno === errno.token) {
			leave();
			return;
		}
		throw e;
	}
	await Promise.all([showTwoStep(() => session), showRecovery(() => session), showAvatar(() => session, newProfile), showNotices(() => session)]);
	$("#who").textContent = session.email;
	for (const input of document.querySelectorAll("input.account")) {
		input.value = session.email;
	}
	show("settings");
}

function leave() {
	forget();
	location.replace(base + "/");
}

const refresh = () => showDevices(session, { refresh, left });

/** left is after this very session was ended. */
function left() {
	if (inFirefox) {
		channel.tell("fxaccounts:logout", { uid: session.uid });
	}
	leave();
}

/** newProfile has the Firefox around the page read the profile again. */
function newProfile() {
	if (inFirefox) {
		channel.tell("profile:change", { uid: session.uid });
	}
}

onSubmit($("#signout-form"), async () => {
	await session.post("/session/destroy");
	left();
});

onSubmit($("#change-form"), async form => {
	const [before, first, second] = form.querySelectorAll("[type=password]");
	const done = form.querySelector("[role=status]");
	done.hidden = true;
	if (!acceptable(form, first, second, session.email)) {
		return;
	}
	const { changed, told } = await proved(session, () => changePassword(session, before.value, first.value));
	session = changed;
	if (inFirefox) {
		const { uid, email, sessionToken } = session;
		await channel.ask("fxaccounts:change_password", { uid, email, sessionToken, verified: true });
	} else {
		keep(session);
	}
	form.reset();
	form.querySelector(".account").value = session.email;
	$("#change-recovery").hidden = !told.recoveryKeyEnded;
	$("#change-two-step").hidden = !told.twoStepEnded;
	done.hidden = false;
	setRecovery(false);
	if (told.twoStepEnded) {
		setTwoStep(false);
	}
	await refresh();
	if (told.recoveryCodes) {
		showCodes(told.recoveryCodes);
	}
});

onSubmit($("#export-form"), async () => {
	const [profile, clients] = await Promise.all([session.get("/account/profile"), session.get("/account/attached_clients")]);
	const file = new Blob([JSON.stringify({ uid: session.uid, ...profile, clients }, null, "\t")], { type: "application/json" });
	const link = document.createElement("a");
	link.href = URL.createObjectURL(file);
	link.download = "account.json";
	link.click();
	URL.revokeObjectURL(link.href);
});

onSubmit($("#delete-form"), async form => {
	await proved(session, () => destroyAccount(session, form.querySelector("[type=password]").value));
	if (inFirefox) {
		channel.tell("fxaccounts:delete", { uid: session.uid });
	}
	forget();
	show("gone");
});

if (ready()) {
	await enter();
}
