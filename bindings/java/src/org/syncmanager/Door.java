package org.syncmanager;

import java.util.Map;
import java.util.function.Function;

/** Door carries requests to what runs the verbs. */
public interface Door {
    Map<String, Object> call(String verb, Map<String, Object> request);

    <T> Items<T> stream(String verb, Map<String, Object> request, Function<Map<String, Object>, T> make);
}
