// Passes visits on in both directions, if the user chose that.

import { request } from "./host.js";
import { isWeb } from "./tabs.js";

const MOST = 200;
let visits = [];
let timer = null;
let listening = false;
const added = new Set(); // URLs that we just added

export async function isOn() {
  const { history } = await chrome.storage.local.get("history");
  return history === true && (await chrome.permissions.contains({ permissions: ["history"] }));
}

// start listens for visits, if the user chose that.
export async function start() {
  if (listening || !(await isOn())) return;
  listening = true;
  chrome.history.onVisited.addListener(visited);
}

export async function stop() {
  if (listening) chrome.history.onVisited.removeListener(visited);
  listening = false;
  visits = [];
}

function visited(page) {
  if (!isWeb(page.url) || added.delete(page.url) || visits.length >= MOST) return;
  visits.push({ url: page.url, title: (page.title ?? "").slice(0, 1000), at: page.lastVisitTime ?? Date.now() });
  timer ??= setTimeout(() => { timer = null; send().catch(() => {}); }, 2000);
}

async function send() {
  const batch = visits;
  visits = [];
  try {
    if (batch.length > 0) await request("visits", { visits: batch });
  } catch (e) {
    visits = [...batch, ...visits].slice(0, MOST);
    throw e;
  }
}

// receive adds what was visited on other devices. A Chromium notes it as visited now.
export async function receive() {
  if (!(await isOn())) return;
  for (;;) {
    const { visits: remote } = await request("history");
    for (const v of remote) {
      if (!isWeb(v.url)) continue;
      added.add(v.url);
      await chrome.history.addUrl({ url: v.url });
    }
    if (remote.length === 0) return;
  }
}
