import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import org.syncmanager.Api;
import org.syncmanager.Client;
import org.syncmanager.Items;
import org.syncmanager.OpenOptions;
import org.syncmanager.SyncException;

/**
 * The story that each client tells: two devices, three engines, a conflict, an undo, an event.
 *
 * <p>usage: Story http SOCKET SOCKET | Story library LIBRARY FOLDER FOLDER
 */
public final class Story {
    private static void expect(Object got, Object want) {
        if (!want.equals(got)) {
            throw new AssertionError("got " + got + "; want " + want);
        }
    }

    private static Client device(String[] arguments, int n) {
        if (arguments[0].equals("http")) {
            return Client.connect(Path.of(arguments[n]));
        }
        return Client.open(Path.of(arguments[n + 1]), Path.of(arguments[1]), new OpenOptions().secrets(true));
    }

    public static void main(String[] arguments) {
        try (Client laptop = device(arguments, 1); Client phone = device(arguments, 2)) {
            story(laptop, phone);
        }
        System.out.println("two devices, three engines, a conflict, an undo, an event");
    }

    private static void story(Client laptop, Client phone) {
        Api.Bookmark added = laptop.bookmarks.add(new Api.AddBookmark().title("Go").url("https://go.dev/").tags(List.of("go")));
        laptop.history.add(new Api.AddVisit().url("https://go.dev/doc").title("Doc"));
        laptop.forms.add(new Api.FormFields().name("q").value("go"));
        Set<String> kinds = new HashSet<>();
        try (Items<Api.Event> events = phone.events()) {
            expect(laptop.sync.run().status(), "ok");
            expect(phone.sync.run().status(), "ok");
            while (!kinds.contains("sync.ended")) {
                kinds.add(events.next().type());
            }
        }
        expect(kinds.containsAll(List.of("sync.begun", "changed")), true);

        Api.Bookmark seen = phone.bookmarks.get(new Api.ID().id(added.id()));
        expect(seen.title(), "Go");
        expect(seen.tags(), List.of("go"));
        List<String> urls = new ArrayList<>();
        for (Api.Page page : phone.history.list()) {
            urls.add(page.histUri());
        }
        expect(urls, List.of("https://go.dev/doc"));
        List<String> values = new ArrayList<>();
        for (Api.FormEntry entry : phone.forms.list()) {
            values.add(entry.value());
        }
        expect(values, List.of("go"));

        phone.bookmarks.update(new Api.UpdateBookmark().id(seen.id()).etag(seen.etag()).title("Go!"));
        try {
            phone.bookmarks.update(new Api.UpdateBookmark().id(seen.id()).etag(seen.etag()).title("Golang"));
            throw new AssertionError("an edit of what changed since was taken");
        } catch (SyncException e) {
            expect(e.code(), "conflict");
        }
        phone.sync.run();
        laptop.sync.run();
        expect(laptop.bookmarks.get(new Api.ID().id(added.id())).title(), "Go!");
        expect(laptop.bookmarks.undo().reverted(), 1L);
        expect(laptop.bookmarks.get(new Api.ID().id(added.id())).title(), "Go");
    }
}
