// The session of a page that no browser keeps one for: for this tab, until it is
// closed.

import { Session } from "./api.js";

const name = "session";

export function keep({ uid, email, sessionToken }) {
	sessionStorage.setItem(name, JSON.stringify({ uid, email, sessionToken }));
}

export function kept() {
	const text = sessionStorage.getItem(name);
	return text ? new Session(JSON.parse(text)) : null;
}

export const forget = () => sessionStorage.removeItem(name);
