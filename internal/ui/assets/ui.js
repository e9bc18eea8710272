// What the pages do besides their links and forms. All of it can be done without this script,
// and the server decides all of it.

document.documentElement.classList.add("scripted");
const session = document.body.dataset.session;

// load gets another page of this server as a document, in which no script runs.
function load(url) {
	return new Promise((done, failed) => {
		const request = new XMLHttpRequest();
		request.open("GET", url);
		request.responseType = "document";
		request.onload = () => request.status === 200 && request.response ? done(request.response) : failed(new Error(request.status));
		request.onerror = () => failed(new Error("the program ended"));
		request.send();
	});
}

// show puts a part of another document in the place of the one here. What is open stays open,
// and the keyboard stays where it is.
function show(id, page) {
	const here = document.getElementById(id), there = page.getElementById(id);
	if (!here || !there || here.isEqualNode(there)) {
		return;
	}
	const open = [...here.querySelectorAll("details[open][id]")].map(d => d.id);
	const focused = here.contains(document.activeElement) && document.activeElement.id;
	here.replaceWith(document.adoptNode(there));
	open.forEach(id => document.getElementById(id)?.setAttribute("open", ""));
	if (focused) {
		document.getElementById(focused)?.focus();
	}
	prepare(there);
}

// busyWith tells whether the user is in the middle of something there.
const busyWith = e => e.matches(":has(:focus:is(input, select, textarea, summary)), :has(.menu[open]), :has([aria-expanded=true]), :has(.dragged)");

let due;
function refresh() {
	clearTimeout(due);
	due = setTimeout(async () => {
		try {
			const page = await load(location.href);
			[...document.querySelectorAll("[data-live][id]")].filter(e => !busyWith(e)).forEach(e => show(e.id, page));
		} catch {
			// The next page that the user opens says what is wrong.
		}
	}, 150);
}

// Syncs and changes, as they happen.
function listen() {
	const live = document.getElementById("live");
	const events = new EventSource(session + "live");
	events.onmessage = e => {
		const news = JSON.parse(e.data);
		live.textContent = news.text;
		if (news.changed) {
			refresh();
		}
	};
	return events;
}
if (session && !document.querySelector("meta[http-equiv=refresh]")) {
	// A browser has few connections to one server: a tab that nobody sees gives its own back.
	let events = document.hidden ? undefined : listen();
	const stop = () => events = events?.close();
	document.addEventListener("visibilitychange", () => {
		stop();
		if (!document.hidden) {
			events = listen();
			refresh();
		}
	});
	addEventListener("pagehide", stop);
}

// A link that was opened by its address has its token after the #.
const opening = document.getElementById("open");
if (opening && location.hash.length > 1) {
	opening.elements.token.value = location.hash.slice(1);
	history.replaceState(null, "", location.pathname);
	opening.submit();
}

// Searching while one types.
for (const form of document.querySelectorAll("form[data-search]")) {
	let wait, asked = 0;
	form.addEventListener("input", () => {
		clearTimeout(wait);
		wait = setTimeout(async () => {
			const n = ++asked, url = new URL(form.action);
			if (form.elements.words.value) {
				url.searchParams.set("words", form.elements.words.value);
			}
			try {
				const page = await load(url);
				if (n === asked) { // an answer that was overtaken is not shown
					history.replaceState(null, "", url);
					show(form.dataset.search, page);
				}
			} catch {
				form.submit();
			}
		}, 200);
	});
}

// A form that takes long says so, and is sent once.
addEventListener("submit", e => {
	const form = e.target;
	if (form.getAttribute("aria-busy")) {
		e.preventDefault();
		return;
	}
	if (form.dataset.busy) {
		form.setAttribute("aria-busy", "true");
		document.getElementById("live").textContent = form.dataset.busy;
	}
});
addEventListener("pageshow", () => document.querySelectorAll("form[aria-busy]").forEach(f => f.removeAttribute("aria-busy")));

// A menu closes when the user goes elsewhere.
addEventListener("click", e => {
	document.querySelectorAll(".menu[open]").forEach(menu => menu.contains(e.target) || menu.removeAttribute("open"));
});
addEventListener("keydown", e => {
	if (e.key === "Escape") {
		document.querySelectorAll(".menu[open]").forEach(menu => {
			menu.removeAttribute("open");
			menu.querySelector("summary").focus();
		});
	}
});

// Copying a password.
for (const button of document.querySelectorAll("[data-copy]")) {
	button.hidden = false;
	button.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(document.querySelector("#" + button.dataset.copy + " output").textContent);
			button.textContent = "Copied";
		} catch {
			button.textContent = "The browser does not allow it";
		}
	});
}
// Going back must not show it again.
addEventListener("pageshow", e => e.persisted && document.getElementById("secret") && location.reload());

// Dropping a file.
for (const area of document.querySelectorAll("[data-drop]")) {
	const field = document.getElementById(area.dataset.drop);
	area.addEventListener("dragover", e => {
		e.preventDefault();
		area.classList.add("over");
	});
	area.addEventListener("dragleave", () => area.classList.remove("over"));
	area.addEventListener("drop", e => {
		e.preventDefault();
		area.classList.remove("over");
		if (e.dataTransfer.files.length === 1) {
			field.files = e.dataTransfer.files;
			field.form.requestSubmit();
		}
	});
}

