# SPDX-License-Identifier: MIT
"""ZMTP 3.1 by hand over a plain socket, for what no ZeroMQ library would send, and for a peer that does not
read. No keys: the NULL mechanism."""
import socket

from bus import pack, unpack

MORE, LONG, COMMAND = 1, 2, 4
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)


def metadata(properties):
    return b"".join(bytes([len(k)]) + k + len(v).to_bytes(4, "big") + v for k, v in properties)


class Peer:
    """Connected, its handshake done with any @properties."""
    greeting = GREETING

    def __init__(self, url, properties=((b"Socket-Type", b"DEALER"), (b"Identity", b""))):
        where = url.split("://")[1]
        if url.startswith("ipc"):
            self.socket = socket.socket(socket.AF_UNIX)
            address = where
        else:
            self.socket = socket.socket()
            address = (where.split(":")[0], int(where.split(":")[1]))
        self.socket.settimeout(20)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")
        self.socket.sendall(self.greeting)
        if len(self.file.read(64)) != 64 or not self.shake_hands(metadata(properties)):
            raise ValueError("the handshake failed")

    def shake_hands(self, properties):
        self.command(b"\x05READY" + properties)
        return self.read()[1][1:6] == b"READY"

    def command(self, body):
        size = bytes([COMMAND | LONG]) + len(body).to_bytes(8, "big") if len(body) > 255 else bytes([COMMAND, len(body)])
        self.socket.sendall(size + body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def read(self):
        """(flags, bytes) of the next frame or command; b"" flags at the end."""
        flags = self.file.read(1)
        if not flags:
            return b"", b""
        size = int.from_bytes(self.file.read(8 if flags[0] & LONG else 1), "big")
        return flags[0], self.file.read(size)

    def frame(self, data, more=False):
        if len(data) > 255:
            return bytes([LONG | more]) + len(data).to_bytes(8, "big") + data
        return bytes([int(more), len(data)]) + data

    def message(self):
        """The bytes of the next frame that is no command: heartbeats come at any time."""
        while True:
            flags, body = self.read()
            if flags == b"":
                raise ConnectionError("the broker closed the connection")
            if not flags & COMMAND:
                return body

    def ask(self, request):
        """Send @request, and give the reply."""
        self.socket.sendall(self.frame(pack(request)))
        return unpack(self.message())

    def closed(self):
        """Read until the broker closes; False when it does not within the time of the socket."""
        try:
            while self.read()[0] != b"":
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True
