import java.nio.file.Path;

import org.syncmanager.Client;

/** Calls a verb many times, and prints how many nanoseconds that took: Rate http SOCKET N | library LIBRARY FOLDER N. */
public final class Rate {
    private Rate() {}

    public static void main(String[] given) {
        try (Client client = given[0].equals("http") ? Client.connect(Path.of(given[1])) : Client.open(Path.of(given[2]), Path.of(given[1]), null)) {
            client.version();
            int n = Integer.parseInt(given[given.length - 1]);
            long begun = System.nanoTime();
            for (int i = 0; i < n; i++) {
                client.version();
            }
            System.out.println(System.nanoTime() - begun);
        }
    }
}
