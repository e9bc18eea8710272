import { $, ask, count, element, say, sentence, show } from "./ask.js";

const verbs = { add: "Add", change: "Change", move: "Move", delete: "Delete" };
let token = "";

async function refresh() {
  let s;
  try {
    s = await ask("state");
  } catch (e) {
    say("failed", e);
    return;
  }
  const { host, bookmarks: b, status } = s;
  $("state").textContent = host.connected ? `Connected to syncmanager ${host.version}.` : "Not connected to syncmanager.";
  say("failed", host.connected ? b.error : host.error);
  show(!host.connected, "connect");
  show(host.connected, "sync");
  $("history").checked = s.history;
  $("history").disabled = !host.connected;
  $("forget").disabled = !host.connected;
  if (status) describe(status);
  plan(b.result, b.status);
}

function describe(status) {
  const last = status.lastSync ? ` Last sync: ${new Date(status.lastSync).toLocaleString()}.` : " It was never synced.";
  $("account").textContent = (status.account ? `This device is “${status.device}” of ${status.account}.` : `“${status.device}” is not signed in to a server: 'syncmanager login' does that.`) + last;
  $("bookmarks").textContent = status.merged ? `In sync: ${count(status.bookmarks, "bookmark", "bookmarks")}.` : "Not merged yet.";
}

// plan shows what is going to be done, and asks.
function plan(result, status) {
  const asks = status === "first" || status === "held";
  show(asks, "plan");
  if (!asks) return;
  token = result.token ?? "";
  $("h-plan").textContent = status === "first" ? "Before the first merge" : "Many bookmarks would be deleted";
  $("explain").textContent = status === "first"
    ? "Nothing was changed so far. The first merge deletes nothing: bookmarks with the same title and address in the same folder become one, and all others are added on the other side."
    : "They were deleted on one side. Nothing is changed until you decide. Bookmarks that were deleted from your synced bookmarks can be brought back later with 'syncmanager bookmarks undo'.";
  numbers($("browser"), result.browser);
  numbers($("store"), result.store);
  lines("lines-browser", result.browser);
  lines("lines-store", result.store);
  const left = [];
  if (result.storeOnly) left.push(`Kept in your synced bookmarks, but not shown in this browser: ${count(result.storeOnly, "item", "items")}, such as separators.`);
  if (result.browserOnly) left.push(`Kept in this browser alone: ${count(result.browserOnly, "bookmark", "bookmarks")} with an address that cannot be synced.`);
  $("left").textContent = left.join(" ");
  show(status === "first", "merge");
  show(status === "held", "accept", "restore");
}

function numbers(list, c) {
  const parts = [[c.added, "added"], [c.changed, "changed"], [c.moved, "moved"], [c.deleted, "deleted"]]
    .filter(([n]) => n > 0).map(([n, what]) => count(n, `item is ${what}`, `items are ${what}`));
  if (c.sorted > 0) parts.push("items are put into another order");
  list.replaceChildren(...(parts.length ? parts : ["nothing changes"]).map((text) => element("li", sentence(text))));
}

function lines(id, c) {
  const items = c.items ?? [];
  show(items.length > 0, id);
  const list = $(id).querySelector("ul");
  list.replaceChildren(...items.map((l) => {
    const li = element("li");
    li.append(element("span", (verbs[l.do] ?? l.do) + " ", "what"), element("span", l.title || l.url || "(no title)"));
    if (l.in) li.append(element("span", ` in ${l.in}`, "what"));
    if (l.url) li.title = l.url;
    return li;
  }));
  const total = c.added + c.changed + c.moved + c.deleted;
  if (total > items.length) list.append(element("li", `and ${(total - items.length).toLocaleString()} more`, "what"));
}

// act does what a button says.
function act(id, what, fields = () => ({})) {
  $(id).addEventListener("click", async () => {
    $(id).disabled = true;
    try {
      await ask(what, fields());
      say("failed", "");
    } catch (e) {
      say("failed", e);
    }
    $(id).disabled = false;
    await refresh();
  });
}

act("connect", "connect");
act("sync", "sync");
act("merge", "merge");
act("accept", "answer", () => ({ answer: "accept", token }));
act("restore", "answer", () => ({ answer: "restore", token }));
act("forget", "forget");
$("history").addEventListener("change", async () => {
  const on = $("history").checked;
  try {
    if (on && !(await chrome.permissions.request({ permissions: ["history"] }))) {
      $("history").checked = false;
      return;
    }
    await ask("history", { on });
  } catch (e) {
    say("failed", e);
  }
});
await refresh();
setInterval(refresh, 2000);
