# SPDX-License-Identifier: MIT
"""Somebody else's look at a core: drgn reads the memory, bpftool says where members of structs are, and
nothing here asks ksnap. No debug information is needed."""
import os
import re
import subprocess

import drgn


class Second:
    def __init__(self, core, symbols, folder):
        """@symbols: addresses by name."""
        self.prog = drgn.Program()
        self.prog.set_core_dump(core)
        self.symbols = symbols
        start = symbols["__start_BTF"]
        path = folder + "/btf"
        with open(path, "wb") as f:
            f.write(self.prog.read(start, symbols["__stop_BTF"] - start))
        self.offsets = offsets(subprocess.run([os.environ["BPFTOOL"], "btf", "dump", "file", path, "format", "raw"],
                                              stdout=subprocess.PIPE, text=True, check=True).stdout)

    def number(self, at, size=8):
        return int.from_bytes(self.prog.read(at, size), "little")

    def member(self, at, struct, name, size=8):
        return self.number(at + self.offsets[struct, name], size)

    def string(self, at, most=4096):
        return bytes(self.prog.read(at, most)).split(b"\0")[0]

    def per_cpu(self, name, cpu):
        return (self.symbols[name] + self.number(self.symbols["__per_cpu_offset"] + 8 * cpu)) % (1 << 64)

    def processes(self):
        """Addresses of all but the idle task."""
        to_next = self.offsets["task_struct", "tasks"]
        head = self.symbols["init_task"] + to_next
        at = self.number(head)
        while at != head:
            yield at - to_next
            at = self.number(at)

    def maps(self):
        """{id: address} of all BPF maps: an xarray of 64 slots a node."""
        out = {}

        def walk(entry):
            if entry & 3 == 2 and entry > 4096:
                slots = entry - 2 + self.offsets["xa_node", "slots"]
                for i in range(64):
                    walk(self.number(slots + 8 * i))
            elif entry:
                out[self.member(entry, "bpf_map", "id", 4)] = entry

        walk(self.number(self.symbols["map_idr"] + self.offsets["idr", "idr_rt"] + self.offsets["xarray", "xa_head"]))
        return out


def offsets(dump):
    """{(struct, member): bytes from its begin}, also of members within ones without a name."""
    types, names, at = {}, {}, None
    for line in dump.splitlines():
        head = re.match(r"\[(\d+)\] (STRUCT|UNION) '([^']*)'", line)
        member = re.match(r"\t'([^']*)' type_id=(\d+) bits_offset=(\d+)", line)
        if head:
            at = types[int(head[1])] = []
            if head[2] == "STRUCT":
                names.setdefault(head[3], at)
        elif member and at is not None:
            at.append((member[1], int(member[2]), int(member[3]) // 8))
        elif line.startswith("["):
            at = None

    def flat(members, base):
        for name, of, offset in members:
            if name == "(anon)":
                yield from flat(types.get(of, ()), base + offset)
            else:
                yield name, base + offset

    return {(struct, name): at for struct, members in names.items() for name, at in flat(members, 0)}
