import { $, ask, count, element, say, show } from "./ask.js";

const isWeb = (url) => typeof url === "string" && /^https?:\/\//.test(url);

async function refresh() {
  const s = await ask("state");
  const needed = s.bookmarks.status === "first" || s.bookmarks.status === "held";
  $("state").textContent = !s.host.connected ? "Not connected." : needed ? "Your bookmarks wait for you: open the settings." : "In sync.";
  say("failed", s.host.connected ? s.bookmarks.error : s.host.error);
  if (!s.host.connected) return;
  const { devices, left } = await ask("others");
  await offer(devices.filter((d) => d.takes));
  list(devices.filter((d) => d.tabs.length > 0), left ?? 0);
}

// offer shows a button for each device that the current page can be sent to.
async function offer(devices) {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  show(devices.length > 0 && isWeb(tab?.url), "send");
  $("devices").replaceChildren(...devices.map((d) => {
    const b = element("button", d.name || d.id);
    b.addEventListener("click", async () => {
      b.disabled = true;
      try {
        await ask("send", { device: d.id, url: tab.url, title: (tab.title ?? "").slice(0, 1000) });
        $("sent").textContent = `Sent to ${d.name}.`;
      } catch (e) {
        say("failed", e);
      }
      b.disabled = false;
    });
    return b;
  }));
}

function list(devices, left) {
  show(devices.length > 0, "others");
  $("tabs").replaceChildren(...devices.map((d) => {
    const group = element("details");
    group.open = devices.length === 1;
    const ul = element("ul", "", "lines");
    ul.append(...d.tabs.map((t) => {
      const li = element("li");
      const a = element("a", t.title || t.url);
      if (isWeb(t.url)) a.href = t.url;
      a.title = t.url;
      a.addEventListener("click", (e) => { e.preventDefault(); if (isWeb(t.url)) chrome.tabs.create({ url: t.url }); });
      li.append(a);
      return li;
    }));
    group.append(element("summary", `${d.name || d.id}: ${count(d.tabs.length, "tab", "tabs")}`), ul);
    return group;
  }));
  $("more").textContent = left > 0 ? `${count(left, "further tab is", "further tabs are")} not shown.` : "";
}

$("page").addEventListener("click", () => chrome.runtime.openOptionsPage());
$("sync").addEventListener("click", async () => {
  $("sync").disabled = true;
  try {
    await ask("sync");
    say("failed", "");
    await refresh();
  } catch (e) {
    say("failed", e);
  }
  $("sync").disabled = false;
});
refresh().catch((e) => say("failed", e));
