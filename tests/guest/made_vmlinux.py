# SPDX-License-Identifier: MIT
"""A vmlinux with nothing in it but what tells which kernel it is: symbols, a build id, and the version text."""
import struct

EHDR, SHDR, SYM = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQIIQQ"), struct.Struct("<IBBHQQ")
PROGBITS, SYMTAB, STRTAB, NOTE = 1, 2, 3, 7
TEXT = 2  # number of the section that symbols are in


def symbol_table(symbols):
    names, table = b"\0", SYM.pack(0, 0, 0, 0, 0, 0)
    for name, address in symbols.items():
        table += SYM.pack(len(names), 0x11, 0, TEXT, address, 0)  # a global object
        names += name.encode() + b"\0"
    return table, names


def write(path, symbols, build_id, banner):
    """@symbols: {name: address as linked}, linux_banner among them."""
    table, names = symbol_table(symbols)
    sections = [(0, 0, b"", 0, 0, 0),
                (NOTE, 0, struct.pack("<III", 4, len(build_id), 3) + b"GNU\0" + build_id, 0, 0, 0),
                (PROGBITS, symbols["linux_banner"], banner + b"\0", 0, 0, 0),
                (SYMTAB, 0, table, 4, 1, SYM.size),
                (STRTAB, 0, names, 0, 0, 0)]
    body, rows = b"", b""
    for kind, address, data, link, info, size in sections:
        body += b"\0" * (-len(body) % 8)
        rows += SHDR.pack(0, kind, 0, address, EHDR.size + len(body) if kind else 0, len(data), link, info, 4, size)
        body += data
    body += b"\0" * (-len(body) % 8)
    ident = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    with open(path, "wb") as out:
        out.write(EHDR.pack(ident, 2, 62, 1, 0, 0, EHDR.size + len(body), 0, EHDR.size, 0, 0, SHDR.size,
                            len(sections), len(sections) - 1) + body + rows)
