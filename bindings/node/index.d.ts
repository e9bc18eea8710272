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
  events(options?: EventsOptions): Promise<AsyncIterable<Event>>;
  /** Does nothing: each request has a connection of its own. */
  close(): Promise<void>;
}

/** OpenOptions are those of sm_open, and the path of libsyncmanager; absent: the system finds it. */
export interface OpenOptions {
  library?: string;
  /** The client may not write. */
  readOnly?: boolean;
  /** The client may read secrets. */
  secrets?: boolean;
  /** The engines that it may use; absent: all. */
  engines?: string[];
  /** How many milliseconds to wait for another process that uses the profile. */
  waitMs?: number;
}

/** LibraryDoor opens a profile by libsyncmanager. It needs the package koffi. */
export class LibraryDoor implements Door {
  private constructor();
  static open(folder: string, options?: OpenOptions): Promise<LibraryDoor>;
  call(verb: string, request: object): Promise<unknown>;
  stream(verb: string, request: object): AsyncIterable<unknown>;
  /** Returns the events that have not been read. Each goes to one reader. A signal is seen within 0.2 seconds. */
  events(options?: EventsOptions): Promise<AsyncIterable<Event>>;
  /** Closes the profile. Closing it again does nothing. */
  close(): Promise<void>;
}

export interface EventsOptions {
  /** The ID of the last event that was seen. The library has no past events. */
  after?: string;
  /** Ends the events. */
  signal?: AbortSignal;
}

/** Client has all verbs over a door, and the events. */
export class Client extends Verbs {
  constructor(door: HTTPDoor | LibraryDoor);
  /** Returns the events from now on, or those after the one with an ID; of the library, those that have not been read. */
  events(options?: EventsOptions): Promise<AsyncIterable<Event>>;
  close(): Promise<void>;
}

/** connect returns a client of the agent; without options, SYNCMANAGER_SOCKET names its socket. */
export function connect(options?: Options): Client;

/** open opens the profile in a folder by libsyncmanager, and makes it if it does not exist. It needs the package koffi. */
export function open(folder: string, options?: OpenOptions): Promise<Client>;
