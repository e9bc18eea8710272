/** Clients of Sync Manager: of its agent, and with Java 22 and newer of libsyncmanager. */
module org.syncmanager {
    exports org.syncmanager;
}
