import { Door, Event, Verbs } from "./verbs.js";

export * from "./verbs.js";

/** SyncError says why a call failed: code is stable, and the message is for a person. */
export class SyncError extends Error {
  readonly code: string;
  readonly field?: string;
  readonly id?: string;
  readonly retryAt?: string;
}

/** Options name the agent: its socket, or a port of loopback with a token. */
export interface Options {
  socketPath?: string;
  host?: string;
  port?: number;
  token?: string;
}

/** HTTPDoor calls the agent over its socket, or over loopback with a token. */
export class HTTPDoor implements Door {
  constructor(options: Options);
  call(verb: string, request: object): Promise<unknown>;
  stream(verb: string, request: object): AsyncIterable<unknown>;
  events(options?: { after?: string; signal?: AbortSignal }): Promise<AsyncIterable<Event>>;
}

/** Client has all verbs, and the events. */
export class Client extends Verbs {
  constructor(options: Options);
  /** Connects, and returns the events from then on, or those after the one with an ID. */
  events(options?: { after?: string; signal?: AbortSignal }): Promise<AsyncIterable<Event>>;
}

/** connect returns a client of the agent; without options, SYNCMANAGER_SOCKET names its socket. */
export function connect(options?: Options): Client;
