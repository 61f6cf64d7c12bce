#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A soak: drops at changing rates, policies and network namespaces that come and go, clients good and bad, new configurations, processes
that are killed, a log whose segments are sealed and removed all the time. Every minute all must be told; in the end nothing has grown.
Output: TAP; progress on standard error.

usage: soak.py BUILD; SOAK_SECONDS: how long (default 60); SEED: of what happens when.
"""
import os
import random
import signal
import socket
import subprocess
import sys
import time

from bed import Bed, Tap, Wrong, progress, skip_unless_possible, within

KILLS_UNTIL = 0.5  # of the time: from then on the same processes live, and must not grow
GROWTH_MAX = 16 << 20  # octets of memory, of each process in that second half
DESCRIPTORS_MAX = 16  # more of them than when it began


class Soak:
    def __init__(self, bed, rng, seconds):
        self.bed, self.rng, self.seconds = bed, rng, seconds
        self.begin = time.monotonic()
        self.spray, self.streams, self.names = None, [], []
        self.done, self.number = {}, 0

    @property
    def part(self):
        return (time.monotonic() - self.begin) / self.seconds

    # What happens.

    def drops(self):
        if self.spray and self.spray.poll() is None:
            return
        rate = self.rng.choice((10, 100, 1000, 20000, 100000))
        packets = rate * self.rng.randint(1, 4)
        self.spray = subprocess.Popen(('ip', 'netns', 'exec', self.bed.a, self.bed.build / 'test/netns/spray', 'v', self.bed.mac, '10.0.0.2',
            str(packets), str(self.rng.choice((1, 50, 5000, 0))), str(rate)))

    def changes(self):
        self.bed.change_policies(self.rng.randint(1, 200))

    def netns(self):
        """One more, in which a packet is dropped; or one fewer."""
        bed = self.bed
        if len(self.names) > self.rng.randint(0, 8):
            bed.ip('netns', 'del', self.names.pop(self.rng.randrange(len(self.names))))
            return
        self.number += 1
        name = f'{bed.b}-{self.number}'
        bed.ip('netns', 'add', name)
        self.names.append(name)
        bed.ip('-n', name, 'link', 'set', 'lo', 'up')
        bed.ip('-n', name, 'xfrm', 'policy', 'add', 'src', '127.0.0.0/8', 'dst', '127.0.0.0/8', 'dir', 'in', 'tmpl', 'src', '127.0.0.1', 'dst',
            '127.0.0.1', 'proto', 'esp', 'mode', 'transport')
        subprocess.run(('ip', 'netns', 'exec', name, 'bash', '-c', 'echo >/dev/udp/127.0.0.1/9'), stderr=subprocess.DEVNULL)

    def client(self):
        self.bed.ask(self.rng.choice(('status', 'source', 'policy?limit=1000', 'reconcile', 'events?limit=1000', 'statistic', 'log/segments',
            'events?where=count%3E1&limit=100', 'events?id=4963&order=asc', 'events?where=x%3D', 'no-such')))

    def bad_client(self):
        """One that listens and goes without a word, or begins and never ends."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        try:
            s.connect(str(self.bed.socket))
            s.sendall(self.rng.choice((b'GET /api/v1/stream HTTP/1.1\r\nHost: x\r\n\r\n', b'GET /api/v1/st', b'\0\xff\r\n\r\n')))
            self.streams.append(s)
        except OSError:
            s.close()
        while len(self.streams) > 10:
            self.streams.pop(self.rng.randrange(10)).close()

    def configuration(self):
        self.bed.configure(f'segment_size = 64K\nkeep_size = {self.rng.choice((1, 2))}M\nfirst_packets = {self.rng.randint(0, 20)}\n', also=True)
        if self.bed.runs():
            self.bed.daemon.send_signal(signal.SIGHUP)

    def kill(self):
        if self.part > KILLS_UNTIL:
            return
        children = self.bed.children()
        name = self.rng.choice(('ipsecmond-core', 'ipsecmond-core', 'ipsecmond-obser', 'ipsecmond'))
        if name == 'ipsecmond':
            self.bed.kill()
            self.bed.start(preload=False)
        elif name in children:
            os.kill(children[name], signal.SIGKILL)
        self.done['killed ' + name] = self.done.get('killed ' + name, 0) + 1

    WHAT = ((drops, 30), (changes, 20), (netns, 10), (client, 40), (bad_client, 5), (configuration, 2), (kill, 1))

    def step(self):
        what = self.rng.choices([w for w, _ in self.WHAT], [n for _, n in self.WHAT])[0]
        what(self)
        self.done[what.__name__] = self.done.get(what.__name__, 0) + 1

    # What must hold.

    def calm(self):
        """All that happened is told."""
        if self.spray:
            self.spray.wait()
        if not self.bed.wait_ready():
            raise Wrong('it has ended')
        self.bed.settle()
        if not within(self.index_in_step):
            raise Wrong('the index does not follow the log')
        self.bed.verify()

    def index_in_step(self):
        index = (self.bed.ask('status') or {}).get('log', {}).get('index')
        return index is None or index.get('in_step', True)

    def sizes(self):
        return {name: (pid, self.bed.rss(pid), len(os.listdir(f'/proc/{pid}/fd'))) for name, pid in self.bed.children().items()}

    def calm_sizes(self):
        self.clear()
        time.sleep(2)  # for those that notice that nobody is there any more
        self.calm()
        return self.sizes()

    def say(self):
        sizes = ', '.join(f'{name} {rss >> 10} KiB {fds} descriptors' for name, (_, rss, fds) in self.sizes().items())
        status = self.bed.ask('status')['log']
        progress(f'{self.part:.0%}: event {status["last_seq"]}, {status["segments"]} segments; {sizes}')

    def clear(self):
        """As in the beginning: no clients, no namespaces but the first two."""
        for s in self.streams:
            s.close()
        for name in self.names:
            self.bed.ip('netns', 'del', name)
        self.streams, self.names = [], []


