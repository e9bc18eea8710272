// The list of what is signed in to the account.

import { $, onSubmit } from "./ui.js";
import { language, t } from "./text.js";

/** program is a browser's name out of its user agent, and of its system. */
function program(agent) {
	const browser = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(agent)?.[1];
	const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
	const name = { Edg: "Edge", OPR: "Opera" }[browser] ?? browser;
	return name && system ? t("{browser} on {system}", { browser: name, system }) : name ?? "";
}

const title = client => client.name || program(client.userAgent) || client.userAgent || t("A session without a name");

const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

/**
 * showDevices fills the list. refresh is called after a change, left after this
 * session's own end.
 */
export async function showDevices(session, { refresh, left }) {
	const clients = await session.get("/account/attached_clients");
	clients.sort((a, b) => b.isCurrentSession - a.isCurrentSession || b.lastAccessTime - a.lastAccessTime);
	$("#devices").replaceChildren(...clients.map(client => item(session, client, refresh, left)));
}

function item(session, client, refresh, left) {
	const li = $("#device").content.cloneNode(true).firstElementChild;
	const find = selector => li.querySelector(selector);
	find(".name").textContent = title(client);
	find(".here").hidden = !client.isCurrentSession;
	find(".seen").textContent = t("last here {date}", { date: date.format(client.lastAccessTime) });
	find(".bad").setAttribute("aria-label", t("Sign out {name}", { name: title(client) }));

	const { deviceId, sessionTokenId, refreshTokenId } = client;
	const rename = find(".rename");
	const begin = find(".begin");
	begin.value = deviceId;
	begin.hidden = !deviceId;
	begin.setAttribute("aria-label", t("Rename {name}", { name: title(client) }));
	const renaming = on => {
		rename.hidden = !on;
		find(".revoke").hidden = on;
	};
	begin.addEventListener("click", () => {
		renaming(true);
		const input = rename.querySelector("input");
		input.value = title(client);
		input.select();
	});
	find(".cancel").addEventListener("click", () => {
		renaming(false);
		begin.focus();
	});
	onSubmit(rename, async () => {
		await session.post("/account/device/rename", { id: deviceId, name: rename.querySelector("input").value.trim() });
		await refresh();
		$(`#devices .begin[value="${deviceId}"]`)?.focus();
	});
	onSubmit(find(".revoke"), async () => {
		await session.post("/account/attached_client/destroy", {
			deviceId: deviceId ?? undefined, sessionTokenId: sessionTokenId ?? undefined, refreshTokenId: refreshTokenId ?? undefined,
		});
		if (client.isCurrentSession) {
			left();
			return;
		}
		await refresh();
		$("#devices-title").focus();
	});
	return li;
}
