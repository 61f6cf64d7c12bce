#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sums up test results: every *.tap and every *.json (Meson's testlog) of a directory.

usage: tally.py DIRECTORY

Prints what failed, with its words, what was skipped, with the reason, and as the last line
"N passed, N failed". With CI set in the environment what was skipped counts as failed.
"""
import json
import os
import pathlib
import re
import sys

LINE = re.compile(r'^(not )?ok\b\s*(\d*)\s*-?\s*(.*)$')
PLAN = re.compile(r'^1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$', re.I)
SKIP = re.compile(r'#\s*skip\S*\s*(.*)$', re.I)


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def tap(self, where, text):
        """Counts TAP lines; True when there were any. A plan that is not met is a failure."""
        seen, plan, words = 0, None, None
        for line in text.splitlines():
            if match := LINE.match(line):
                seen += 1
                words = None
                failed, name = match[1], match[3]
                if skip := SKIP.search(name):
                    self.skipped.append((f'{where}: {name[:skip.start()].strip()}', skip[1]))
                elif failed:
                    words = []
                    self.failed.append((f'{where}: {name}', words))
                else:
                    self.passed += 1
            elif match := PLAN.match(line):
                plan = int(match[1])
                if plan == 0:
                    self.skipped.append((where, match[2] or 'no reason given'))
                    return True
            elif line.startswith('Bail out!'):
                self.failed.append((f'{where}: {line}', []))
            elif words is not None and line.startswith('#'):
                words.append(line)
        if plan is not None and seen != plan:
            self.failed.append((f'{where}: {seen} results instead of {plan}', []))
        return plan is not None or seen > 0

    def meson(self, where, path):
        for line in path.read_text().splitlines():
            test = json.loads(line)
            name = f'{where}: {test["name"]}'
            before = len(self.failed)
            result = test['result']
            counted = self.tap(name, test.get('stdout', ''))
            if not counted and result == 'SKIP':
                self.skipped.append((name, test.get('stdout', '').strip() or 'no reason given'))
            elif not counted and result in ('OK', 'EXPECTEDFAIL'):
                self.passed += 1
            elif result not in ('OK', 'EXPECTEDFAIL', 'SKIP') and len(self.failed) == before:
                said = (test.get('stdout', '') + test.get('stderr', '')).splitlines()[-30:]
                self.failed.append((f'{name}: {result.lower()}, status {test["returncode"]}', said))

    def report(self):
        strict = bool(os.environ.get('CI'))
        for name, words in self.failed:
            print(f'FAILED  {name}')
            for line in words[:40]:
                print(f'        {line}')
        for name, reason in self.skipped:
            print(f'SKIPPED {name}: {reason}')
        if self.skipped:
            print(f'{len(self.skipped)} skipped' + (', which counts as failed in CI' if strict else ''))
        failed = len(self.failed) + (len(self.skipped) if strict else 0)
        print(f'{self.passed} passed, {failed} failed')
        return 0 if failed == 0 and self.passed > 0 else 1


def main():
    tally = Tally()
    for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        if path.suffix == '.tap':
            if not tally.tap(path.name.removesuffix('.tap'), path.read_text(errors='replace')):
                tally.failed.append((f'{path.name}: is empty', []))
        elif path.suffix == '.json':
            tally.meson(path.stem, path)
    sys.exit(tally.report())


main()
