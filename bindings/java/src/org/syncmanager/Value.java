package org.syncmanager;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Value is a request or an answer: an object in JSON. A field that is absent is null. */
public abstract class Value {
    private final Map<String, Object> fields;

    Value() {
        fields = new LinkedHashMap<>();
    }

    Value(Map<String, Object> fields) {
        this.fields = fields;
    }

    /** The fields as they are in JSON. */
    public Map<String, Object> fields() {
        return fields;
    }

    Object get(String name) {
        return fields.get(name);
    }

    void set(String name, Object value) {
        fields.put(name, value instanceof Value v ? v.fields : value);
    }

    Double asNumber(String name) {
        return get(name) instanceof Number n ? n.doubleValue() : null;
    }

    @SuppressWarnings("unchecked")
    <T> T asObject(String name, Function<Map<String, Object>, T> make) {
        return get(name) instanceof Map<?, ?> m ? make.apply((Map<String, Object>) m) : null;
    }

    @SuppressWarnings("unchecked")
    <T> List<T> asObjects(String name, Function<Map<String, Object>, T> make) {
        List<T> all = new ArrayList<>();
        if (get(name) instanceof List<?> list) {
            for (Object one : list) {
                all.add(make.apply(one instanceof Value v ? v.fields : (Map<String, Object>) one));
            }
        }
        return all;
    }

    List<String> asTexts(String name) {
        List<String> all = new ArrayList<>();
        if (get(name) instanceof List<?> list) {
            for (Object one : list) {
                all.add((String) one);
            }
        }
        return all;
    }

    @Override
    public String toString() {
        return Json.write(fields);
    }
}
