# SPDX-License-Identifier: MIT
"""The thing under test: `ksnap serve` in a folder of its own, on ipc and on tcp."""
import collections
import os
import shutil
import signal
import subprocess
import tempfile
import threading

from bus import Client

READY_S = 30
STOP_S = 30
FIXTURE = "fixture:maps=2,entries=10"


class Broker:
    """Use with `with`: ready inside it, and gone with all its workers behind it."""

    def __init__(self, *targets, args=(), dir=None, env=None):
        self.kept = dir is not None  # by whoever named it
        self.dir = dir or tempfile.mkdtemp(prefix="ksnap-")
        self.ipc, self.live, self.work = (f"ipc://{self.dir}/{name}" for name in ("control", "live", "work"))
        self.said = collections.deque(maxlen=200)
        self.ready = threading.Event()
        command = [os.environ["KSNAP"], "serve", "--bind", self.ipc, "--bind", "tcp://127.0.0.1:*", "--insecure",
                   "--bind-live", self.live, "--bind-work", self.work]
        for target in targets or (FIXTURE,):
            command += ["--target", target]
        self.process = subprocess.Popen(command + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace",
                                        env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            if line.startswith("ksnap: serving"):
                self.ready.set()
        self.ready.set()

    def tell(self):
        """What it said, as TAP comments."""
        print("# ---- ksnap serve said:")
        for line in self.said:
            print("#", line)

    def __enter__(self):
        try:
            if not self.ready.wait(READY_S) or self.process.poll() is not None:
                raise RuntimeError("ksnap serve did not get ready")
            with Client(self.ipc) as client:
                bound = client.call("status")["endpoints"]
            self.tcp = next(url for url in bound["control"] if url.startswith("tcp://"))
        except BaseException:
            self.tell()
            self.process.kill()
            self.clean()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop()
        finally:
            self.clean()

    def stop(self):
        """Ask it to end, and see that it does so in good order; nothing to do when it has ended."""
        if self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.tell()
            raise
        self.reader.join(STOP_S)
        if status != 0:
            self.tell()
            raise RuntimeError(f"ksnap serve ended with status {status}")

    def clean(self):
        self.process.wait()
        if not self.kept:
            shutil.rmtree(self.dir, ignore_errors=True)

    def client(self, **options):
        return Client(self.ipc, **options)
