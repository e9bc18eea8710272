// The door to libsyncmanager. Node calls C through koffi, which the app installs if it wants this door.
import { promisify } from "node:util";

import { SyncError } from "./error.js";

const usual = { darwin: "libsyncmanager.dylib", win32: "libsyncmanager.dll" }[process.platform] ?? "libsyncmanager.so";

/** How long one wait for an event holds a thread of koffi, in milliseconds. They are few. */
const turn = 200;

const loaded = new Map();

/** load returns the functions of the library at a path. They run in threads of koffi. */
async function load(path) {
  if (loaded.has(path)) return loaded.get(path);
  let koffi;
  try {
    ({ default: koffi } = await import("koffi"));
  } catch (cause) {
    throw new Error("open() needs the package koffi, which calls C: npm install koffi", { cause });
  }
  let lib;
  try {
    lib = koffi.load(path);
  } catch (cause) {
    throw new Error(`${path} cannot be loaded: ${cause.message}`, { cause });
  }
  const free = lib.func("sm_free", "void", ["void *"]);
  const text = koffi.disposable(null, "str", free);
  const run = (name, ...parameters) => promisify(lib.func(name, text, parameters).async);
  const functions = {
    open: run("sm_open", "str", "str"),
    call: run("sm_call", "uint64_t", "str", "str"),
    nextEvent: run("sm_next_event", "uint64_t", "int"),
    close: run("sm_close", "uint64_t"),
  };
  loaded.set(path, functions);
  return functions;
}

/** answer is the value of a text of the library. */
function answer(text) {
  if (text === null) return undefined;
  const value = JSON.parse(text);
  if (value.error) throw new SyncError(value.error);
  return value;
}

/** LibraryDoor opens a profile by libsyncmanager. */
export class LibraryDoor {
  #lib;
  #handle;

  constructor(lib, handle) {
    this.#lib = lib;
    this.#handle = handle;
  }

  static async open(folder, { library = usual, ...options } = {}) {
    if (typeof folder !== "string" || folder.includes("\0")) throw new TypeError("the folder must be a text without a zero byte");
    const lib = await load(library);
    const { handle } = answer(await lib.open(folder, JSON.stringify(options)));
    return new LibraryDoor(lib, handle);
  }

  async call(verb, request) {
    return answer(await this.#lib.call(this.#handle, verb, JSON.stringify(request)));
  }

  async *stream(verb, request) {
    yield* (await this.call(verb, request)).items;
  }

  /** Returns the events that have not been read. Each goes to one reader. */
  async events({ after, signal } = {}) {
    if (after) throw new TypeError("the library has no past events: its events wait until they are read");
    return this.#events(signal);
  }

  async *#events(signal) {
    for (;;) {
      signal?.throwIfAborted();
      const event = answer(await this.#lib.nextEvent(this.#handle, turn));
      if (event) yield event;
    }
  }

  /** Closes the profile. Closing it again does nothing. */
  async close() {
    try {
      answer(await this.#lib.close(this.#handle));
    } catch (error) {
      if (error.code !== "unavailable") throw error;
    }
  }
}
