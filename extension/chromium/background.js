// The service worker: joins the host with what there is to sync, and answers the extension's
// own pages.

import * as host from "./host.js";
import * as bookmarks from "./bookmarks.js";
import * as tabs from "./tabs.js";
import * as history from "./history.js";

const quietly = (promise) => promise.catch(() => {});

host.listen(
  (what) => {
    if (what === "bookmarks") bookmarks.changed();
    if (what === "received") quietly(tabs.receive());
    if (what === "history") quietly(history.receive());
    if (what === "synced") quietly(tabs.offer());
  },
  () => {
    quietly(bookmarks.exchange());
    quietly(tabs.report());
    quietly(tabs.receive());
    quietly(tabs.offer());
    quietly(history.start().then(history.receive));
  },
);

bookmarks.watch(badge);
tabs.watch();

// badge shows on the button that the user is needed.
function badge() {
  const needed = bookmarks.last.status === "first" || bookmarks.last.status === "held" || bookmarks.last.error;
  chrome.action.setBadgeText({ text: needed ? "!" : "" });
}

chrome.notifications.onClicked.addListener((id) => quietly(tabs.openReceived(id)));
chrome.notifications.onClosed.addListener((id) => quietly(tabs.dropReceived(id)));
chrome.contextMenus.onClicked.addListener((info, tab) => quietly(tabs.chosen(info, tab)));

// The alarm starts a worker that the browser ended while there was no connection, and asks for pages of other devices.
chrome.alarms.create("connect", { periodInMinutes: 1 });
chrome.alarms.onAlarm.addListener((alarm) => {
  if (alarm.name === "settled") bookmarks.changed();
  if (host.state.connected) quietly(tabs.receive());
  quietly(host.connect());
});
chrome.runtime.onStartup.addListener(() => quietly(host.connect()));
chrome.runtime.onInstalled.addListener((details) => {
  if (details.reason === "install") chrome.runtime.openOptionsPage();
  quietly(host.connect());
});
quietly(host.connect());

// asks are the requests of the pages.
const asks = {
  state: async () => ({
    host: host.state, bookmarks: bookmarks.last, history: await history.isOn(),
    status: host.state.connected ? await host.request("status") : null,
  }),
  connect: () => host.connect(),
  preview: () => bookmarks.exchange({ preview: true }),
  merge: () => bookmarks.exchange({ agreed: true }),
  answer: (q) => bookmarks.exchange({ answer: q.answer, token: q.token }),
  exchange: () => bookmarks.exchange(),
  forget: async () => { await host.request("forget"); return bookmarks.exchange(); },
  sync: async () => {
    const result = await host.request("sync");
    quietly(tabs.receive(true));
    return result;
  },
  others: () => host.request("others"),
  send: (q) => host.request("send", { device: q.device, url: q.url, title: q.title }),
  history: async (q) => {
    await chrome.storage.local.set({ history: q.on === true });
    await (q.on === true ? history.start().then(history.receive) : history.stop());
  },
};

chrome.runtime.onMessage.addListener((q, sender, reply) => {
  if (sender.id !== chrome.runtime.id || !Object.hasOwn(asks, q?.do)) return false;
  asks[q.do](q).then((ok) => reply({ ok: ok ?? {} }), (e) => reply({ error: e.message, code: e.code ?? "" }));
  return true;
});
