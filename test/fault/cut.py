#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Power cuts: a monitor's changes of files are recorded once, and then the disk is made as a cut after each of them may have left it.
A monitor that starts there works, has every event that was told, contradicts no head that was signed, and its books agree with the kernel.
Output: TAP.

usage: cut.py BUILD; FAULTS: all, or a sample of the cuts; SEED: of what is lost.
"""
import json
import os
import random
import shutil
import subprocess
import sys

import disk
from bed import Bed, Tap, Wrong, progress, skip_unless_possible, within


def record(bed):
    """A first start, drops and changes over several segments, a change of the audit policy, an end; a second start that seals."""
    path = bed.dir / 'record'
    path.touch()
    path.chmod(0o666)
    bed.start(record=path)
    bed.wait_ready()
    for i in range(6):
        bed.change_policies(15)
        bed.drop()
        bed.settle()
        if i == 3:
            subprocess.run((bed.build / 'ipsecmon', '--socket', bed.socket, 'audit', 'set', 'ipsec', 'driver', 'both'), check=True,
                stdout=subprocess.DEVNULL)
    bed.stop()
    bed.start(record=path)
    bed.wait_ready()
    bed.work()
    bed.settle()
    if not within(lambda: len(list((bed.state / 'log').glob('*.jsonl'))) <= 1, 20):
        raise Wrong('nothing was sealed')
    bed.stop()
    return list(disk.changes(path))


def lines_of(files):
    """Of the log, what its readers were told: whole groups."""
    found = set()
    for name, octets in files.items():
        if not name.startswith('state/log/0') or octets is None:
            continue
        if name.endswith('.zst'):
            octets = subprocess.run(('zstd', '-dcq'), input=octets, capture_output=True).stdout
        group = []
        for line in octets.split(b'\n')[:-1]:
            group.append(line)
            if line.startswith(b'{"type":"commit"'):
                found.update(group)
                group = []
    return found


def lay(bed, files):
    for path in (bed.state, bed.key):
        shutil.rmtree(path, ignore_errors=True)
    for name, octets in files.items():
        path = bed.dir / name
        if octets is None:
            path.mkdir(0o700)
        else:
            path.write_bytes(octets)
            path.chmod(0o600)


def one(bed, files, certain, heads):
    lay(bed, files)
    bed.said.unlink(missing_ok=True)
    bed.start(preload=False)
    if not bed.wait_ready():
        bed.end()
        raise Wrong('it does not start')
    bed.settle()
    bed.work()
    bed.settle()
    bed.stop()
    given = bed.dir / 'heads'
    given.write_bytes(heads)
    bed.verify(*(('--head', given) if heads else ()))
    bed.check_log()
    there = lines_of({f'state/log/{p.name}': p.read_bytes() for p in (bed.state / 'log').iterdir()})
    if missing := certain - there:
        raise Wrong(f'{len(missing)} lines that were certain are missing, as {json.loads(min(missing))}')
    if any(line.get('name') == 'log_damaged' for line in bed.lines()):
        raise Wrong('a cut is taken for damage')


def main():
    skip_unless_possible()
    rng = random.Random(int(os.environ.get('SEED', '1')))
    all_cuts = os.environ.get('FAULTS') == 'all'
    tap = Tap()
    bed = Bed(sys.argv[1], 'segment_size = 64K')
    try:
        cuts = record(bed)
        progress(f'{len(cuts)} changes of files')
        chosen = set(range(len(cuts) + 1)) if all_cuts else set(rng.sample(range(len(cuts) + 1), 12))
        model, seen, heads = disk.Disk(bed.dir.stat().st_ino), set(), b''
        for n, change in enumerate(cuts + [None]):
            if n in chosen:
                certain = lines_of(model.left(disk.nothing_more))
                for how, choose in (('nothing', disk.nothing_more), ('all', disk.everything), ('some', disk.at_random(rng))):
                    files = model.left(choose)
                    if (print_of := hash(frozenset(files.items()))) in seen:
                        continue
                    seen.add(print_of)
                    name = f'a cut after change {n} ({how} of what was not synced is left)'
                    try:
                        one(bed, files, certain, heads)
                        tap.result(name)
                    except Wrong as wrong:
                        tap.result(name, wrong, bed.words())
                        if bed.runs():
                            bed.kill()
                        bed.daemon = None
            if change:
                model.apply(change)
                now = model.left(disk.everything)
                heads = max(heads, now.get('state/heads.jsonl') or b'', key=len)
    finally:
        bed.close()
    progress(f'{tap.n} cuts')
    tap.end()


main()