// Folders that open in their place. Which are open is remembered for the tab.
const opened = new Set(JSON.parse(sessionStorage.getItem("opened") ?? "[]"));
const remember = () => sessionStorage.setItem("opened", JSON.stringify([...opened].slice(-50)));

async function openFolder(button) {
	const item = button.closest("li");
	if (item.querySelector(":scope > .tree")) {
		return;
	}
	button.setAttribute("aria-expanded", "true");
	button.disabled = true;
	try {
		const page = await load("bookmarks?folder=" + encodeURIComponent(button.dataset.open));
		const tree = page.querySelector("#found > .tree");
		const inside = tree ? document.adoptNode(tree) : Object.assign(document.createElement("p"), { className: "tree hint", textContent: "Empty" });
		const rest = page.querySelector("#found .parts");
		if (rest) {
			inside.append(Object.assign(document.createElement("li"), { className: "hint small", textContent: rest.querySelector("span").textContent + ": open the folder to see the rest" }));
		}
		item.append(inside);
		prepare(inside);
	} catch {
		location.href = "bookmarks?folder=" + encodeURIComponent(button.dataset.open);
	}
	button.disabled = false;
}

function closeFolder(button) {
	button.setAttribute("aria-expanded", "false");
	button.closest("li").querySelector(":scope > .tree")?.remove();
}

function prepare(part) {
	for (const button of part.querySelectorAll("[data-open]")) {
		button.addEventListener("click", () => {
			if (button.getAttribute("aria-expanded") === "true") {
				opened.delete(button.dataset.open);
				closeFolder(button);
			} else {
				opened.add(button.dataset.open);
				openFolder(button);
			}
			remember();
		});
		if (opened.has(button.dataset.open)) {
			openFolder(button);
		}
	}
}
prepare(document);

// Dragging bookmarks. What is dropped is a form that is sent.
const dropped = document.getElementById("dropped");
if (dropped) {
	let dragged, mark;
	const unmark = () => {
		mark?.classList.remove("drop-before", "drop-after", "drop-into");
		mark = undefined;
	};
	// place says where the item would go: the element, and how.
	const place = e => {
		const crumb = e.target.closest?.(".crumbs a[data-folder]");
		if (crumb) {
			return { at: crumb, how: "into", folder: crumb.dataset.folder };
		}
		const row = e.target.closest?.(".tree .line")?.parentElement;
		if (!row?.dataset.id || dragged.contains(row)) {
			return undefined;
		}
		const box = row.firstElementChild.getBoundingClientRect(), part = (e.clientY - box.top) / box.height;
		const folder = row.dataset.kind === "folder", inRoot = !row.draggable;
		if (folder && (inRoot || part > 0.3 && part < 0.7)) {
			return { at: row, how: "into", folder: row.dataset.id };
		}
		return inRoot ? undefined : { at: row, how: part < 0.5 ? "before" : "after", other: row.dataset.id };
	};
	addEventListener("dragstart", e => {
		dragged = e.target.closest?.(".tree li[draggable=true]");
		if (dragged) {
			e.dataTransfer.effectAllowed = "move";
			e.dataTransfer.setData("text/plain", dragged.dataset.title);
			dragged.classList.add("dragged");
		}
	});
	addEventListener("dragover", e => {
		if (!dragged) {
			return;
		}
		const to = place(e);
		unmark();
		if (to) {
			e.preventDefault();
			mark = to.at;
			mark.classList.add("drop-" + to.how);
		}
	});
	addEventListener("dragend", () => {
		dragged?.classList.remove("dragged");
		unmark();
		dragged = undefined;
	});
	addEventListener("drop", e => {
		const to = dragged && place(e);
		if (!to) {
			return;
		}
		e.preventDefault();
		const f = dropped.elements;
		[f.id.value, f.etag.value, f.to.value, f.folder.value, f.other.value] = [dragged.dataset.id, dragged.dataset.etag, to.how, to.folder ?? "", to.other ?? ""];
		dropped.submit();
	});
	// With the keyboard: Alt and an arrow on anything in a row.
	addEventListener("keydown", e => {
		const row = e.altKey && (e.key === "ArrowUp" || e.key === "ArrowDown") && document.activeElement.closest(".tree li[draggable=true]");
		if (row) {
			e.preventDefault();
			const f = dropped.elements;
			[f.id.value, f.etag.value, f.to.value] = [row.dataset.id, row.dataset.etag, e.key === "ArrowUp" ? "up" : "down"];
			dropped.submit();
		}
	});
}

// After a move the keyboard goes on with the item. The browser takes the focus away when it scrolls
// there, which it does until the page has loaded.
if (location.hash.startsWith("#b-")) {
	addEventListener("load", () => setTimeout(() => document.getElementById(location.hash.slice(1))?.querySelector(".menu summary")?.focus({ preventScroll: true })));
}
