package org.syncmanager;

import java.util.List;

/** OpenOptions are those of sm_open. */
public final class OpenOptions extends Value {
    /** The options of a client that may do all but read secrets. */
    public OpenOptions() {}

    /** The client may not write. */
    public OpenOptions readOnly(boolean value) {
        set("readOnly", value);
        return this;
    }

    /** The client may read secrets. */
    public OpenOptions secrets(boolean value) {
        set("secrets", value);
        return this;
    }

    /** The engines that the client may use; without them, all. */
    public OpenOptions engines(List<String> value) {
        set("engines", value);
        return this;
    }

    /** How many milliseconds to wait for another process that uses the profile. */
    public OpenOptions waitMs(long value) {
        set("waitMs", value);
        return this;
    }
}
