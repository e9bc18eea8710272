// The small pieces that every page is made of. Text from outside is set as text
// only, never as HTML.

import { APIError, errno } from "./api.js";

export const $ = selector => document.querySelector(selector);

/** show makes one of the page's steps the visible one, and begins there. */
export function show(id) {
	for (const step of document.querySelectorAll("[data-step]")) {
		step.hidden = step.id !== id;
	}
	const step = document.getElementById(id);
	complain(step, "");
	const inputs = [...step.querySelectorAll("input:not([readonly]):not([type=checkbox])")];
	(inputs.find(input => input.checkVisibility()) ?? step.querySelector("h1")).focus();
}

/** complain shows what went wrong in a step or form; "" takes it away. */
export function complain(where, text) {
	const place = where.querySelector("[role=alert]");
	if (place) {
		place.textContent = text;
		place.hidden = !text;
	}
}

/** words says to a person what went wrong. */
export function words(e) {
	if (e instanceof APIError && e.errno === errno.throttled) {
		const minutes = Math.max(1, Math.ceil((e.answer.retryAfter ?? 60) / 60));
		return `Too many tries. Try again in ${minutes === 1 ? "a minute" : minutes + " minutes"}.`;
	}
	if (e instanceof APIError && e.errno === errno.password) {
		return "The password is not right.";
	}
	return e.message.replace(/^./, c => c.toUpperCase()).replace(/([^.!?])$/, "$1.");
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
			complain(form, words(e));
		} finally {
			form.ariaBusy = "false";
		}
	});
}

/** acceptable reports whether a new password, typed twice, will do, and says what is wrong if not. */
export function acceptable(form, first, second, email) {
	let wrong = "";
	if (first.value !== second.value) {
		second.focus();
		wrong = "The two passwords are not the same.";
	} else if (first.value.toLowerCase() === email.toLowerCase()) {
		first.focus();
		wrong = "The password must not be the e-mail address.";
	}
	complain(form, wrong);
	return !wrong;
}

/** ready reports whether passwords can be worked on here, and says how if not. */
export function ready() {
	if (window.isSecureContext && crypto.subtle) {
		return true;
	}
	show("insecure");
	return false;
}
