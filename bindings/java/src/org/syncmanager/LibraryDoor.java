package org.syncmanager;

import java.nio.file.Path;

/** LibraryDoor opens a profile by libsyncmanager. Java can call C from 22 on, and then takes the class in META-INF/versions/22. */
final class LibraryDoor {
    private LibraryDoor() {}

    static Door open(Path folder, Path library, OpenOptions options) {
        int java = Runtime.version().feature();
        throw new UnsupportedOperationException(java < 22
                ? "opening a profile needs Java 22 or newer; this is Java " + java
                : "this jar was built without Java 22, and cannot open a profile");
    }
}
