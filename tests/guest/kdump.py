# SPDX-License-Identifier: MIT
"""A core as kdump leaves it, out of one that qemu wrote: VMCOREINFO among the notes, a segment for the
kernel's text at the address it runs at, and one for each piece of memory at its address in the direct
map. The bytes are copied once; the text's segment is a part of another one's."""
import mmap
import re
import struct

EHDR, PHDR = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ")
PT_LOAD, PT_NOTE = 1, 4
KERNEL_MAP = 0xffffffff80000000


def headers(core):
    """(type, offset, physical address, bytes) of each segment."""
    eh = EHDR.unpack_from(core)
    for i in range(eh[10]):
        kind, _, offset, _, paddr, size, _, _ = PHDR.unpack_from(core, eh[5] + i * PHDR.size)
        yield kind, offset, paddr, size


def vmcoreinfo(core):
    """The page in which the kernel says where its things are."""
    at = core.find(b"OSRELEASE=")
    while at >= 0:
        text = core[at:at + 4096].split(b"\0")[0]
        if b"SYMBOL(swapper_pg_dir)" in text and b"KERNELOFFSET=" in text:
            return text
        at = core.find(b"OSRELEASE=", at + 1)
    raise AssertionError("the core holds no VMCOREINFO")


def note(name, kind, data):
    name += b"\0"
    pad = lambda b: b + b"\0" * (-len(b) % 4)
    return struct.pack("<III", len(name), len(data), kind) + pad(name) + pad(data)


def segments(loads, info, symbols):
    """(virtual address, physical address, bytes, offset in the old core)."""
    phys_base = int(re.search(rb"NUMBER\(phys_base\)=(-?\d+)", info)[1])
    start = symbols["_stext"]
    paddr = start - KERNEL_MAP + phys_base
    for offset, base, size in loads:
        if base <= paddr < base + size:
            yield start, paddr, min(symbols["_end"] - start, base + size - paddr), offset + paddr - base
    for offset, base, size in loads:
        half = size // 2 // 4096 * 4096  # more pieces than qemu makes
        yield symbols["page_offset_base"] + base, base, half, offset
        yield symbols["page_offset_base"] + base + half, base + half, size - half, offset + half


def convert(source, target, symbols):
    """@symbols: addresses of _stext and _end, and what is in page_offset_base."""
    with open(source, "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as core, open(target, "wb") as out:
        info, old = vmcoreinfo(core), list(headers(core))
        offset, _, size = next(h[1:] for h in old if h[0] == PT_NOTE)
        notes = core[offset:offset + size] + note(b"VMCOREINFO", 0, info)
        loads = list(segments([h[1:] for h in old if h[0] == PT_LOAD], info, symbols))
        begin = EHDR.size + PHDR.size * (1 + len(loads))
        shift = (begin + len(notes) + 4095) // 4096 * 4096 - min(h[1] for h in old if h[0] == PT_LOAD)
        out.write(EHDR.pack(*EHDR.unpack_from(core)[:5], EHDR.size, 0, 0, EHDR.size, PHDR.size, 1 + len(loads), 0, 0, 0))
        out.write(PHDR.pack(PT_NOTE, 0, begin, 0, 0, len(notes), len(notes), 0))
        for vaddr, paddr, length, at in loads:
            out.write(PHDR.pack(PT_LOAD, 7, at + shift, vaddr, paddr, length, length, 0))
        out.write(notes)
        first = min(h[1] for h in old if h[0] == PT_LOAD)
        out.seek(first + shift)
        for at in range(first, len(core), 1 << 20):
            piece = core[at:at + (1 << 20)]
            if piece.strip(b"\0"):
                out.seek(at + shift)
                out.write(piece)
        out.truncate(len(core) + shift)
