// The connection to the native host, which a browser starts for us. The port keeps the service
// worker alive; when it is gone, another is opened after a pause that grows.

const NAME = "org.syncmanager.host";
const PROTOCOL = 1;
const LONGEST_PAUSE = 60_000;

let port = null;
let next = 1;
let pause = 1000;
let timer = null;
const waiting = new Map(); // requests by ID

// state is what a page shows of the connection.
export const state = { connected: false, error: "", version: "" };

let onPush = () => {};
let onReady = () => {};

// listen sets what is called for each push of the host, and whenever a connection is ready.
export function listen(push, ready) {
  onPush = push;
  onReady = ready;
}

// identity names this browser: its installation for good, and its session until it ends.
async function identity() {
  const local = await chrome.storage.local.get("install");
  const session = await chrome.storage.session.get("session");
  const install = local.install ?? crypto.randomUUID();
  const current = session.session ?? crypto.randomUUID();
  if (!local.install) await chrome.storage.local.set({ install });
  if (!session.session) await chrome.storage.session.set({ session: current });
  return { install, session: current };
}

export async function connect() {
  if (port) return;
  clearTimeout(timer);
  timer = null;
  const mine = chrome.runtime.connectNative(NAME);
  port = mine;
  mine.onMessage.addListener((m) => receive(mine, m));
  mine.onDisconnect.addListener(() => disconnected(mine, chrome.runtime.lastError?.message));
  try {
    const hello = await request("hello", { protocol: PROTOCOL, ...(await identity()), browser: navigator.userAgent.slice(0, 200), version: chrome.runtime.getManifest().version });
    Object.assign(state, { connected: true, error: "", version: hello.version });
    pause = 1000;
    onReady();
  } catch (e) {
    state.error = explain(e.message);
    mine.disconnect();
    disconnected(mine, "");
  }
}

function receive(from, m) {
  if (from !== port || typeof m !== "object" || m === null) return;
  if (m.push) {
    if (m.push === "error") state.error = explain(m.error?.message ?? "");
    else onPush(m.push);
    return;
  }
  const w = waiting.get(m.id);
  waiting.delete(m.id);
  if (!w) return;
  if (m.error) w.reject(Object.assign(new Error(m.error.message), { code: m.error.code }));
  else w.resolve(m.ok ?? {});
}

function disconnected(from, message) {
  if (from !== port) return;
  port = null;
  state.connected = false;
  if (message && !state.error) state.error = explain(message);
  for (const w of waiting.values()) w.reject(new Error(state.error || "the connection to syncmanager ended"));
  waiting.clear();
  timer = setTimeout(connect, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

// explain says what to do about what the browser says of a host.
function explain(message) {
  if (/native messaging host not found/i.test(message)) {
    return "This browser does not know the program syncmanager yet. Run 'syncmanager native-host install' in a terminal.";
  }
  if (/access to the specified native messaging host is forbidden/i.test(message)) {
    return "The program syncmanager on this computer is for another extension. Run 'syncmanager native-host install' in a terminal.";
  }
  if (/native host has exited|failed to start/i.test(message)) {
    return "The program syncmanager ended. Run 'syncmanager native-host status' in a terminal to find out why.";
  }
  return message;
}

// request asks the host, and returns its answer or throws its error, with a code.
export function request(what, fields = {}) {
  return new Promise((resolve, reject) => {
    if (!port) return reject(new Error(state.error || "not connected to syncmanager"));
    const id = next++;
    waiting.set(id, { resolve, reject });
    port.postMessage({ ...fields, id, do: what });
  });
}
