// The account's picture on the settings page.

import { base, avatar, removeAvatar, uploadAvatar } from "./api.js";
import { $, onSubmit } from "./ui.js";
import { t } from "./text.js";

/** The width and height that a picture is sent with, in pixels. */
const side = 200;

/** square draws the middle of a picture; of the file itself, and what else it tells, nothing is sent. */
async function square(file) {
	let image;
	try {
		image = await createImageBitmap(file);
	} catch {
		throw new Error(t("This browser cannot read that file as a picture. Choose a PNG, JPEG or GIF."));
	}
	const from = Math.min(image.width, image.height);
	const canvas = document.createElement("canvas");
	canvas.width = canvas.height = Math.min(from, side);
	canvas.getContext("2d").drawImage(image, (image.width - from) / 2, (image.height - from) / 2, from, from, 0, 0, canvas.width, canvas.height);
	return new Promise(resolve => canvas.toBlob(resolve, "image/png"));
}

/**
 * showAvatar fills the section; current gives the session as it is then, and
 * changed is called after each change.
 */
export async function showAvatar(current, changed) {
	let id;
	const refresh = async () => {
		const found = await avatar(current());
		id = found.id;
		$("#picture").src = base + "/profile/v1/avatar/" + (found.avatarDefault ? "default" : id);
		$("#picture-remove").hidden = found.avatarDefault;
	};
	onSubmit($("#picture-form"), async form => {
		const done = form.querySelector("[role=status]");
		done.hidden = true;
		await uploadAvatar(current(), await square(form.querySelector("input").files[0]));
		form.reset();
		await refresh();
		done.hidden = false;
		changed();
	});
	onSubmit($("#picture-remove"), async () => {
		await removeAvatar(current(), id);
		$("#picture-form [role=status]").hidden = true;
		await refresh();
		$("#picture-title").focus();
		changed();
	});
	await refresh();
}
