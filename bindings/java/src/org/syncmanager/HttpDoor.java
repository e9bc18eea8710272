package org.syncmanager;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Function;

/** HttpDoor calls the agent over its Unix socket, or over loopback with a token. Each call has a connection. */
public final class HttpDoor implements Door {
    private final SocketAddress address;
    private final String host;
    private final String token;

    /** A door at the agent's socket. */
    public HttpDoor(Path socket) {
        this(UnixDomainSocketAddress.of(socket), "localhost", null);
    }

    /** A door at a port of loopback. */
    public HttpDoor(int port, String token) {
        this(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), "127.0.0.1:" + port, token);
    }

    private HttpDoor(SocketAddress address, String host, String token) {
        this.address = address;
        this.host = host;
        this.token = token;
    }

    @Override
    public Map<String, Object> call(String verb, Map<String, Object> request) {
        try (Response r = post(verb, request)) {
            return Json.readObject(r.whole());
        } catch (IOException e) {
            throw unavailable(e);
        }
    }

    @Override
    public <T> Items<T> stream(String verb, Map<String, Object> request, Function<Map<String, Object>, T> make) {
        try {
            return new Lines<>(post(verb, request), make, "");
        } catch (IOException e) {
            throw unavailable(e);
        }
    }

    /** Connects, and returns the events from then on, or those after the one with an ID. */
    @Override
    public Items<Api.Event> events(String after) {
        try {
            String headers = after == null ? "" : "Last-Event-ID: " + after + "\r\n";
            return new Lines<>(send("GET /v1/events", headers, new byte[0]), Api.Event::new, "data: ");
        } catch (IOException e) {
            throw unavailable(e);
        }
    }

    /** Does nothing: each request has a connection of its own. */
    @Override
    public void close() {}

    private static SyncException unavailable(IOException e) {
        return new SyncException("unavailable", "the agent does not answer: " + e.getMessage(), e);
    }

    private Response post(String verb, Map<String, Object> request) throws IOException {
        return send("POST /v1/" + verb, "Content-Type: application/json\r\n", Json.write(request).getBytes(StandardCharsets.UTF_8));
    }

    private Response send(String line, String headers, byte[] body) throws IOException {
        SocketChannel channel = address instanceof UnixDomainSocketAddress ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
        try {
            channel.connect(address);
            String head = line + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + headers
                    + (token == null ? "" : "Authorization: Bearer " + token + "\r\n") + "Content-Length: " + body.length + "\r\n\r\n";
            OutputStream out = Channels.newOutputStream(channel);
            out.write(head.getBytes(StandardCharsets.US_ASCII));
            out.write(body);
            Response r = new Response(channel);
            if (r.status != 200) {
                String text = r.whole();
                if (Json.read(text) instanceof Map<?, ?> m && m.get("error") instanceof Map<?, ?> error) {
                    throw SyncException.of(error);
                }
                throw new IOException("it answered with status " + r.status);
            }
            return r;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Response is an answer of the agent: its status, and a body that may come in chunks. */
    private static final class Response implements AutoCloseable {
        final int status;
        private final SocketChannel channel;
        private final InputStream in;
        private boolean chunked;
        private long left = Long.MAX_VALUE;

        Response(SocketChannel channel) throws IOException {
            this.channel = channel;
            in = new BufferedInputStream(Channels.newInputStream(channel), 1 << 15);
            String[] words = header().split(" ");
            if (words.length < 2 || !words[0].startsWith("HTTP/1.")) {
                throw new IOException("it does not speak HTTP");
            }
            status = Integer.parseInt(words[1]);
            for (String line = header(); !line.isEmpty(); line = header()) {
                String lower = line.toLowerCase(java.util.Locale.ROOT);
                if (lower.startsWith("content-length:")) {
                    left = Long.parseLong(lower.substring("content-length:".length()).trim());
                } else if (lower.startsWith("transfer-encoding:") && lower.endsWith("chunked")) {
                    chunked = true;
                    left = 0;
                }
            }
        }

        private String header() throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int c = in.read(); c != '\n'; c = in.read()) {
                if (c < 0 || line.size() > 1 << 16) {
                    throw new IOException("the answer was cut off");
                }
                if (c != '\r') {
                    line.write(c);
                }
            }
            return line.toString(StandardCharsets.US_ASCII);
        }

        /** The next byte of the body, or -1. */
        private int read() throws IOException {
            if (left == 0 && chunked) {
                String size = header();
                left = Long.parseLong((size.isEmpty() ? header() : size).trim(), 16);
                if (left == 0) {
                    chunked = false;
                }
            }
            if (left == 0) {
                return -1;
            }
            int c = in.read();
            if (c >= 0) {
                left--;
            }
            return c;
        }

        /** The next line of the body, or null. */
        String line() throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int c = read(); c != '\n'; c = read()) {
                if (c < 0) {
                    return null;
                }
                line.write(c);
            }
            return line.toString(StandardCharsets.UTF_8);
        }

        String whole() throws IOException {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            for (int c = read(); c >= 0; c = read()) {
                all.write(c);
            }
            return all.toString(StandardCharsets.UTF_8);
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    /** Lines are the items of a stream, or events, whose lines begin with a prefix. */
    private static final class Lines<T> implements Items<T> {
        private final Response response;
        private final Function<Map<String, Object>, T> make;
        private final String prefix;
        private T next;
        private boolean ended;

        Lines(Response response, Function<Map<String, Object>, T> make, String prefix) {
            this.response = response;
            this.make = make;
            this.prefix = prefix;
        }

        @Override
        @SuppressWarnings("unchecked")
        public boolean hasNext() {
            try {
                while (next == null && !ended) {
                    String line = response.line();
                    if (line == null) {
                        close();
                        if (prefix.isEmpty()) {
                            throw new SyncException("unavailable", "the list was cut off", null);
                        }
                    } else if (line.startsWith(prefix)) {
                        Map<String, Object> value = Json.readObject(line.substring(prefix.length()));
                        if (!prefix.isEmpty()) {
                            next = make.apply(value);
                        } else if (value.get("error") instanceof Map<?, ?> error) {
                            close();
                            throw SyncException.of(error);
                        } else if (value.get("item") instanceof Map<?, ?> item) {
                            next = make.apply((Map<String, Object>) item);
                        } else {
                            close();
                        }
                    }
                }
            } catch (IOException e) {
                close();
                throw unavailable(e);
            }
            return next != null;
        }

        @Override
        public T next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            T one = next;
            next = null;
            return one;
        }

        @Override
        public void close() {
            ended = true;
            try {
                response.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
