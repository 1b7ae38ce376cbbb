# SPDX-License-Identifier: MIT
"""A proxy from a port on tcp to a Unix socket that cuts its connections when told to."""
import os
import selectors
import socket
import threading


class Cutter:
    def __init__(self, path):
        self.path, self.pairs, self.cuts = path, {}, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.ring, self.bell = os.pipe()
        self.selector.register(self.ring, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def cut(self):
        """All connections, wherever they are in a message."""
        self.tell(b"c")

    def close(self):
        self.tell(b"e")
        self.thread.join()
        for s in [self.listener, *self.pairs]:
            s.close()
        os.close(self.bell)
        os.close(self.ring)
        self.selector.close()

    def tell(self, letter):
        os.write(self.bell, letter)

    def accept(self):
        near, _ = self.listener.accept()
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(self.path)
        except OSError:
            near.close()
            far.close()
            return
        for one, other in (near, far), (far, near):
            self.pairs[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def drop(self, one):
        other = self.pairs.get(one)
        for s in one, other:
            if self.pairs.pop(s, None):
                self.selector.unregister(s)
                s.close()

    def move(self, one):
        other = self.pairs.get(one)
        if not other:
            return
        try:
            data = one.recv(65536)
            if data:
                other.sendall(data)
        except OSError:
            data = b""
        if not data:
            self.drop(one)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj != self.ring:
                    self.move(key.fileobj)
                elif b"e" in os.read(self.ring, 64):
                    return
                else:
                    self.cuts += len(self.pairs) // 2
                    for one in list(self.pairs):
                        self.drop(one)
