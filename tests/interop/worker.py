# SPDX-License-Identifier: MIT
"""A capture worker in Python, from the text of schemas/work.lua, in a thread of its own.

It serves jobs from a table of functions {op: function(params, blobs) -> (result, blob or None)}; one that
raises Failed answers with that error; an op that is not in the table is left unanswered and the job
remembered, so that a test can hold one as long as it wants."""
import itertools
import os
import queue
import random
import socket as host
import threading
import time

import zmq

from bus import CONTEXT, Late, WAIT_MS, left_ms, open_socket, pack, unpack
from shapes import check


doors = itertools.count(1)


class Failed(Exception):
    def __init__(self, code, cls, msg, retry=False):
        super().__init__(msg)
        self.e = {"code": code, "class": cls, "msg": msg, "retry": retry}


class Worker:
    """Joined when made. The routing id of the socket is the worker's name and its life."""

    def __init__(self, url, name, target, jobs=(), accessor=1, life=None, keys=None):
        self.name, self.target, self.jobs, self.accessor = name, target, dict(jobs), accessor
        self.life = random.getrandbits(64) if life is None else life
        self.seqno, self.error = (1 if accessor == 1 else 0), None
        self.got = queue.Queue()  # every message of the broker, in order
        self.socket = open_socket(zmq.DEALER, url, f"{name}#{self.life:x}".encode(), keys)
        self.inbox = CONTEXT.socket(zmq.PAIR)
        self.outbox = CONTEXT.socket(zmq.PAIR)
        door = f"inproc://worker-{next(doors)}"
        self.inbox.bind(door)
        self.outbox.connect(door)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        self.welcome = self.wait("welcome")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Gone without a word, as after kill -9."""
        if self.thread.is_alive():
            self.outbox.send(b"")
            self.thread.join()
        for s in self.inbox, self.outbox:
            s.close(0)

    def wait(self, k, wait_ms=WAIT_MS):
        """The next message of kind @k; others are passed over."""
        deadline = time.monotonic() + wait_ms / 1000
        while True:
            try:
                message = self.got.get(timeout=left_ms(deadline) / 1000)
            except queue.Empty:
                raise Late(f"the broker sent worker {self.name} no {k}") from None
            if message["k"] == k:
                return message

    def tell(self, accessor, seqno, error=None):
        """Beat at once with another state of the accessor."""
        self.accessor, self.seqno, self.error = accessor, seqno, error
        self.send(self.beat_message())

    def send(self, message, *blobs):
        """Any message, from the test's thread."""
        self.outbox.send_multipart([pack(message), *blobs])

    def done(self, job, r=None, e=None, blob=None):
        message = {"k": "done", "job": job, "ok": e is None}
        message["r" if e is None else "e"] = r if e is None else e
        self.send(message, *([blob] if blob is not None else []))

    # ---- what follows runs in the worker's thread

    def join_message(self):
        join = {"k": "join", "v": 1, "name": self.name, "target": self.target, "kind": "python", "pid": os.getpid(),
                "host": host.gethostname()}
        return {**join, "life": self.life} if self.life else join  # 0: it is left out

    def beat_message(self):
        beat = {"k": "beat", "accessor": self.accessor, "seqno": self.seqno}
        return {**beat, "error": self.error} if self.error else beat

    def serve(self):
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.inbox, zmq.POLLIN)
        self.socket.send(pack(self.join_message()))
        welcomed, beat_ms, next_beat = False, 1000, time.monotonic() + 1
        while True:
            ready = dict(poller.poll(left_ms(next_beat)))
            if self.inbox in ready:
                frames = self.inbox.recv_multipart()
                if frames == [b""]:
                    break
                self.socket.send_multipart(frames)
            if self.socket in ready:
                frames = self.socket.recv_multipart()
                message = unpack(frames[0])
                if message["k"] == "welcome":
                    welcomed, beat_ms = True, message["heartbeat_ms"]
                    self.socket.send(pack(self.beat_message()))
                self.got.put(message)
                if message["k"] == "job" and message["op"] in self.jobs:
                    self.work(message, frames[1:])
            if time.monotonic() >= next_beat:
                self.socket.send(pack(self.beat_message() if welcomed else self.join_message()))
                next_beat = time.monotonic() + beat_ms / 1000
        self.socket.close(0)

    def work(self, message, blobs):
        done, blob = {"k": "done", "job": message["job"]}, None
        try:
            check("work_job", message)
            r, blob = self.jobs[message["op"]](message["p"], blobs)
            done.update(ok=True, r=r)
        except Failed as e:
            done.update(ok=False, e=e.e)
        except Exception as e:  # a fault of the test itself: the one who asked sees it
            done.update(ok=False, e={"code": "E_INTERNAL", "class": "internal", "msg": repr(e), "retry": False})
        self.socket.send_multipart([pack(done)] + ([blob] if blob is not None else []))
