package org.syncmanager;

import java.util.Map;
import java.util.function.Function;

/** Door carries requests to what runs the verbs. */
public interface Door extends AutoCloseable {
    Map<String, Object> call(String verb, Map<String, Object> request);

    <T> Items<T> stream(String verb, Map<String, Object> request, Function<Map<String, Object>, T> make);

    /** The events after the one with an ID; null: from now on, of the library those that have not been read. */
    Items<Api.Event> events(String after);

    @Override
    void close();
}
