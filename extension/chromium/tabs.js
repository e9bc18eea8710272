// Says which tabs are open, sends pages to other devices, and shows those that arrive.

import { request } from "./host.js";

const MOST_TABS = 2000;
let timer = null;

export const isWeb = (url) => typeof url === "string" && /^https?:\/\//.test(url);

// watch reports the tabs some seconds after each change.
export function watch() {
  const t = chrome.tabs;
  for (const event of [t.onCreated, t.onRemoved, t.onActivated, t.onMoved, t.onAttached, t.onReplaced]) event.addListener(changed);
  t.onUpdated.addListener((_id, what) => { if (what.url || what.title || what.pinned !== undefined) changed(); });
}

export function changed() {
  timer ??= setTimeout(() => { timer = null; report().catch(() => {}); }, 2000);
}

export async function report() {
  const all = await chrome.tabs.query({});
  const tabs = all.filter((t) => !t.incognito && isWeb(t.url)).slice(0, MOST_TABS)
    .map((t) => ({ url: t.url, title: (t.title ?? "").slice(0, 1000), window: String(t.windowId), pinned: t.pinned, used: t.lastAccessed ?? 0 }));
  await request("tabs", { tabs });
}

// receive shows the pages that other devices sent. With now, the server is asked for them at once.
export async function receive(now = false) {
  const { pages } = await request("received", { now });
  for (const p of pages) {
    if (!isWeb(p.url)) continue;
    const id = "page-" + crypto.randomUUID();
    await chrome.storage.session.set({ [id]: p.url });
    await chrome.notifications.create(id, {
      type: "basic", iconUrl: "icon128.png", title: p.from ? `Page from ${p.from}` : "Page from another device",
      message: p.title || p.url, contextMessage: p.url.slice(0, 200), requireInteraction: true,
    });
  }
}

export async function openReceived(id) {
  const { [id]: url } = await chrome.storage.session.get(id);
  if (!isWeb(url)) return;
  await chrome.tabs.create({ url });
  await dropReceived(id);
}

export async function dropReceived(id) {
  await chrome.notifications.clear(id);
  await chrome.storage.session.remove(id);
}

// offer makes the entries of the menu of pages and links.
export async function offer() {
  const { devices } = await request("others");
  await chrome.contextMenus.removeAll();
  const to = devices.filter((d) => d.takes);
  if (to.length === 0) return;
  chrome.contextMenus.create({ id: "send", title: "Send to another device", contexts: ["page", "link"] });
  for (const d of to) chrome.contextMenus.create({ id: "to " + d.id, parentId: "send", title: d.name.replaceAll("&", "&&").slice(0, 100) || d.id, contexts: ["page", "link"] });
}

export async function chosen(info, tab) {
  const id = String(info.menuItemId);
  if (!id.startsWith("to ")) return;
  const url = info.linkUrl ?? tab?.url;
  if (!isWeb(url)) return;
  await request("send", { device: id.slice(3), url, title: info.linkUrl ? (info.selectionText ?? info.linkUrl).slice(0, 1000) : (tab?.title ?? "").slice(0, 1000) });
}
