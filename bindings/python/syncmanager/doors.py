"""The two ways to the verbs: HTTP to the agent, and the C library."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import socket
import sys
from typing import Any, Dict, Iterator, Optional

from . import verbs


class Error(Exception):
    """A call failed. code is stable, and the message is for a person."""

    def __init__(self, error: Dict[str, Any]) -> None:
        super().__init__(error.get("message", ""))
        self.code: str = error.get("code", "internal")
        self.field: Optional[str] = error.get("field")
        self.id: Optional[str] = error.get("id")
        self.retry_at: Optional[str] = error.get("retryAt")


class Client(verbs.Client):
    """All verbs over a door, and its events."""

    def __init__(self, door: Any) -> None:
        super().__init__(door)
        self._door = door

    def events(self, after: str = "", timeout: Optional[float] = None) -> Iterator[verbs.Event]:
        """Yields events as they happen: those after the one with an ID, or from now on.

        Ends when nothing came for timeout seconds; None: never.
        """
        return self._door.events(after, timeout)

    def close(self) -> None:
        self._door.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: Optional[float]) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class HTTPDoor:
    """Calls the agent: over its Unix socket, or over loopback with a token.

    A door may be used by several threads: each call has a connection of its own.
    """

    def __init__(self, path: Optional[str] = None, address: Optional[str] = None, token: Optional[str] = None, timeout: Optional[float] = 300) -> None:
        if (path is None) == (address is None):
            raise ValueError("give the path of the socket or the address HOST:PORT")
        self._path, self._address, self._token, self._timeout = path, address, token, timeout

    def _connect(self, timeout: Optional[float]) -> http.client.HTTPConnection:
        if self._path is not None:
            return _UnixConnection(self._path, timeout)
        return http.client.HTTPConnection(self._address or "", timeout=timeout)

    def _request(self, connection: http.client.HTTPConnection, method: str, path: str, body: Optional[bytes], headers: Dict[str, str]) -> http.client.HTTPResponse:
        if self._token is not None:
            headers = {**headers, "Authorization": "Bearer " + self._token}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise _error(response.read(), response.status)
        return response

    def _post(self, connection: http.client.HTTPConnection, verb: str, request: Any) -> http.client.HTTPResponse:
        body = json.dumps(request).encode()
        return self._request(connection, "POST", "/v1/" + verb, body, {"Content-Type": "application/json"})

    def call(self, verb: str, request: Any) -> Any:
        connection = self._connect(self._timeout)
        try:
            return json.loads(self._post(connection, verb, request).read())
        finally:
            connection.close()

    def stream(self, verb: str, request: Any) -> Iterator[Any]:
        connection = self._connect(self._timeout)
        try:
            for line in self._post(connection, verb, request):
                value = json.loads(line)
                if "end" in value:
                    return
                if "error" in value:
                    raise Error(value["error"])
                yield value["item"]
            raise Error({"code": "unavailable", "message": "the list was cut off"})
        finally:
            connection.close()

    def events(self, after: str = "", timeout: Optional[float] = None) -> Iterator[Any]:
        connection = self._connect(timeout)
        headers = {"Last-Event-ID": after} if after else {}
        response = self._request(connection, "GET", "/v1/events", None, headers)
        return self._events(connection, response)

    def _events(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> Iterator[Any]:
        try:
            for line in response:
                if line.startswith(b"data: "):
                    yield json.loads(line[len(b"data: "):])
        except socket.timeout:
            return
        finally:
            connection.close()

    def close(self) -> None:
        pass


def _error(body: bytes, status: int) -> Error:
    try:
        return Error(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return Error({"code": "unavailable", "message": "the agent answered with status %d" % status})


def _library() -> str:
    """Returns the library that is in the package, or its name, by which the system finds it."""
    name = {"win32": "libsyncmanager.dll", "darwin": "libsyncmanager.dylib"}.get(sys.platform, "libsyncmanager.so")
    inside = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    return inside if os.path.exists(inside) else name


class LibraryDoor:
    """Opens a profile by libsyncmanager. It may be used by several threads."""

    def __init__(self, folder: str, library: Optional[str] = None, **options: Any) -> None:
        if "\0" in folder:
            raise ValueError("the name of a folder has no zero byte")
        lib = ctypes.CDLL(library or _library())
        for name, arguments in (
            ("sm_open", [ctypes.c_char_p, ctypes.c_char_p]),
            ("sm_call", [ctypes.c_uint64, ctypes.c_char_p, ctypes.c_char_p]),
            ("sm_next_event", [ctypes.c_uint64, ctypes.c_int]),
            ("sm_close", [ctypes.c_uint64]),
        ):
            function = getattr(lib, name)
            # A c_char_p would be copied, and what sm_free frees would be lost.
            function.argtypes, function.restype = arguments, ctypes.c_void_p
        lib.sm_free.argtypes, lib.sm_free.restype = [ctypes.c_void_p], None
        self._lib = lib
        self._handle = self._answer(lib.sm_open(os.fsencode(folder), json.dumps(options).encode()))["handle"]

    def _answer(self, pointer: Optional[int]) -> Any:
        if not pointer:
            return None
        try:
            value = json.loads(ctypes.string_at(pointer))
        finally:
            self._lib.sm_free(pointer)
        if "error" in value:
            raise Error(value["error"])
        return value

    def call(self, verb: str, request: Any) -> Any:
        return self._answer(self._lib.sm_call(self._handle, verb.encode(), json.dumps(request).encode()))

    def stream(self, verb: str, request: Any) -> Iterator[Any]:
        return iter(self.call(verb, request)["items"])

    def events(self, after: str = "", timeout: Optional[float] = None) -> Iterator[Any]:
        if after:
            raise ValueError("the library has no past events: its events wait until they are read")
        milliseconds = -1 if timeout is None else int(timeout * 1000)
        while True:
            event = self._answer(self._lib.sm_next_event(self._handle, milliseconds))
            if event is None:
                return
            yield event

    def close(self) -> None:
        """Closes the profile. Closing it again does nothing."""
        try:
            self._answer(self._lib.sm_close(self._handle))
        except Error as error:
            if error.code != "unavailable":
                raise


def connect(path: Optional[str] = None, address: Optional[str] = None, token: Optional[str] = None) -> Client:
    """Returns a client of the agent: at a socket, or at HOST:PORT with a token.

    Without either, SYNCMANAGER_SOCKET names the socket.
    """
    if path is None and address is None:
        path = os.environ["SYNCMANAGER_SOCKET"]
    return Client(HTTPDoor(path, address, token))


def open(folder: str, library: Optional[str] = None, **options: Any) -> Client:
    """Opens a profile by libsyncmanager; options are those of sm_open.

    library is the path of the library. Without it, it is the one in the package, or the one that
    the system finds.
    """
    return Client(LibraryDoor(folder, library, **options))
