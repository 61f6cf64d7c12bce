#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A long storm: packets in the clear from thousands of sources, on two processors as fast as they can. Each is told, in a log that stays
small, by processes that stay small. Output: TAP.

usage: storm.py BUILD; PACKETS: how many (default 1,000,000).
"""
import os
import subprocess
import sys
import time

from bed import COUNTER, Bed, Tap, Wrong, progress, skip_unless_possible

RSS_MAX = 128 << 20  # octets, of each process
SOURCES = 5000
FOLDED = 10  # so many drops an event, on average, at least


def main():
    skip_unless_possible()
    packets = int(os.environ.get('PACKETS', '1000000'))
    tap = Tap()
    bed = Bed(sys.argv[1])
    try:
        bed.configure('poll_interval = 5000')
        bed.start(preload=False)
        bed.wait_ready()
        begin = time.monotonic()
        sprays = [subprocess.Popen(('ip', 'netns', 'exec', bed.a, bed.build / 'test/netns/spray', 'v', bed.mac, '10.0.0.2', str(packets // 2),
            str(SOURCES), '0', str(cpu))) for cpu in (0, 1)]
        while any(s.poll() is None for s in sprays):
            time.sleep(5)
            progress(f'{bed.kernel()[COUNTER]} drops')
        seconds = time.monotonic() - begin
        dropped = bed.kernel()[COUNTER]
        tap.result(f'{dropped} drops in {seconds:.0f} s', None if dropped >= packets * 0.99 else 'too few: packets were lost on the way')
        wrong = None
        try:
            bed.settle()
        except Wrong as e:
            wrong = e
        tap.result('the books agree with the kernel', wrong, bed.words())
        for name, pid in bed.children().items():
            rss = bed.rss(pid)
            tap.result(f'{name} has {rss >> 20} MiB, at most {RSS_MAX >> 20}', None if rss <= RSS_MAX else 'too much')
        seq = bed.ask('status')['log']['last_seq']
        tap.result(f'{seq} events, at most {packets // FOLDED}', None if seq <= packets // FOLDED else 'too many')
        tap.result('it stops in order', None if bed.stop() == 0 else 'no')
        try:
            bed.verify()
            bed.check_log()
        except Wrong as e:
            wrong = e
        tap.result('the log verifies and has each drop', wrong, bed.words())
    finally:
        bed.close()
    tap.end()


main()
