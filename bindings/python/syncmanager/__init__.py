"""A person's synced data: bookmarks, history, passwords and more, on this device.

    import syncmanager

    with syncmanager.connect() as client:            # the agent of this user
        client.bookmarks.add(title="Go", url="https://go.dev/")
        for bookmark in client.bookmarks.list():
            print(bookmark["title"])
        client.sync.run()

connect() speaks to the agent; open() has no agent and opens a profile by libsyncmanager. Both
return a Client with the same verbs. A request is the keyword arguments of its verb; an answer
is a dict, as its TypedDict says.
"""

from .doors import Client, Error, HTTPDoor, LibraryDoor, connect, open


__all__ = ["Client", "Error", "HTTPDoor", "LibraryDoor", "connect", "open"]
