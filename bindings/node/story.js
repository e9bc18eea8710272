// The story that each client tells: two devices, three engines, a conflict, an undo, an event.
//
// usage: story.js http SOCKET SOCKET | story.js library LIBRARY FOLDER FOLDER
import assert from "node:assert/strict";

import { connect, open } from "syncmanager";

const [door, ...given] = process.argv.slice(2);
const [laptop, phone] =
  door === "http"
    ? given.map((socketPath) => connect({ socketPath }))
    : await Promise.all(given.slice(1).map((folder) => open(folder, { library: given[0], secrets: true })));

/**
 * @template T
 * @param {AsyncIterable<T>} list
 * @returns {Promise<T[]>}
 */
async function all(list) {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
}

const added = await laptop.bookmarks.add({ title: "Go", url: "https://go.dev/", tags: ["go"] });
await laptop.history.add({ url: "https://go.dev/doc", title: "Doc" });
await laptop.forms.add({ name: "q", value: "go" });
const events = await phone.events({ signal: AbortSignal.timeout(60_000) });
assert.equal((await laptop.sync.run()).status, "ok");
assert.equal((await phone.sync.run()).status, "ok");

const seen = await phone.bookmarks.get({ id: added.id });
assert.deepEqual([seen.title, seen.tags], ["Go", ["go"]]);
assert.deepEqual((await all(phone.history.list())).map((p) => p.histUri), ["https://go.dev/doc"]);
assert.deepEqual((await all(phone.forms.list())).map((e) => e.value), ["go"]);
const kinds = new Set();
for await (const event of events) {
  kinds.add(event.type);
  if (event.type === "sync.ended") break;
}
for (const kind of ["sync.begun", "changed", "sync.ended"]) assert(kinds.has(kind), kind);

await phone.bookmarks.update({ id: seen.id, etag: seen.etag, title: "Go!" });
await assert.rejects(phone.bookmarks.update({ id: seen.id, etag: seen.etag, title: "Golang" }), { name: "SyncError", code: "conflict" });
await phone.sync.run();
await laptop.sync.run();
assert.equal((await laptop.bookmarks.get({ id: added.id })).title, "Go!");
assert.equal((await laptop.bookmarks.undo()).reverted, 1);
assert.equal((await laptop.bookmarks.get({ id: added.id })).title, "Go");
await Promise.all([laptop.close(), phone.close()]);
console.log("two devices, three engines, a conflict, an undo, an event");
