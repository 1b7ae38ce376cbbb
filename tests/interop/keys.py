# SPDX-License-Identifier: MIT
"""Keys of a broker, of its clients and workers, and the file of those that are authorised."""
import os
import shutil
import subprocess
import tempfile

ROLES = ["observe", "capture", "watch", "write", "admin"]


class Keys:
    """The file of authorised keys, and the pairs of those in it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="ksnap-keys-")
        self.secret, self.file = f"{self.dir}/server", f"{self.dir}/authorised"
        self.server, _ = self.keygen("server")
        self.pairs, self.lines = {}, {}
        for role in ROLES + ["worker"]:
            self.add(role, role)
        self.write()

    def keygen(self, name):
        """(public, secret) as `ksnap keygen` wrote them."""
        subprocess.run([os.environ["KSNAP"], "keygen", f"{self.dir}/{name}"], check=True, capture_output=True)
        with open(f"{self.dir}/{name}") as f:
            words = dict(line.split() for line in f if not line.startswith("#"))
        return words["public"].encode(), words["secret"].encode()

    def add(self, name, roles):
        self.pairs[name] = self.keygen(name)
        self.lines[name] = f"{self.pairs[name][0].decode()} {roles} {name}"

    def write(self):
        with open(self.file, "w") as f:
            f.write("# who may connect\n\n" + "\n".join(self.lines.values()) + "\n")
        os.chmod(self.file, 0o600)

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def of(self, name):
        return (self.server, *self.pairs[name])
