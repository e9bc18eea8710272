package org.syncmanager;

import java.nio.file.Path;

/** Client has all verbs of the agent, and its events. It may be used by several threads. */
public final class Client extends Api.Verbs {
    private final HttpDoor http;

    private Client(HttpDoor http) {
        super(http);
        this.http = http;
    }

    /** A client of the agent at a socket. */
    public static Client connect(Path socket) {
        return new Client(new HttpDoor(socket));
    }

    /** A client of the agent at a port of loopback. */
    public static Client connect(int port, String token) {
        return new Client(new HttpDoor(port, token));
    }

    /** The events from now on. */
    public Items<Api.Event> events() {
        return http.events(null);
    }

    /** The events after the one with an ID. */
    public Items<Api.Event> events(String after) {
        return http.events(after);
    }
}
