# SPDX-License-Identifier: Apache-2.0
"""Runs things in turn (A B C A B C …), compares them pair by pair, and prints what came out.

On a machine that others use too a figure alone says little: two runs beside each other saw the same
neighbours, and their ratio is what stays.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time


class Skip(Exception):
    """This benchmark can't run here."""


def need(*programs):
    """Skips unless all are installed."""
    for program in programs:
        if not any(os.access(pathlib.Path(d) / program, os.X_OK) for d in os.environ['PATH'].split(':')):
            raise Skip(f'{program} is not installed')


def need_root():
    if os.geteuid() != 0:
        raise Skip('needs root')


class Figure:
    """What a number is: unit and how to print it."""
    UNITS = {'s': [(1, 's'), (1e-3, 'ms'), (1e-6, 'us'), (1e-9, 'ns')],
             '/s': [(1e6, 'M/s'), (1e3, 'k/s'), (1, '/s')], 'B': [(1 << 20, 'MiB'), (1, 'B')], '': [(1, '')]}

    @staticmethod
    def text(value, unit):
        for factor, name in Figure.UNITS.get(unit, [(1, unit)]):
            if abs(value) >= factor:
                break
        if value == 0:
            return '0'
        if value == int(value) and factor == 1:
            return f'{value:.0f} {name}'.strip()
        value /= factor
        return f'{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {name}'.strip()


class Netns:
    """A network namespace of its own, which ends with us."""

    def __enter__(self):
        need_root()
        self.holder = subprocess.Popen(['unshare', '--net', 'sh', '-c', 'echo; exec cat'], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        return self

    def __exit__(self, *_):
        self.holder.stdin.close()
        self.holder.wait()

    def inside(self, *command):
        return ['nsenter', f'--net=/proc/{self.holder.pid}/ns/net', *map(str, command)]


class Bench:
    WIDTH = 80

    def __init__(self, build, scratch, quick, pairs, as_json):
        self.build, self.scratch, self.quick, self.as_json = build, scratch, quick, as_json
        self.pairs, self.pairs_are_set = pairs or (3 if quick else 7), bool(pairs or quick)
        self.name = ''

    # ---- running

    def program(self, name):
        path = self.build / name
        if not path.exists():
            raise Skip(f'{path} is missing: make bench builds it')
        return str(path)

    def pin(self):
        """The last CPU that we may use; interrupts and everybody else prefer the first."""
        return ['taskset', '-c', str(max(os.sched_getaffinity(0)))]

    def run(self, command, reads=True, into=None, fails=(), **kwargs):
        """
        Runs to the end. {'wall', 'cpu'} in seconds, 'rss' in octets, and the JSON object it printed last, if any. What
        it prints goes to a file (into), or nowhere (reads=False). fails: other statuses that are fine.
        """
        self.progress(f'{self.name}: {pathlib.Path(command[0]).name}')
        begin = time.monotonic()
        p = subprocess.Popen(list(map(str, command)), stdout=into or (subprocess.PIPE if reads else subprocess.DEVNULL),
                             stderr=subprocess.PIPE, text=True, **kwargs)
        out = p.stdout.read() if p.stdout else ''
        _, status, usage = os.wait4(p.pid, 0)
        wall = time.monotonic() - begin
        p.returncode = os.waitstatus_to_exitcode(status)
        err = p.stderr.read().strip()
        p.stderr.close()
        if p.stdout:
            p.stdout.close()
        if p.returncode != 0 and p.returncode not in fails:
            raise subprocess.SubprocessError(f'{" ".join(map(str, command))}: {err or p.returncode}')
        result = {'wall': wall, 'cpu': usage.ru_utime + usage.ru_stime, 'rss': usage.ru_maxrss * 1024}
        last = out.strip().rpartition('\n')[2]
        if last.startswith('{'):
            said = json.loads(last)
            for key in 'wall', 'cpu':  # without the program's start
                if f'{key}_ns' in said:
                    said[key] = said.pop(f'{key}_ns') / 1e9
            result.update(said)
        return result

    def turns(self, what, pairs=None):
        """what: {name: function}. All of them in turn, so many times: {name: [result…]}."""
        results = {name: [] for name in what}
        for _ in range(pairs or self.pairs):
            for name, function in what.items():
                results[name].append(function())
        return results

    # ---- telling

    def head(self, machine):
        self.say({'machine': machine}, '\n'.join([
            f'{machine["cpus"]} x {machine["cpu"]}, Linux {machine["kernel"]}, load {machine["load"]:.1f}',
            ', '.join(f'{k} {v}' for k, v in machine.items() if v and k in ('iproute2', 'sqlite', 'audit', 'libc')),
            f'Medians of {self.pairs} runs of each in turn, unless the row says how many; RATIO is the median of pairs.',
            '[least..most] stands beside each.', '',
            f'{"":<27} {"OURS":>8}  {"AGAINST":<8} {"RATIO":<18} GOAL']))

    def begin(self, name):
        self.name = name
        self.titled = None

    def say(self, record, text):
        self.progress('')
        print(json.dumps(record) if self.as_json else text, flush=True)

    def progress(self, text):
        if sys.stderr.isatty():
            print(f'\r\033[K{text[:self.WIDTH - 1]}', end='', file=sys.stderr, flush=True)

    def skip(self, name, why):
        self.say({'bench': name, 'skipped': str(why)}, f'{name}: {why}')

    def row(self, job, ours, unit, against=None, other=None, better='less', goal=None, note=''):
        """
        One line: our samples, those of the peer or limit, and their ratio: how many times better we are than a peer
        (better='times'), or how many times the limit's it is (better='less'; 'share' for rates: our part of the
        limit's). goal: (operator, number), of the ratio, or of the median where there is nothing to compare with.
        """
        mine = statistics.median(ours)
        record = {'bench': self.name, 'job': job, 'unit': unit, 'ours': mine, 'samples': ours}
        value, ratio, them = mine, '', ''
        if other:
            theirs = statistics.median(other)
            ratios = [b / a if better == 'times' else a / b for a, b in zip(ours, other)]
            value = statistics.median(ratios)
            ratio = f'{value:.2f} [{min(ratios):.2f}..{max(ratios):.2f}]'
            them = Figure.text(theirs, unit)
            record.update(against=against, other=theirs, other_samples=other, ratio=value, ratios=ratios)
        elif len(ours) > 1:
            ratio = f'[{Figure.text(min(ours), unit)}..{Figure.text(max(ours), unit)}]'
        verdict = ''
        if goal:
            met = value >= goal[1] if goal[0] == '>=' else value <= goal[1]
            verdict = f'{goal[0]} {goal[1] if other else Figure.text(goal[1], unit)} {"met" if met else "missed"}'
            record.update(goal=f'{goal[0]} {goal[1]:g}', met=met)
        if note:
            record['note'] = note
        lines = []
        if job != self.titled:
            lines.append(f'{job}')
            self.titled = job
        lines.append(f'  {against or note:<25} {Figure.text(mine, unit):>8}  {them:<8} {ratio:<18} {verdict}'.rstrip())
        self.say(record, '\n'.join(lines))
