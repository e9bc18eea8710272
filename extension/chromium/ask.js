// What the pages share.

// ask asks the service worker.
export async function ask(what, fields = {}) {
  const answer = await chrome.runtime.sendMessage({ ...fields, do: what });
  if (answer?.error) throw new Error(answer.error);
  return answer?.ok;
}

export const $ = (id) => document.getElementById(id);

// show shows or hides elements.
export function show(visible, ...ids) {
  for (const id of ids) $(id).hidden = !visible;
}

// element makes an element with a text. Titles and names come from anywhere: they are never HTML.
export function element(name, text = "", className = "") {
  const e = document.createElement(name);
  e.textContent = text;
  if (className) e.className = className;
  return e;
}

// say shows a sentence about what failed.
export function say(id, error) {
  $(id).textContent = error ? sentence(error.message ?? String(error)) : "";
  $(id).hidden = !error;
}

export function sentence(text) {
  const s = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(s) ? s : s + ".";
}

export const count = (n, one, many) => `${n.toLocaleString()} ${n === 1 ? one : many}`;
