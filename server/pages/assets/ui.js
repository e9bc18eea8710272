// The small pieces that every page is made of. Text from outside is set as text
// only, never as HTML.

import { APIError, errno } from "./api.js";
import { t } from "./text.js";

export const $ = selector => document.querySelector(selector);

/** show makes one of the page's steps the visible one, and begins there. */
export function show(id) {
	for (const step of document.querySelectorAll("[data-step]")) {
		step.hidden = step.id !== id;
	}
	const step = document.getElementById(id);
	const heading = step.querySelector("h1");
	document.title = `${heading.textContent} · Sync Manager`;
	complain(step, "");
	(firstField(step) ?? heading).focus();
}

/** firstField is where to begin typing, or undefined. */
const firstField = where => [...where.querySelectorAll("input:not([readonly]):not([type=checkbox])")].find(input => input.checkVisibility());

let complaints = 0;

/**
 * complain shows what went wrong in a step or form, and goes there: to the field
 * that is to blame, which tells of it, or to the words. "" takes them away.
 */
export function complain(where, text, field) {
	const place = where.querySelector("[role=alert]");
	if (!place) {
		return;
	}
	place.id ||= `wrong-${++complaints}`;
	place.tabIndex = -1;
	place.textContent = text;
	place.hidden = !text;
	for (const input of where.querySelectorAll("[aria-invalid]")) {
		input.ariaInvalid = null;
		describe(input, place.id, false);
	}
	if (!text) {
		return;
	}
	if (field) {
		field.ariaInvalid = "true";
		describe(field, place.id, true);
		field.select();
	}
	(field ?? place).focus();
}

/** describe adds what tells of a field to the rest that does, or takes it away. */
function describe(field, id, on) {
	const rest = (field.getAttribute("aria-describedby") ?? "").split(" ").filter(other => other && other !== id);
	const all = on ? [...rest, id] : rest;
	if (all.length) {
		field.setAttribute("aria-describedby", all.join(" "));
	} else {
		field.removeAttribute("aria-describedby");
	}
}

/** Cancelled is thrown when somebody thought better of it; there is nothing to say. */
export class Cancelled extends Error {}

/** codeList fills a list with backup codes. */
export function codeList(list, codes) {
	list.replaceChildren(...codes.map(code => {
		const li = document.createElement("li");
		li.textContent = code.replace(/.{4}(?=.)/g, "$&-");
		return li;
	}));
}

/** aboutInput are the refusals of what was typed. */
const aboutInput = [errno.password, errno.parameter, errno.backupCode, errno.code, errno.invitation];

/** blamed is the field that an error is about, or undefined. */
const blamed = (e, form) => e.field ?? (aboutInput.includes(e.errno) ? firstField(form) : undefined);

/** words says to a person what went wrong. */
export function words(e) {
	if (e instanceof APIError && e.errno === errno.throttled) {
		const minutes = Math.max(1, Math.ceil((e.answer.retryAfter ?? 60) / 60));
		return minutes === 1 ? t("Too many tries. Try again in a minute.") : t("Too many tries. Try again in {n} minutes.", { n: minutes });
	}
	if (e instanceof APIError && e.errno === errno.password) {
		return t("The password is not right.");
	}
	if (e instanceof APIError && e.errno === errno.parameter) {
		return t("The server does not accept that. Check for a typing mistake.");
	}
	return t(e.message).replace(/^./, c => c.toUpperCase()).replace(/([^.!?])$/, "$1.");
}

/**
 * onSubmit does work(form, button) when a form is sent: once at a time, and with
 * its errors shown in the form. The form itself never goes anywhere.
 */
export function onSubmit(form, work) {
	form.addEventListener("submit", async event => {
		event.preventDefault();
		if (form.ariaBusy === "true") {
			return;
		}
		form.ariaBusy = "true";
		complain(form, "");
		try {
			await work(form, event.submitter);
		} catch (e) {
			if (!(e instanceof Cancelled)) {
				complain(form, words(e), blamed(e, form));
			}
		} finally {
			form.ariaBusy = "false";
		}
	});
}

/** acceptable reports whether a new password, typed twice, will do, and says what is wrong if not. */
export function acceptable(form, first, second, email) {
	if (first.value !== second.value) {
		complain(form, t("The two passwords are not the same."), second);
		return false;
	}
	if (first.value.toLowerCase() === email.toLowerCase()) {
		complain(form, t("The password must not be the e-mail address."), first);
		return false;
	}
	return true;
}

/** ready reports whether passwords can be worked on here, and says how if not. */
export function ready() {
	if (window.isSecureContext && crypto.subtle) {
		return true;
	}
	show("insecure");
	return false;
}
