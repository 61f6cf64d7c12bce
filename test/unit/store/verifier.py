#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent verifier of the event log, written from doc/log-format.md alone.

Prints "LINES EVENTS DIGEST" and exits 0 if the chain holds, else prints where it breaks and exits 1.
"""
import hashlib
import json
import os
import re
import subprocess
import sys


def lines_of(path):
    if path.endswith(".zst"):
        packed = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=False)
        if packed.returncode != 0:
            raise ValueError(f"{path}: damaged")
        octets = packed.stdout
    else:
        with open(path, "rb") as f:
            octets = f.read()
    if octets and not octets.endswith(b"\n"):
        raise ValueError(f"{path}: torn")
    return octets.split(b"\n")[:-1]


def verify(folder):
    digest = number = None
    lines = events = 0
    names = [n for n in os.listdir(folder) if re.fullmatch(r"[0-9]{20}(r[0-9]{3})?\.jsonl(\.zst)?", n)]
    names = [n for n in names if n.removesuffix(".zst") == n or n.removesuffix(".zst") not in names]
    for name in sorted(names):
        for at, line in enumerate(lines_of(os.path.join(folder, name)), 1):
            where = f"{name}:{at}"
            found = re.fullmatch(rb'(\{.*),"h":"([0-9a-f]{16}|[0-9a-f]{64})"\}', line)
            if not found:
                raise ValueError(f"{where}: no digest")
            text, stated = found.groups()
            content = json.loads(line)
            kind = content.get("type", "event")
            if (kind == "head") != (at == 1):
                raise ValueError(f"{where}: head")
            if (kind in ("head", "commit")) != (len(stated) == 64):
                raise ValueError(f"{where}: digits")
            if kind == "head":
                previous = bytes.fromhex(content["previous"])
                if digest is not None and (previous, content["segment"]) != (digest, number + 1):
                    raise ValueError(f"{where}: does not follow")
                digest, number = previous, content["segment"]
            digest = hashlib.sha256(digest + text).digest()
            if not digest.hex().startswith(stated.decode()):
                raise ValueError(f"{where}: chain")
            lines += 1
            events += kind == "event"
        if kind != "commit":
            raise ValueError(f"{where}: no commit")
    return lines, events, digest.hex()


if __name__ == "__main__":
    try:
        print(*verify(sys.argv[1]))
    except ValueError as e:
        print(e)
        sys.exit(1)
