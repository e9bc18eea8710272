package org.syncmanager;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Json reads and writes JSON: maps, lists, strings, Long, Double, Boolean and null. */
final class Json {
    private static final int MAX_DEPTH = 1000;
    private final String text;
    private int at;
    private int depth;

    private Json(String text) {
        this.text = text;
    }

    static Object read(String text) {
        Json j = new Json(text);
        Object value = j.value();
        j.space();
        if (j.at != text.length()) {
            throw j.wrong();
        }
        return value;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> readObject(String text) {
        if (read(text) instanceof Map<?, ?> m) {
            return (Map<String, Object>) m;
        }
        throw new IllegalArgumentException("this is not an object in JSON");
    }

    private IllegalArgumentException wrong() {
        return new IllegalArgumentException("this is not JSON, at character " + at);
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private boolean pass(char c) {
        space();
        if (at < text.length() && text.charAt(at) == c) {
            at++;
            return true;
        }
        return false;
    }

    private void need(char c) {
        if (!pass(c)) {
            throw wrong();
        }
    }

    private Object value() {
        space();
        if (at == text.length() || depth == MAX_DEPTH) {
            throw wrong();
        }
        switch (text.charAt(at)) {
            case '{':
                return object();
            case '[':
                return list();
            case '"':
                return string();
            default:
                return word();
        }
    }

    private Map<String, Object> object() {
        Map<String, Object> all = new LinkedHashMap<>();
        need('{');
        depth++;
        if (!pass('}')) {
            do {
                space();
                String name = string();
                need(':');
                all.put(name, value());
            } while (pass(','));
            need('}');
        }
        depth--;
        return all;
    }

    private List<Object> list() {
        List<Object> all = new ArrayList<>();
        need('[');
        depth++;
        if (!pass(']')) {
            do {
                all.add(value());
            } while (pass(','));
            need(']');
        }
        depth--;
        return all;
    }

    private String string() {
        need('"');
        StringBuilder out = new StringBuilder();
        while (at < text.length()) {
            char c = text.charAt(at++);
            if (c == '"') {
                return out.toString();
            }
            if (c != '\\') {
                out.append(c);
                continue;
            }
            if (at == text.length()) {
                break;
            }
            c = text.charAt(at++);
            int i = "\"\\/bfnrt".indexOf(c);
            if (i >= 0) {
                out.append("\"\\/\b\f\n\r\t".charAt(i));
            } else if (c == 'u' && at + 4 <= text.length()) {
                out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                at += 4;
            } else {
                break;
            }
        }
        throw wrong();
    }

    private Object word() {
        int from = at;
        while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) {
            at++;
        }
        String word = text.substring(from, at);
        switch (word) {
            case "null":
                return null;
            case "true":
                return true;
            case "false":
                return false;
            default:
        }
        try {
            if (word.matches("-?[0-9]+")) {
                return Long.valueOf(word);
            }
            return Double.valueOf(word);
        } catch (NumberFormatException e) {
            at = from;
            throw wrong();
        }
    }

    static String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    private static void write(Object value, StringBuilder out) {
        if (value instanceof Value v) {
            write(v.fields(), out);
        } else if (value instanceof Map<?, ?> m) {
            String before = "{";
            for (Map.Entry<?, ?> e : m.entrySet()) {
                out.append(before);
                quote(String.valueOf(e.getKey()), out);
                out.append(':');
                write(e.getValue(), out);
                before = ",";
            }
            out.append(m.isEmpty() ? "{}" : "}");
        } else if (value instanceof List<?> list) {
            String before = "[";
            for (Object one : list) {
                out.append(before);
                write(one, out);
                before = ",";
            }
            out.append(list.isEmpty() ? "[]" : "]");
        } else if (value instanceof String s) {
            quote(s, out);
        } else {
            out.append(value);
        }
    }

    private static void quote(String s, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
