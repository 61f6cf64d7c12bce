#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random edits of a signed log, as an accident or an enemy may make them: `ipsecmon audit verify` and doc/verify-log come to the same
verdict about each, and no edit of what a head covers passes. Output: TAP.

usage: agree.py SIGNEDLOG IPSECMON VERIFY_LOG; EDITS: how many (default 105, 1000 for a long test), SEED: of which.
"""
import contextlib
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

signedlog, ipsecmon, script = sys.argv[1:]
edits = int(os.environ.get("EDITS", "105"))
seed = int(os.environ.get("SEED", "1"))
rng = random.Random(seed)

loader = importlib.machinery.SourceFileLoader("verify_log", script)
second = importlib.util.module_from_spec(importlib.util.spec_from_loader("verify_log", loader))
sys.dont_write_bytecode = True
loader.exec_module(second)


def openssl(*args, octets=b""):
    return subprocess.run(("openssl",) + args, input=octets, capture_output=True, check=True).stdout


class Log:
    """The files of a state directory, to be edited and written out."""

    def __init__(self, path):
        self.files = {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file() and p.name != "lock"}

    def write(self, path):
        for name, octets in self.files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(octets)

    @property
    def segments(self):
        return sorted(n for n in self.files if n.startswith("log/"))

    def lines(self, name):
        octets = self.files[name]
        if name.endswith(".zst"):
            octets = subprocess.run(["zstd", "-dcq"], input=octets, capture_output=True).stdout
        return octets.split(b"\n")[:-1]

    def set_lines(self, name, lines):
        self.files[name] = b"".join(line + b"\n" for line in lines)

    def rechain(self):
        """Every digest made right again, as whoever can write the files can."""
        digest = None
        for name in self.segments:
            lines = []
            for line in self.lines(name):
                text, stated = re.fullmatch(rb'(.*),"h":"([0-9a-f]+)"\}', line).groups()
                if text.startswith(b'{"type":"head"'):
                    if digest is not None:
                        text = re.sub(rb'"previous":"[0-9a-f]*"', b'"previous":"%s"' % digest.hex().encode(), text)
                    digest = bytes.fromhex(json.loads(text + b"}")["previous"])
                digest = hashlib.sha256(digest + text).digest()
                lines.append(text + b',"h":"%s"}' % digest.hex()[:len(stated)].encode())
            self.set_lines(name, lines)

    def digests(self):
        """Of each commit line, by number of segment and line."""
        found = {}
        for name in self.segments:
            lines = self.lines(name)
            for at, line in enumerate(lines, 1):
                if line.startswith(b'{"type":"commit"'):
                    found[json.loads(lines[0])["segment"], at] = json.loads(line)
        return found


class Forger:
    """Somebody with a key of his own."""

    def __init__(self, folder):
        self.key = folder / "forger.pem"
        openssl("genpkey", "-algorithm", "ed25519", "-out", str(self.key))
        self.public = openssl("pkey", "-in", str(self.key), "-pubout").strip()
        self.fingerprint = second.fingerprint(self.public)

    def sign(self, text):
        with tempfile.NamedTemporaryFile() as f:
            f.write(text)
            f.flush()
            signature = openssl("pkeyutl", "-sign", "-inkey", str(self.key), "-rawin", "-in", f.name)
        return text + b',"sig":"%s"}' % signature.hex().encode()

    def head(self, line, own_name, digests=None):
        text = line.split(b',"sig":')[0]
        if own_name:
            text = re.sub(rb'"key":"[0-9a-f]*"', b'"key":"%s"' % self.fingerprint.encode(), text)
        if digests:
            says = json.loads(line)
            commit = digests.get((says["segment"], says["line"]))
            if commit:
                text = re.sub(rb'"digest":"[0-9a-f]*"', b'"digest":"%s"' % commit["h"].encode(), text)
                text = re.sub(rb'"seq":[0-9]+', b'"seq":%d' % commit["seq"], text)
        return self.sign(text)


def flip(octets):
    at = rng.randrange(len(octets))
    return octets[:at] + bytes([octets[at] ^ 1 << rng.randrange(8)]) + octets[at + 1:]


def any_line(log):
    name = rng.choice(log.segments)
    lines = log.lines(name)
    return name, lines, rng.randrange(len(lines))


# Edits. Each changes the log; True: what a head covers is other than it was, so that it must not pass.

def change_octet(log, forger):
    name = rng.choice(log.segments)
    log.files[name] = flip(log.files[name])


def swap_lines(log, forger):
    name, lines, k = any_line(log)
    other = rng.randrange(len(lines))
    lines[k], lines[other] = lines[other], lines[k]
    log.set_lines(name, lines)


def delete_lines(log, forger):
    name, lines, k = any_line(log)
    del lines[k:k + rng.randint(1, 3)]
    log.set_lines(name, lines)


def insert_line(log, forger):
    name, lines, k = any_line(log)
    lines.insert(k, rng.choice(log.lines(rng.choice(log.segments))))
    log.set_lines(name, lines)


def truncate(log, forger):
    name = rng.choice(log.segments)
    log.files[name] = log.files[name][:rng.randrange(len(log.files[name]))]


def remove_segments(log, forger):
    names = log.segments
    at = rng.randrange(len(names))
    for name in rng.choice([names[at:at + 1], names[:at], names[at:]])[:len(names) - 1]:
        del log.files[name]


def cut_groups(log, forger):  # the log ends earlier, as a log may
    names = log.segments
    last = rng.randrange(len(names))
    for name in names[last + 1:]:
        del log.files[name]
    lines = log.lines(names[last])
    commits = [at for at, line in enumerate(lines) if line.startswith(b'{"type":"commit"')]
    log.set_lines(names[last], lines[:rng.choice(commits) + 1])


def change_event(log):
    while True:
        name, lines, k = any_line(log)
        if not lines[k].startswith(b'{"type"'):
            break
    lines[k] = lines[k].replace(b'"count":1', b'"count":7', 1)
    log.set_lines(name, lines)
    return log.segments.index(name) + 1, k + 1


def delete_group(log):
    name = rng.choice(log.segments)
    lines = log.lines(name)
    commits = [at for at, line in enumerate(lines) if line.startswith(b'{"type":"commit"')]
    if len(commits) > 1:
        at = rng.randrange(1, len(commits))
        del lines[commits[at - 1] + 1:commits[at] + 1]
    log.set_lines(name, lines)


def rewrite(log, forger):
    change_event(log)
    log.rechain()


def rewrite_without_group(log, forger):
    delete_group(log)
    log.rechain()


def heads_of(log):
    return log.lines("heads.jsonl")


def rewrite_and_drop_heads(log, forger):  # those that would tell; what is left covers less
    segment, line = change_event(log)
    log.rechain()
    log.set_lines("heads.jsonl", [h for h in heads_of(log) if (json.loads(h)["segment"], json.loads(h)["line"]) < (segment, line)])


def rewrite_and_sign(log, forger):
    change_event(log)
    log.rechain()
    digests, own = log.digests(), rng.random() < 0.5
    log.set_lines("heads.jsonl", [forger.head(h, own, digests) for h in heads_of(log)])
    if rng.random() < 0.5:
        log.files["keys.pem"] = forger.public + b"\n"


def introduce_forger(log, forger):  # a key that nobody introduced but itself, in another's name
    heads = heads_of(log)
    at = rng.randrange(len(heads))
    by = json.loads(heads[at])["key"]
    text = b'{"type":"key","key":"%s","number":%d,"host":"gw1","time":"2026-01-01T00:00:00.000000Z","by":"%s"' % (
        forger.fingerprint.encode(), json.loads(heads[at])["number"], by.encode())
    log.files["keys.pem"] += forger.sign(text) + b"\n" + forger.public + b"\n"
    log.set_lines("heads.jsonl", heads[:at] + [forger.head(h, True) for h in heads[at:]])


def drop_heads(log, forger):
    heads = heads_of(log)
    log.set_lines("heads.jsonl", [h for h in heads if rng.random() < rng.choice([0.2, 0.8])])


def swap_heads(log, forger):
    heads = heads_of(log)
    k = rng.randrange(len(heads) - 1)
    heads[k], heads[k + 1] = heads[k + 1], heads[k]
    log.set_lines("heads.jsonl", heads)


def repeat_head(log, forger):
    heads = heads_of(log)
    heads.insert(rng.randrange(len(heads)), rng.choice(heads))
    log.set_lines("heads.jsonl", heads)


def change_head(log, forger):
    log.files["heads.jsonl"] = flip(log.files["heads.jsonl"])


def edit_head(log, forger):  # a well-formed one
    heads = heads_of(log)
    k = rng.randrange(len(heads))
    heads[k] = re.sub(rb'"(number|line|seq|segment)":([0-9]+)', lambda m: b'"%s":%d' % (m[1], int(m[2]) + rng.choice([0, 0, 1])), heads[k])
    log.set_lines("heads.jsonl", heads)


def sign_head(log, forger):
    heads = heads_of(log)
    k = rng.randrange(len(heads))
    heads[k] = forger.head(heads[k], rng.random() < 0.5)
    log.set_lines("heads.jsonl", heads)


def truncate_heads(log, forger):
    log.files["heads.jsonl"] = log.files["heads.jsonl"][:rng.randrange(len(log.files["heads.jsonl"]))]


def change_keys(log, forger):
    log.files["keys.pem"] = flip(log.files["keys.pem"])


def remove_file(log, forger):
    del log.files[rng.choice(["heads.jsonl", "keys.pem"])]


# Whose edits touch only what no head needs, or what another head replaces: they may pass.
kinds = [change_octet, swap_lines, delete_lines, insert_line, truncate, remove_segments, cut_groups, rewrite, rewrite_without_group,
         rewrite_and_drop_heads, rewrite_and_sign, introduce_forger, drop_heads, swap_heads, repeat_head, change_head, edit_head,
         sign_head, truncate_heads, change_keys, remove_file]


# Those that need no plain text are made of a sealed log, too.
of_files = [change_octet, truncate, remove_segments, introduce_forger, drop_heads, swap_heads, repeat_head, change_head, edit_head,
            sign_head, truncate_heads, change_keys, remove_file]


def covered(log, upto):
    """The octets of the log up to a line, and the numbers of the heads there."""
    out = []
    for number, name in enumerate(log.segments, 1):
        lines = log.lines(name)
        out.append(b"\n".join(lines if number < upto[0] else lines[:upto[1]] if number == upto[0] else []))
    return out


def ours(path, key, head=b""):
    run = subprocess.run([ipsecmon, "audit", "verify", "-j", "--key", key, path] + (["--head", "-"] if head else []),
                         capture_output=True, text=True, input=head.decode())
    if run.returncode != 0:
        return run.returncode, run.stdout + run.stderr
    says = json.loads(run.stdout)
    heads = says["heads"]
    return 0, f"intact {says['lines']} {says['events']} {says['digest']} {heads['good']} {heads['uncovered_lines']}"


def theirs(path, keys, head=b""):
    try:
        return 0, second.verify(keys, path, head)
    except second.Broken as e:
        return 1, str(e)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ipsecmon-agree-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    try:
        (folder / "log").mkdir()
        subprocess.run([signedlog, str(folder / "log")], check=True)
        log = Log(folder / "log")
        (folder / "sealed").mkdir()
        subprocess.run([signedlog, str(folder / "sealed"), "sealed"], check=True)
        forger = Forger(folder)
        first = second.PEM.search(log.files["keys.pem"])[0]
        key = folder / "key.pem"
        key.write_bytes(first + b"\n")
        keys = {second.fingerprint(first): [first, 0, 1 << 64]}

        want, got = theirs(str(folder / "log"), keys), ours(str(folder / "log"), str(key))
        last = json.loads(heads_of(log)[-1])
        good = want == got == theirs(str(folder / "sealed"), keys) == ours(str(folder / "sealed"), str(key)) and want[0] == 0
        print("ok 1 - the log as it was written is intact, sealed too" if good else f"not ok 1 - the log as it was written is intact\n# {want}\n# {got}")
        tally, wrong = {}, []
        for i in range(edits):
            kind = kinds[i % len(kinds)]
            sealed = kind in of_files and rng.random() < 0.4
            edited = Log(folder / ("sealed" if sealed else "log"))
            kind(edited, forger)
            path = folder / "edited"
            edited.write(path)
            head = rng.choice([b"", heads_of(log)[-1]])  # that left the machine before
            want, got = theirs(str(path), keys, head), ours(str(path), str(key), head)
            if sealed and want[0] == 0 and got[0] != 0 and "sealed file" in got[1]:
                want = got  # damage to the frames' table, which zstd passes over, and the text is whole
            if want[0] != got[0] or (want[0] == 0 and want != got):
                wrong.append(f"edit {i}, {kind.__name__}: ipsecmon says {got}, verify-log {want}")
            if got[0] == 0:  # then what the heads left cover is as it was
                left = [json.loads(h) for h in edited.lines("heads.jsonl")] if "heads.jsonl" in edited.files else []
                upto = max((h["segment"], h["line"]) for h in left + ([last] if head else []))
                if len(edited.segments) == len(log.segments) and covered(edited, upto) != covered(log, upto):
                    wrong.append(f"edit {i}, {kind.__name__}: passes, but covered lines are other ones: {got}")
            tally.setdefault(kind.__name__, [0, 0])[got[0] != 0] += 1
            shutil.rmtree(path)
        print(f"{'not ok' if wrong else 'ok'} 2 - two programs agree on {edits} edits, and none of what is covered passes")
        for line in wrong[:20]:
            print("#", line)
        for name, (passed, refused) in tally.items():
            print(f"# {name}: {passed} passed, {refused} refused")
        may_pass = ["drop_heads", "truncate_heads"]  # another head covers the same; the file may be thinned out
        useless = [n for n, (_, refused) in tally.items() if refused == 0 and n not in may_pass]
        print(f"{'not ok' if useless else 'ok'} 3 - each kind of edit is refused somewhere", *useless)
        print("1..3")
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)


main()
