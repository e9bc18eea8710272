"""The story that each client tells: two devices, three engines, a conflict, an undo, an event.

usage: story.py http SOCKET SOCKET | story.py library LIBRARY FOLDER FOLDER

An empty LIBRARY is the one that the package finds.
"""

import sys

import syncmanager


def devices(arguments):
    if arguments[0] == "http":
        return [syncmanager.connect(path) for path in arguments[1:]]
    return [syncmanager.open(folder, arguments[1] or None, secrets=True) for folder in arguments[2:]]


def main(arguments):
    laptop, phone = devices(arguments)
    with laptop, phone:
        added = laptop.bookmarks.add(title="Go", url="https://go.dev/", tags=["go"])
        laptop.history.add(url="https://go.dev/doc", title="Doc")
        laptop.forms.add(name="q", value="go")
        events = phone.events(timeout=60)
        assert laptop.sync.run()["status"] == "ok"
        result = phone.sync.run()
        assert result["status"] == "ok", result

        seen = phone.bookmarks.get(id=added["id"])
        assert (seen["title"], seen["tags"]) == ("Go", ["go"]), seen
        assert [page["histUri"] for page in phone.history.list()] == ["https://go.dev/doc"]
        assert [entry["value"] for entry in phone.forms.list()] == ["go"]
        kinds = set()
        for event in events:
            kinds.add(event["type"])
            if event["type"] == "sync.ended":
                break
        assert kinds >= {"sync.begun", "changed", "sync.ended"}, kinds

        phone.bookmarks.update(id=seen["id"], etag=seen["etag"], title="Go!")
        try:
            phone.bookmarks.update(id=seen["id"], etag=seen["etag"], title="Golang")
            raise AssertionError("an edit of what changed since was taken")
        except syncmanager.Error as error:
            assert error.code == "conflict", error.code
        phone.sync.run()
        laptop.sync.run()
        assert laptop.bookmarks.get(id=added["id"])["title"] == "Go!"
        undone = laptop.bookmarks.undo()
        assert undone["reverted"] == 1, undone
        assert laptop.bookmarks.get(id=added["id"])["title"] == "Go"
    print("two devices, three engines, a conflict, an undo, an event")


main(sys.argv[1:])
