#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults one by one in the programs of a real monitor: allocations, writes, syncs and the like that fail, kills before and after each
change of a file. Whatever fails: the log verifies and has each drop once, reconcile is exact, and the monitor runs or has said why not.
Output: TAP.

usage: faults.py BUILD; FAULTS: all, or a sample; ONLY: the beginning of a sweep's name.
"""
import errno
import os
import signal
import sys

from bed import Bed, Control, Tap, Wrong, progress, skip_unless_possible, within

CORE, OBSERVE, SUPERVISOR = 'ipsecmond-core', 'ipsecmond-observe', 'ipsecmond'
ERRORS = (('error', errno.ENOSPC, 1), ('error', errno.EIO, 1), ('error', errno.ENOSPC, 0))
KILLS = (('kill-before', 0, 1), ('kill-after', 0, 1))
OUT_OF_MEMORY = (('error', errno.ENOMEM, 1), ('error', errno.ENOMEM, 20))
SMALL = 'segment_size = 64K'
LIVES = 60  # faults before one and the same monitor, until its log gets long
END = 100000


def name_of(what, error, times):
    return what if not error else errno.errorcode[error] + ('' if times == 1 else ' for good' if times == 0 else f' {times} times')


def recover(bed):
    """Without faults everything is as it should be."""
    bed.control.disarm()
    if not bed.runs():
        bed.start()
    if not bed.wait_ready():
        raise Wrong('the next start fails')
    bed.work()
    bed.settle()
    if bed.stop() != 0:
        raise Wrong('it does not stop in order')
    bed.verify()
    bed.check_log()


class Sweep:
    """A fault of some kind at the first call, at the second … until there are no more calls."""

    def __init__(self, name, program, calls, faults):
        self.name, self.program, self.calls, self.faults = name, program, calls, faults

    def arm(self, bed, nth, fault):
        what, error, times = fault
        bed.control.arm(self.program, self.calls, nth, what, error, times)


class Running(Sweep):
    """… while drops and changes come, or a new configuration. The monitor goes on from one fault to the next, unless a process ends of it."""
    lives = 0

    def __init__(self, *args, reload=False):
        super().__init__(*args)
        self.reload = reload

    def begin(self, bed):
        bed.bring_back(None)
        bed.configure(SMALL)
        bed.start()
        if not bed.wait_ready():
            raise Wrong('it does not start')
        self.lives = LIVES
        self.processes = bed.children()

    def one(self, bed, nth, fault):
        """False: there was no such call."""
        if not bed.runs():
            self.begin(bed)
        self.arm(bed, nth, fault)
        if self.reload:
            bed.daemon.send_signal(signal.SIGHUP)
        bed.work()
        if fault[2] == 0:
            within(lambda: (bed.ask('status') or {'log': {'error': None}})['log']['error'] is not None, 2)
            bed.control.disarm()
        bed.settle()
        bed.control.disarm()
        bed.verify()
        self.lives -= 1
        if self.lives == 0 or bed.children() != self.processes:
            recover(bed)
        return bed.control.fired > 0


class Starting(Sweep):
    """… from the start on: of the first one of all, or with a log that has segments to be sealed; until the monitor is stopped."""

    def __init__(self, *args, first=False, seal=True):
        super().__init__(*args)
        self.first, self.seal = first, seal

    def is_sealed(self, bed):
        status = bed.ask('status')
        if not bed.runs() or bed.control.fired and (status is None or status['log'].get('seal_error')):
            return True
        return len(list((bed.state / 'log').glob('*.jsonl'))) <= 1

    def one(self, bed, nth, fault):
        if not (bed.dir / 'kept').exists():
            self.make_kept(bed)
        bed.bring_back(None if self.first else 'kept')
        bed.configure(SMALL)
        bed.said.unlink(missing_ok=True)
        self.arm(bed, nth, fault)
        bed.start()
        if bed.wait_ready():
            bed.work()
            if self.seal:
                within(lambda: self.is_sealed(bed), 4)
            if fault[2] == 0:
                bed.control.disarm()
            if bed.settle():
                bed.daemon.terminate()
        status = bed.end()
        if status == -signal.SIGABRT and 'libConfuse' in bed.words():
            return True  # it ends the program itself, in words of its own; nothing has begun yet
        if status < 0 if fault[1] else status > 0 and 'ipsecmond: ' not in bed.words():
            raise Wrong(f'it ends with {status} without a word')
        recover(bed)
        return bed.control.fired > 0

    @staticmethod
    def make_kept(bed):
        """A log of three plain segments: as they are closed faster than they are looked for."""
        bed.bring_back(None)
        bed.configure(SMALL)
        bed.start()
        bed.wait_ready()
        while len(list((bed.state / 'log').glob('*.jsonl'))) < 3:
            bed.change_policies(40)
            bed.settle()
        bed.drop()
        bed.settle()
        bed.stop()
        bed.keep('kept')


SWEEPS = (
    Running('core runs, no memory', CORE, ('alloc',), OUT_OF_MEMORY),
    Running('core runs, disk', CORE, Control.CHANGES, ERRORS),
    Running('core runs, short writes', CORE, ('write',), (('short', 0, 1),)),
    Running('core runs, killed', CORE, Control.CHANGES, KILLS),
    Running('observe runs, no memory', OBSERVE, ('alloc',), OUT_OF_MEMORY),
    Running('supervisor reads its configuration again, no memory', SUPERVISOR, ('alloc',), OUT_OF_MEMORY, reload=True),
    Starting('core begins, disk', CORE, Control.CHANGES, ERRORS, first=True, seal=False),
    Starting('core begins, killed', CORE, Control.CHANGES, KILLS, first=True, seal=False),
    Starting('core begins, no memory', CORE, ('alloc',), OUT_OF_MEMORY, first=True, seal=False),
    Starting('supervisor begins, disk', SUPERVISOR, Control.CHANGES, ERRORS, first=True, seal=False),
    Starting('supervisor begins, killed', SUPERVISOR, Control.CHANGES, KILLS, first=True, seal=False),
    Starting('supervisor begins, no memory', SUPERVISOR, ('alloc',), OUT_OF_MEMORY, first=True, seal=False),
    Starting('observe begins, no memory', OBSERVE, ('alloc',), OUT_OF_MEMORY, first=True, seal=False),
    Starting('core starts and seals, disk', CORE, Control.CHANGES, ERRORS),
    Starting('core starts and seals, short writes', CORE, ('write',), (('short', 0, 1),)),
    Starting('core starts and seals, killed', CORE, Control.CHANGES, KILLS),
    Starting('core starts and seals, unreadable', CORE, ('read',), (('error', errno.EIO, 1),)),
    Starting('core starts and seals, no memory', CORE, ('alloc',), OUT_OF_MEMORY, seal=False),
    Starting('supervisor starts and signs, disk', SUPERVISOR, Control.CHANGES, ERRORS, seal=False),
    Starting('supervisor starts and signs, killed', SUPERVISOR, Control.CHANGES, KILLS, seal=False),
)


def points(share):
    """Every call, or 1, 8, 64 … where only a sample is asked for. Of thousands of allocations only some come behind the first 500."""
    nth = 1
    while nth < END:
        yield nth
        nth = nth * share if share > 1 else nth + 1 if nth < 500 else nth + nth // 100


def run(bed, tap, sweep, share):
    n = 0
    for fault in sweep.faults[:1] if share > 1 else sweep.faults:
        missed = 0  # one run has a few calls more than another
        for nth in points(share):
            if missed == (3 if share == 1 else 1):
                break
            name = f'{sweep.name}: {name_of(*fault)} at call {nth}'
            try:
                if not sweep.one(bed, nth, fault):
                    missed += 1
                    continue
                tap.result(name)
            except Wrong as wrong:
                tap.result(name, wrong, bed.words())
                bed.control.disarm()
                if bed.runs():
                    bed.kill()
                bed.daemon = None
            n += 1
    if bed.runs():
        try:
            recover(bed)
        except Wrong as wrong:
            tap.result(f'{sweep.name}: afterwards', wrong, bed.words())
    progress(f'{sweep.name}: {n} faults')
    tap.result(f'{sweep.name}: faults were injected', None if n else 'none')


def main():
    skip_unless_possible()
    share = 1 if os.environ.get('FAULTS') == 'all' else 8
    tap = Tap()
    bed = Bed(sys.argv[1])
    try:
        for sweep in SWEEPS:
            if sweep.name.startswith(os.environ.get('ONLY', '')):
                run(bed, tap, sweep, share)
    finally:
        bed.close()
    tap.end()


main()
