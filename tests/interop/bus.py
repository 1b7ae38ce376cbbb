# SPDX-License-Identifier: MIT
"""A client of the message bus, in Python: pyzmq and msgpack, nothing of ksnap.

It is written from the protocol's text and is meant to be read: every rule of the wire is here once.
Nothing sleeps; every wait is a poll with a deadline."""
import itertools
import time

import msgpack
import zmq

WAIT_MS = 20000  # for what must come; a broken broker ends a test, not the patience of its reader
CONTEXT = zmq.Context()


class Late(Exception):
    """Nothing came before the deadline."""


class Refused(Exception):
    """The broker answered with an error."""

    def __init__(self, reply):
        self.reply, e = reply, reply["e"]
        self.code, self.cls, self.msg, self.retry = e["code"], e["class"], e["msg"], e["retry"]
        super().__init__(f"{self.code}: {self.msg}")


def pack(value):
    return msgpack.packb(value, use_bin_type=True)


def unpack(frame):
    return msgpack.unpackb(frame, raw=False, strict_map_key=False)


def left_ms(deadline):
    return max(0, int((deadline - time.monotonic()) * 1000))


def receive(socket, wait_ms=WAIT_MS):
    """The frames of the next message."""
    if not socket.poll(wait_ms, zmq.POLLIN):
        raise Late(f"nothing came within {wait_ms} ms")
    return socket.recv_multipart()


def open_socket(kind, url, identity=None, keys=None):
    """@keys: (public key of the server, own public key, own secret key), or nothing."""
    s = CONTEXT.socket(kind)
    s.linger = 0
    if keys:
        s.curve_serverkey, s.curve_publickey, s.curve_secretkey = keys
    if identity is not None:
        s.setsockopt(zmq.ROUTING_ID, identity)
    s.connect(url)
    return s


class Part:
    """One part of a reply: its envelope and the blobs that stand behind it."""

    def __init__(self, envelope, blobs):
        self.envelope, self.blobs = envelope, blobs

    @property
    def r(self):
        return self.envelope["r"]


def split(frames):
    """A message holds one part, or all of them when a REQ socket asked: each is an envelope, then as many
    blobs as the envelope says."""
    parts = []
    while frames:
        envelope = unpack(frames[0])
        n = envelope.get("blobs", 0)
        if len(frames) < 1 + n:
            raise ValueError(f"{n} blobs announced, {len(frames) - 1} frames left")
        parts.append(Part(envelope, frames[1:1 + n]))
        frames = frames[1 + n:]
    return parts


class Client:
    """A control connection. @kind is zmq.DEALER or zmq.REQ; a REQ socket adds and takes off the empty
    delimiter by itself. With @delimiter a DEALER writes one too, as some libraries do."""

    def __init__(self, url, kind=zmq.DEALER, identity=None, delimiter=False, keys=None):
        self.kind, self.delimiter = kind, delimiter
        self.socket = open_socket(kind, url, identity, keys)
        self.ids = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_raw(self, *frames):
        self.socket.send_multipart(([b""] if self.delimiter else []) + list(frames))

    def send(self, op, p=None, blobs=(), b=None, t=None, id=None):
        """Send one request; its id, for the reply."""
        id = next(self.ids) if id is None else id
        envelope = {"v": 1, "id": id, "op": op}
        for key, value in ("b", b), ("p", p), ("t", t):
            if value is not None:
                envelope[key] = value
        self.send_raw(pack(envelope), *blobs)
        return id

    def receive(self, wait_ms=WAIT_MS):
        """All parts of the next reply, whatever request it belongs to."""
        deadline, parts = time.monotonic() + wait_ms / 1000, []
        while not parts or parts[-1].envelope.get("more"):
            frames = receive(self.socket, left_ms(deadline))
            if self.delimiter:
                if frames.pop(0) != b"":
                    raise ValueError("the reply does not mirror the delimiter")
            parts += split(frames)
        return parts

    def parts(self, op, p=None, blobs=(), **more):
        """Ask, and give all parts of the reply; raises Refused."""
        id = self.send(op, p, blobs, **more)
        parts = self.receive()
        for part in parts:
            if part.envelope["id"] != id:
                raise ValueError(f"reply to {part.envelope['id']!r}, asked was {id!r}")
        if not parts[-1].envelope["ok"]:
            raise Refused(parts[-1].envelope)
        return parts

    def part(self, op, p=None, blobs=(), **more):
        """Ask for a reply of one part."""
        parts = self.parts(op, p, blobs, **more)
        if len(parts) != 1:
            raise ValueError(f"{op} answered in {len(parts)} parts")
        return parts[0]

    def call(self, op, p=None, blobs=(), **more):
        return self.part(op, p, blobs, **more).r

    def refusal(self, op, p=None, blobs=(), **more):
        """Ask for what must be refused; the refusal."""
        try:
            r = self.call(op, p, blobs, **more)
        except Refused as e:
            return e
        raise AssertionError(f"{op} {p} was not refused: {r}")


class Live:
    """A subscription. Ready when made: the broker answers a subscription with a beat, and subscriptions
    take effect in order."""

    def __init__(self, url, *channels, keys=None):
        self.socket = CONTEXT.socket(zmq.SUB)
        self.socket.linger = 0
        self.socket.rcvhwm = 0
        if keys:
            self.socket.curve_serverkey, self.socket.curve_publickey, self.socket.curve_secretkey = keys
        for channel in channels + ("beat",):
            self.socket.setsockopt(zmq.SUBSCRIBE, channel.encode())
        self.socket.connect(url)
        self.first_beat = self.next(lambda h: h["k"] == "beat")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def message(self, wait_ms=WAIT_MS):
        """(channel, header, payload or None)."""
        channel, header, *payload = receive(self.socket, wait_ms)
        if len(payload) > 1:
            raise ValueError(f"{len(payload)} payload frames")
        return channel.decode(), unpack(header), payload[0] if payload else None

    def wait(self, want, wait_ms=WAIT_MS):
        """The first message whose header @want accepts; others are passed over."""
        deadline = time.monotonic() + wait_ms / 1000
        while True:
            message = self.message(left_ms(deadline))
            if want(message[1]):
                return message

    def next(self, want):
        return self.wait(want)[1]

    def upto(self, want):
        """All messages but beats, up to the one that @want accepts."""
        got = []
        while not got or not want(got[-1][1]):
            got.append(self.wait(lambda h: h["k"] != "beat"))
        return got
