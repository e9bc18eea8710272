package org.syncmanager;

import java.util.Map;

/** SyncException says why a call failed: the code is stable, and the message is for a person. */
public final class SyncException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final String code;

    SyncException(String code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    static SyncException of(Map<?, ?> error) {
        return new SyncException(String.valueOf(error.get("code")), String.valueOf(error.get("message")), null);
    }

    public String code() {
        return code;
    }
}
