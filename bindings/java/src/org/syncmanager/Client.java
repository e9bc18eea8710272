package org.syncmanager;

import java.nio.file.Path;

/** Client has all verbs over a door, and the events. It may be used by several threads. */
public final class Client extends Api.Verbs implements AutoCloseable {
    private final Door door;

    public Client(Door door) {
        super(door);
        this.door = door;
    }

    /** A client of the agent at a socket. */
    public static Client connect(Path socket) {
        return new Client(new HttpDoor(socket));
    }

    /** A client of the agent at a port of loopback. */
    public static Client connect(int port, String token) {
        return new Client(new HttpDoor(port, token));
    }

    /**
     * Opens the profile in a folder by libsyncmanager, and makes it if it does not exist. This needs Java 22 or newer.
     *
     * @param library the path of the library
     * @param options those of sm_open; null: none
     */
    public static Client open(Path folder, Path library, OpenOptions options) {
        return new Client(LibraryDoor.open(folder, library, options == null ? new OpenOptions() : options));
    }

    /** The events from now on; of the library those that have not been read, each of which goes to one reader. */
    public Items<Api.Event> events() {
        return door.events(null);
    }

    /** The events after the one with an ID. The library has no past events. */
    public Items<Api.Event> events(String after) {
        return door.events(after);
    }

    /** Closes a profile of the library. Closing it again does nothing, and so does closing a client of the agent. */
    @Override
    public void close() {
        door.close();
    }
}