def main():
    skip_unless_possible()
    seconds = int(os.environ.get('SOAK_SECONDS', '60'))
    tap = Tap()
    bed = Bed(sys.argv[1])
    soak = Soak(bed, random.Random(int(os.environ.get('SEED', '1'))), seconds)
    try:
        soak.configuration()
        bed.start(preload=False)
        bed.wait_ready()
        middle, next_calm = None, 0.0
        calm_every = min(60, seconds / 10)
        while soak.part < 1:
            soak.step()
            time.sleep(soak.rng.random() * 0.1)
            if time.monotonic() < next_calm:
                continue
            next_calm = time.monotonic() + calm_every
            wrong = None
            try:
                soak.calm()
                soak.say()
                if not middle and soak.part > KILLS_UNTIL:
                    middle = soak.calm_sizes()
            except Wrong as e:
                wrong = e
                next_calm = 0
            tap.result(f'all is told at {soak.part:.0%}', wrong, bed.words())
            if wrong:
                break
        if middle and not wrong:
            for name, (pid, rss, fds) in soak.calm_sizes().items():
                before = middle[name]
                growth = rss - before[1]
                tap.result(f'{name} has grown by {growth >> 10} KiB to {rss >> 10}, at most {GROWTH_MAX >> 10} are allowed',
                    'it is another process' if pid != before[0] else 'too much' if growth > GROWTH_MAX else None, bed.words())
                tap.result(f'{name} has {fds} descriptors, {before[2]} before',
                    'too many' if fds > before[2] + DESCRIPTORS_MAX else None)
        soak.clear()
        tap.result('it stops in order', None if bed.stop() == 0 else 'no', bed.words())
        wrong = None
        try:
            bed.verify()
            bed.check_log(removed=True)
        except Wrong as e:
            wrong = e
        tap.result('the log verifies, and its readings are the kernel\'s', wrong, bed.words())
        progress(f'done: {soak.done}')
    finally:
        soak.clear()
        bed.close()
    tap.end()


main()
