package org.syncmanager;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Function;

/** LibraryDoor opens a profile by libsyncmanager. It may be used by several threads. */
final class LibraryDoor implements Door {
    private final Library library;
    private final long handle;

    private LibraryDoor(Library library, long handle) {
        this.library = library;
        this.handle = handle;
    }

    static Door open(Path folder, Path library, OpenOptions options) {
        Library l = new Library(library);
        Map<String, Object> opened = l.answer(l.open, folder.toString(), options.toString());
        return new LibraryDoor(l, (Long) opened.get("handle"));
    }

    @Override
    public Map<String, Object> call(String verb, Map<String, Object> request) {
        return library.answer(library.call, handle, verb, Json.write(request));
    }

    @Override
    public <T> Items<T> stream(String verb, Map<String, Object> request, Function<Map<String, Object>, T> make) {
        Iterator<?> items = ((List<?>) call(verb, request).get("items")).iterator();
        return new Items<>() {
            @Override
            public boolean hasNext() {
                return items.hasNext();
            }

            @Override
            @SuppressWarnings("unchecked")
            public T next() {
                return make.apply((Map<String, Object>) items.next());
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public Items<Api.Event> events(String after) {
        if (after != null) {
            throw new IllegalArgumentException("the library has no past events: its events wait until they are read");
        }
        return new Events();
    }

    /** Events are waited for until the profile is closed. */
    private final class Events implements Items<Api.Event> {
        private boolean closed;

        @Override
        public boolean hasNext() {
            return !closed;
        }

        @Override
        public Api.Event next() {
            if (closed) {
                throw new NoSuchElementException();
            }
            return new Api.Event(library.answer(library.nextEvent, handle, -1));
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    @Override
    public void close() {
        try {
            library.answer(library.close, handle);
        } catch (SyncException e) {
            if (!e.code().equals("unavailable")) {
                throw e;
            }
        }
    }

    /** Library has the functions of the library, which stays loaded: Go cannot be unloaded. */
    private static final class Library {
        final MethodHandle open;
        final MethodHandle call;
        final MethodHandle nextEvent;
        final MethodHandle close;
        private final MethodHandle free;
        private final SymbolLookup symbols;

        Library(Path path) {
            try {
                symbols = SymbolLookup.libraryLookup(path.toAbsolutePath(), Arena.global());
            } catch (IllegalArgumentException e) {
                throw new SyncException("unavailable", path + " cannot be loaded: " + e.getMessage(), e);
            }
            MemoryLayout text = ValueLayout.ADDRESS;
            open = function("sm_open", FunctionDescriptor.of(text, text, text));
            call = function("sm_call", FunctionDescriptor.of(text, ValueLayout.JAVA_LONG, text, text));
            nextEvent = function("sm_next_event", FunctionDescriptor.of(text, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
            close = function("sm_close", FunctionDescriptor.of(text, ValueLayout.JAVA_LONG));
            free = function("sm_free", FunctionDescriptor.ofVoid(text));
        }

        private MethodHandle function(String name, FunctionDescriptor type) {
            MemorySegment address = symbols.find(name)
                    .orElseThrow(() -> new SyncException("unavailable", "the library has no " + name, null));
            return Linker.nativeLinker().downcallHandle(address, type);
        }

        /** Calls a function, whose texts are arguments of type String, and returns its answer. */
        Map<String, Object> answer(MethodHandle function, Object... arguments) {
            String json;
            try (Arena arena = Arena.ofConfined()) {
                for (int i = 0; i < arguments.length; i++) {
                    if (arguments[i] instanceof String s) {
                        arguments[i] = arena.allocateFrom(s);
                    }
                }
                MemorySegment text = (MemorySegment) function.invokeWithArguments(arguments);
                try {
                    json = text.reinterpret(Long.MAX_VALUE).getString(0);
                } finally {
                    free.invokeExact(text);
                }
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e); // the functions of C throw nothing
            }
            Map<String, Object> value = Json.readObject(json);
            if (value.get("error") instanceof Map<?, ?> error) {
                throw SyncException.of(error);
            }
            return value;
        }
    }
}
