// What was done to the account without its user, at the top of the settings page.

import { $, onSubmit } from "./ui.js";
import { language, t } from "./text.js";

const words = {
	secondStepRemoved: t("The operator of this server turned two-step sign-in off for your account. If you did not ask for that, change your password, and ask the operator why."),
	recoveryKeyUsed: t("Your recovery key was used to set a new password. If that was not you, change the password, sign out the devices that you do not know, and make a new recovery key."),
};

const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

/** showNotices fills the list; current gives the session as it is then. */
export async function showNotices(current) {
	const list = $("#notices");
	const notices = (await current().get("/account/notices")).filter(({ kind }) => words[kind]);
	list.replaceChildren(...notices.map(({ kind, at }) => {
		const li = $("#notice").content.cloneNode(true).firstElementChild;
		li.querySelector(".what").textContent = words[kind];
		li.querySelector(".when").textContent = date.format(at);
		li.querySelector("button").setAttribute("aria-label", t("I have read it: {what}", { what: words[kind].split(".")[0] }));
		onSubmit(li.querySelector("form"), async () => {
			await current().post("/account/notice/dismiss", { kind, at });
			li.remove();
			list.hidden = !list.firstElementChild;
			$("#settings h1").focus();
		});
		return li;
	}));
	list.hidden = notices.length === 0;
}
