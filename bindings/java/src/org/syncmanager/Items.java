package org.syncmanager;

import java.util.Iterator;

/** Items are the items of a stream, which is read once. Close one that is not read to its end. */
public interface Items<T> extends Iterable<T>, Iterator<T>, AutoCloseable {
    @Override
    default Iterator<T> iterator() {
        return this;
    }

    @Override
    void close();
}
