# SPDX-License-Identifier: MIT
"""CurveZMQ (rfc.zeromq.org/spec/26) by hand: a peer with a key, for what no ZeroMQ library would send, and a
server that sends it to who connects. The boxes are libsodium's, which libzmq needs, too."""
import ctypes
import os
import socket

from zmq.utils import z85

from zmtp import LONG, Peer, metadata

CURVE = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0")
COMMAND_WITHIN = 2  # a flag of a MESSAGE: those of the frame around it are others
MAC = 16

sodium = ctypes.CDLL("libsodium.so.23")


def pair():
    """(public, secret)"""
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    sodium.crypto_box_keypair(public, secret)
    return public.raw, secret.raw


def box(plain, nonce, public, secret):
    out = ctypes.create_string_buffer(len(plain) + MAC)
    sodium.crypto_box_easy(out, plain, ctypes.c_ulonglong(len(plain)), nonce, public, secret)
    return out.raw


def opened(sealed, nonce, public, secret):
    if len(sealed) < MAC:
        raise ValueError("that is no box")
    out = ctypes.create_string_buffer(max(len(sealed) - MAC, 1))
    if sodium.crypto_box_open_easy(out, sealed, ctypes.c_ulonglong(len(sealed)), nonce, public, secret):
        raise ValueError("a box does not open")
    return out.raw[:len(sealed) - MAC]


class Sealed:
    """What both sides do when hands are shaken. Needs read() of Peer, and `sends` and `reads`: what the prefix of a
    message's nonce ends with."""
    n = 0

    def nonce(self):
        self.n += 1
        return self.n.to_bytes(8, "big")

    def box(self, plain, nonce):
        return box(plain, nonce, self.their_brief, self.brief_secret)

    def opened(self, sealed, nonce):
        return opened(sealed, nonce, self.their_brief, self.brief_secret)

    def seal(self, body, within=0, around=0):
        """A frame of @body with those flags @within the box and @around it."""
        n = self.nonce()
        sealed = b"\x07MESSAGE" + n + self.box(bytes([within]) + body, b"CurveZMQMESSAGE" + self.sends + n)
        return bytes([around | LONG]) + len(sealed).to_bytes(8, "big") + sealed

    def unseal(self):
        """(flags within, bytes) of the next message or command; None at the end."""
        flags, body = self.read()
        if flags == b"":
            return None
        if body[:8] != b"\x07MESSAGE":
            raise ValueError(f"no MESSAGE but {body[:9]}")
        plain = self.opened(body[16:], b"CurveZMQMESSAGE" + self.reads + body[8:16])
        return plain[0], plain[1:]

    def until_pong(self):
        """The next PONG, or None when the connection ends before one."""
        try:
            while (got := self.unseal()) and not (got[0] & COMMAND_WITHIN and got[1][:5] == b"\x04PONG"):
                pass
        except ConnectionError:
            return None
        return got and got[1]


class CurvePeer(Sealed, Peer):
    """Connected with @keys as of Keys.of(): the server's public one, its own public and secret one."""
    greeting = CURVE + b"\0" + bytes(31)
    sends, reads = b"C", b"S"

    def __init__(self, url, keys, *properties):
        self.server, self.public, self.secret = (z85.decode(key) for key in keys)
        super().__init__(url, *properties)

    def shake_hands(self, properties):
        self.brief, self.brief_secret = pair()
        n = self.nonce()
        hello = box(bytes(64), b"CurveZMQHELLO---" + n, self.server, self.brief_secret)
        self.command(b"\x05HELLO\1\0" + bytes(72) + self.brief + n + hello)
        welcome = self.read()[1]
        plain = opened(welcome[24:], b"WELCOME-" + welcome[8:24], self.server, self.brief_secret)
        self.their_brief, cookie = plain[:32], plain[32:]
        salt, n = os.urandom(16), self.nonce()
        vouch = box(self.brief + self.server, b"VOUCH---" + salt, self.their_brief, self.secret)
        plain = self.public + salt + vouch + properties
        self.command(b"\x08INITIATE" + cookie + n + self.box(plain, b"CurveZMQINITIATE" + n))
        return (self.read()[1] or b"")[1:6] == b"READY"


class CurveServer(Sealed, Peer):
    """Of one client, of any key: the next one that connects to @listener."""
    sends, reads = b"S", b"C"

    def __init__(self, listener, server_secret, properties):
        self.socket, _ = listener.accept()
        self.socket.settimeout(20)
        self.file = self.socket.makefile("rb")
        self.socket.sendall(CURVE + b"\1" + bytes(31))
        self.file.read(64)
        self.secret = z85.decode(server_secret)
        self.shake_hands(metadata(properties))

    def heard(self):
        body = self.read()[1]
        if not body:
            raise ConnectionError("the client is gone")
        return body

    def shake_hands(self, properties):
        self.brief, self.brief_secret = pair()
        hello = self.heard()
        self.their_brief, salt = hello[80:112], os.urandom(16)
        no_cookie = bytes(96)  # this server knows whom it talks to
        welcome = box(self.brief + no_cookie, b"WELCOME-" + salt, self.their_brief, self.secret)
        self.command(b"\x07WELCOME" + salt + welcome)
        initiate = self.heard()
        self.opened(initiate[113:], b"CurveZMQINITIATE" + initiate[105:113])
        n = self.nonce()
        self.command(b"\x05READY" + n + self.box(properties, b"CurveZMQREADY---" + n))
