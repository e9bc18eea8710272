// Clients of Sync Manager: of the agent, on node's own modules, and of libsyncmanager; see library.js.
import http from "node:http";
import { createInterface } from "node:readline";

import { SyncError } from "./error.js";
import { LibraryDoor } from "./library.js";
import { Verbs } from "./verbs.js";

export * from "./verbs.js";
export { LibraryDoor, SyncError };

/** HTTPDoor calls the agent over its socket, or over loopback with a token. */
export class HTTPDoor {
  #target;
  #headers;

  constructor({ socketPath, host, port, token }) {
    if (!socketPath && !port) throw new Error("give a socketPath, or a port");
    this.#target = socketPath ? { socketPath, host: "localhost" } : { host: host ?? "127.0.0.1", port };
    this.#headers = token ? { authorization: `Bearer ${token}` } : {};
  }

  /** Sends a request, and returns the response if all went well. */
  async #send(method, path, body, headers, signal) {
    const response = await new Promise((resolve, reject) => {
      const request = http.request({ ...this.#target, method, path, signal, headers: { ...this.#headers, ...headers }, agent: false }, resolve);
      request.on("error", reject);
      request.end(body);
    });
    if (response.statusCode === 200) return response;
    const text = await whole(response);
    let error;
    try {
      ({ error } = JSON.parse(text));
    } catch {
      error = { code: "unavailable", message: `the agent answered with status ${response.statusCode}` };
    }
    throw new SyncError(error);
  }

  #post(verb, request) {
    return this.#send("POST", `/v1/${verb}`, JSON.stringify(request), { "content-type": "application/json" });
  }

  async call(verb, request) {
    return JSON.parse(await whole(await this.#post(verb, request)));
  }

  async *stream(verb, request) {
    const response = await this.#post(verb, request);
    try {
      for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
        const value = JSON.parse(line);
        if (value.end) return;
        if (value.error) throw new SyncError(value.error);
        yield value.item;
      }
      throw new SyncError({ code: "unavailable", message: "the list was cut off" });
    } finally {
      response.destroy();
    }
  }

  /** Connects, and returns the events from then on, or those after the one with an ID. */
  async events({ after, signal } = {}) {
    const response = await this.#send("GET", "/v1/events", undefined, after ? { "last-event-id": after } : {}, signal);
    return (async function* () {
      try {
        for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
          if (line.startsWith("data: ")) yield JSON.parse(line.slice("data: ".length));
        }
      } finally {
        response.destroy();
      }
    })();
  }

  /** Does nothing: each request has a connection of its own. */
  async close() {}
}

async function whole(response) {
  const parts = [];
  for await (const part of response) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Client has all verbs over a door, and the events. */
export class Client extends Verbs {
  #door;

  constructor(door) {
    super(door);
    this.#door = door;
  }

  events(options) {
    return this.#door.events(options);
  }

  close() {
    return this.#door.close();
  }
}

/** connect returns a client of the agent. */
export function connect(options = { socketPath: process.env.SYNCMANAGER_SOCKET }) {
  return new Client(new HTTPDoor(options));
}

/** open opens the profile in a folder by libsyncmanager. */
export async function open(folder, options) {
  return new Client(await LibraryDoor.open(folder, options));
}
