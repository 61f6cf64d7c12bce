#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds `audit scan` against what Python reads out of the same log. Output: TAP.

usage: scan.py IPSECMON MKLOG
"""
import json
import pathlib
import subprocess
import sys
import tempfile

IPSECMON, MKLOG = sys.argv[1:3]
EVENTS = 5000


def lines_of(log):
    """Events of a log directory, in order."""
    events = []
    for path in sorted((log / 'log').iterdir()):
        lines = path.read_bytes().split(b'\n')
        events += [json.loads(line) for line in lines if line and not line.startswith(b'{"type"')]
    return events


def scan(directory, *options):
    """The events that `audit scan` finds, and its exit status."""
    done = subprocess.run([IPSECMON, 'audit', 'scan', str(directory), '-j', *options],
                          capture_output=True, timeout=60, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def words(event):
    """The words of a message, as far as these messages need it."""
    return [w.strip(',:.') for w in event.get('message', '').lower().split()]


def checks(log):
    """Name and truth of each case."""
    events = lines_of(log)
    address, middle = events[7]['src'], events[2500]['time']
    yield 'the log is what it should be', len(events) == EVENTS
    cases = [
        ('all', [], lambda e: True),
        ('by id', ['--id', '4960,4962'], lambda e: e['id'] in (4960, 4962)),
        ('by address', ['--where', f'src={address}'], lambda e: e['src'] == address),
        ('by prefix', ['--where', 'src=10.0.1.0/24'], lambda e: e['src'].startswith('10.0.1.')),
        ('by several', ['--id', '4960', '--where', 'netns=paris,seqno>0'],
         lambda e: e['id'] == 4960 and e['netns'] == 'paris' and e['seqno'] > 0),
        ('by time', ['--since', middle], lambda e: e['time'] >= middle),
        ('up to a time', ['--until', middle], lambda e: e['time'] < middle),
        ('by words', ['--text', f'{address} integr*'],
         lambda e: address in words(e) and any(w.startswith('integr') for w in words(e))),
        ('what is not there', ['--where', 'tunnel!=null'], lambda e: False),
    ]
    for name, options, wanted in cases:
        right = [e['seq'] for e in events if wanted(e)]
        for limit in (None, 3):
            found, status = scan(log, *options, *(['--limit', str(limit)] if limit else []))
            expected = right[-limit:] if limit else right
            yield f'{name}, limit {limit}', [e['seq'] for e in found] == expected and status == 0
    yield 'the directory `log` itself will do', len(scan(log / 'log', '--id', '4960')[0]) > 0
    yield 'no log', scan(log / 'nowhere')[1] == 1
    yield 'wrong usage', scan(log, '--where', 'nothing=1')[1] == 2


def main():
    """Runs all cases."""
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / 'state'
        subprocess.run([MKLOG, '-p', '300', '-S', '300000', str(log), str(EVENTS)], check=True,
                       timeout=60)
        number = 0
        for name, right in checks(log):
            number += 1
            print(f'{"ok" if right else "not ok"} {number} - {name}')
        print(f'1..{number}')


main()
