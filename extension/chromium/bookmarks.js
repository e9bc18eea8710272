// Reports the browser's bookmarks, and applies the operations that the host sends. What is to
// be done is decided there.

import { request } from "./host.js";

const PART = 256 * 1024; // of a report, in characters of JSON
const MOST_ROUNDS = 20;

let running = null; // the exchange on its way
let dirty = true; // something changed since the last report
let importing = false;
let timer = null;
let acks = []; // of operations that the host does not know the outcome of

// last is the result of the last exchange, for the pages.
export const last = { status: "", result: null, error: "", code: "" };

let onResult = () => {};

// watch schedules an exchange after each change of the bookmarks, and calls back after each exchange.
export function watch(result) {
  onResult = result;
  const b = chrome.bookmarks;
  for (const event of [b.onCreated, b.onRemoved, b.onChanged, b.onMoved, b.onChildrenReordered]) event.addListener(() => changed());
  b.onImportBegan.addListener(() => { importing = true; });
  b.onImportEnded.addListener(() => { importing = false; changed(); });
}

// changed notes a change on either side.
export function changed() {
  dirty = true;
  if (running || importing) return;
  clearTimeout(timer);
  timer = setTimeout(() => exchange().catch(() => {}), 500);
}

// exchange exchanges until nothing is left to do. answer is what the user says.
export async function exchange(answer = {}) {
  while (running) await running.catch(() => {});
  running = rounds(answer);
  try {
    return await running;
  } catch (e) {
    Object.assign(last, { error: e.message, code: e.code ?? "" });
    throw e;
  } finally {
    running = null;
    onResult();
    if (dirty && last.status === "done" && !last.error) changed();
  }
}

async function rounds(answer) {
  let result;
  for (let n = 0; n < MOST_ROUNDS; n++) {
    dirty = false;
    await report();
    const sent = acks;
    result = await request("bookmarks", { ...answer, acks: sent });
    acks = acks.slice(sent.length);
    Object.assign(last, { status: result.status, result, error: "", code: "" });
    if (result.status !== "done" || answer.preview) break;
    answer = {};
    const applied = await applyAll(result.waiting);
    // One more report follows when the changes are surely on the disk.
    if (applied || changes(result.store)) chrome.alarms.create("settled", { delayInMinutes: 1 });
    if (!applied && !dirty) break;
  }
  return result;
}

const changes = (c) => c.added + c.changed + c.moved + c.sorted + c.deleted > 0;

// report sends the whole tree.
async function report() {
  const [root] = await chrome.bookmarks.getTree();
  let part = [], size = 0, first = true;
  const flush = async () => {
    await request("nodes", { first, nodes: part });
    [part, size, first] = [[], 0, false];
  };
  for (let level = root.children ?? []; level.length > 0; level = level.flatMap((n) => n.children ?? [])) {
    for (const n of level) {
      const node = { id: n.id, parent: n.parentId, title: n.title, url: n.url, added: Math.trunc(n.dateAdded ?? 0), type: n.folderType, syncing: n.parentId === root.id ? n.syncing : undefined };
      part.push(node);
      size += n.title.length + (n.url?.length ?? 0) + 100;
      if (size > PART) await flush();
    }
  }
  await flush();
}

async function applyAll(left) {
  let applied = 0;
  const made = new Map(); // IDs of folders by the operations that made them
  while (left > 0) {
    const batch = await request("ops");
    left = batch.waiting;
    for (const op of batch.ops) {
      const ack = await apply(op, made);
      if (ack.id) made.set(op.n, ack.id);
      acks = [...acks, ack];
      applied++;
    }
  }
  return applied;
}

// apply applies an operation if the item is as it expects.
async function apply(op, made) {
  const n = op.n;
  try {
    const parentId = op.parent ?? made.get(op.in);
    if (op.do === "create") return parentId ? done(n, await create(op, parentId)) : { n, stale: true };
    const [node] = await chrome.bookmarks.get(op.id);
    const was = op.was ?? {};
    if (node.title !== (was.title ?? "") || (node.url ?? "") !== (was.url ?? "") || (was.parent && node.parentId !== was.parent)) return { n, stale: true };
    switch (op.do) {
      case "move": {
        if (!parentId) return { n, stale: true };
        // Within a folder, Chromium counts places with the item still at its old one.
        const index = node.parentId === parentId && node.index < op.index ? op.index + 1 : op.index;
        return done(n, await atOrLast((i) => chrome.bookmarks.move(op.id, { parentId, ...i }), index));
      }
      case "update":
        return done(n, await chrome.bookmarks.update(op.id, node.url === undefined ? { title: op.title ?? "" } : { title: op.title ?? "", url: op.url }));
      case "remove":
        await chrome.bookmarks.remove(op.id); // a folder that is not empty is refused
        return { n };
    }
    return { n, stale: true };
  } catch (e) {
    return /invalid url/i.test(e.message) ? { n, refused: true } : { n, stale: true };
  }
}

const create = (op, parentId) => atOrLast((i) => chrome.bookmarks.create({ parentId, title: op.title ?? "", url: op.url, ...i }), op.index ?? 0);

// atOrLast puts an item at a place, or at the end if the folder has fewer items by now.
async function atOrLast(put, index) {
  try {
    return await put({ index });
  } catch (e) {
    if (!/index out of bounds/i.test(e.message)) throw e;
    return put({});
  }
}

const done = (n, node) => ({ n, id: node.id, title: node.title, url: node.url, added: Math.trunc(node.dateAdded ?? 0) });
