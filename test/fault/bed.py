# SPDX-License-Identifier: Apache-2.0
"""A real monitor before two network namespaces, whose drops we make ourselves, and what must hold of it after any fault."""
import collections
import http.client
import json
import mmap
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

COUNTER = 'XfrmInTmplMismatch'
PATIENCE_S = 60


class Control:
    """Which call of which program fails; as struct control of preload.c has it."""
    CALLS = ('alloc', 'write', 'sync', 'truncate', 'open', 'rename', 'unlink', 'read')
    CHANGES = ('write', 'sync', 'truncate', 'open', 'rename', 'unlink')
    WHAT = {'error': 0, 'short': 1, 'kill-before': 2, 'kill-after': 3}
    FORM = struct.Struct('=IIiIQQ8Q24s')

    def __init__(self, path):
        path.write_bytes(bytes(self.FORM.size))
        path.chmod(0o666)
        self.path = path
        with path.open('r+b') as f:
            self.map = mmap.mmap(f.fileno(), self.FORM.size)

    def arm(self, program, calls, nth, what='error', error=0, times=1):
        """The nth call from now on of one of these kinds; times: so many in a row, 0: all from then on."""
        mask = sum(1 << self.CALLS.index(c) for c in calls)
        self.FORM.pack_into(self.map, 0, mask, self.WHAT[what], error, times, 0, 0, *[0] * 8, program.encode())
        struct.pack_into('=Q', self.map, 16, nth)

    def disarm(self):
        struct.pack_into('=Q', self.map, 16, 0)

    @property
    def fired(self):
        return struct.unpack_from('=Q', self.map, 24)[0]

    @property
    def seen(self):
        return dict(zip(self.CALLS, struct.unpack_from('=8Q', self.map, 32)))


class Wrong(Exception):
    """Something that must hold does not."""


class Monitor(http.client.HTTPConnection):
    """One question to the monitor."""

    def __init__(self, path):
        super().__init__('monitor', timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def within(condition, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            return None
        time.sleep(0.02)
    return found


class Bed:
    """Two namespaces joined by a wire: whatever comes from the one is to be secured, and is not."""

    def __init__(self, build, conf=''):
        self.build = pathlib.Path(build)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='fault.'))
        self.dir.chmod(0o755)
        self.a, self.b = f'fa{os.getpid()}', f'fb{os.getpid()}'
        self.state, self.key = self.dir / 'state', self.dir / 'state-key'
        self.socket = self.dir / 'socket'
        self.said = self.dir / 'said'
        self.conf = self.dir / 'conf'
        self.control = Control(self.dir / 'control')
        self.daemon = self.inside = None
        self.environment = {}
        self.policies = 0
        self.configure(conf)
        self.lay()

    def configure(self, more='', also=False):
        """also: namespaces whose names begin with ours are watched too."""
        names = f'"{self.b}", "{self.b}-*"' if also else f'"{self.b}"'
        self.conf.write_text(f'poll_interval = 100\nsettle = 300\nnetns = {{{names}}}\n{more}\n')

    def ip(self, *words, text=None):
        subprocess.run(('ip',) + words, input=text, text=True, check=True, stdout=subprocess.DEVNULL)

    def lay(self):
        for ns in (self.a, self.b):
            self.ip('netns', 'add', ns)
        self.ip('link', 'add', 'v', 'netns', self.a, 'type', 'veth', 'peer', 'name', 'v', 'netns', self.b)
        for ns, address in ((self.a, '10.0.0.1/8'), (self.b, '10.0.0.2/8')):
            self.ip('-n', ns, 'addr', 'add', address, 'dev', 'v')
            self.ip('-n', ns, 'link', 'set', 'v', 'up')
        self.inside = subprocess.Popen(('ip', 'netns', 'exec', self.b, 'sh', '-c',
            'for f in all default v; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done; echo; exec cat'),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.inside.stdout.readline()
        out = subprocess.run(('ip', '-n', self.b, '-j', 'link', 'show', 'v'), capture_output=True, check=True).stdout
        self.mac = json.loads(out)[0]['address']
        self.ip('-n', self.b, 'xfrm', 'policy', 'add', 'src', '10.0.0.0/8', 'dst', '10.0.0.2', 'dir', 'in', 'tmpl',
            'src', '10.0.0.1', 'dst', '10.0.0.2', 'proto', 'esp', 'mode', 'transport')

    def close(self):
        if self.runs():
            self.daemon.kill()
            self.daemon.wait()
        if self.inside:
            self.inside.stdin.close()
            self.inside.wait()
        for ns in (self.a, self.b):
            subprocess.run(('ip', 'netns', 'del', ns), stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    # What happens.

    def drop(self, packets=20, sources=3, per_second=0):
        subprocess.run(('ip', 'netns', 'exec', self.a, self.build / 'test/netns/spray', 'v', self.mac, '10.0.0.2',
            str(packets), str(sources), str(per_second)), check=True)

    def change_policies(self, n=2):
        """Adds so many and removes them again: two events each."""
        lines = []
        for _ in range(n):
            self.policies += 1
            where = f'src 10.{self.policies >> 8 & 255}.{self.policies & 255}.0/24 dst 10.255.0.0/16 dir out'
            lines += [f'xfrm policy add {where} priority {self.policies}', f'xfrm policy delete {where}']
        self.ip('-n', self.b, '-batch', '-', text='\n'.join(lines) + '\n')

    def work(self):
        self.change_policies()
        self.drop()

    # The monitor.

    def start(self, preload=True, record=None):
        environment = dict(os.environ)
        if preload:
            environment |= {'LD_PRELOAD': str(self.build / 'test/fault/fault-preload.so'), 'FAULT_CONTROL': str(self.control.path)}
        if record:
            environment['FAULT_RECORD'] = str(record)
        with self.said.open('ab') as said:
            self.daemon = subprocess.Popen((self.build / 'ipsecmond', '--foreground', '--config', self.conf, '--state-dir', self.state,
                '--socket', self.socket), stdin=subprocess.DEVNULL, stderr=said, env=environment)

    def ask(self, what):
        """A row of JSON, or None: nobody answers, or not well."""
        client = Monitor(self.socket)
        try:
            client.request('GET', f'/api/v1/{what}')
            answer = client.getresponse()
            text = answer.read()
            return json.loads(text) if answer.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            client.close()

    def runs(self):
        return self.daemon is not None and self.daemon.poll() is None

    def is_watching(self):
        sources = self.ask('source?limit=1000') or {'items': []}
        return any(s.get('name') == 'xfrmstat' and s.get('netns') == self.b and s.get('state') == 'in step' for s in sources['items'])

    def wait_ready(self):
        """True: it works. False: it has ended."""
        if within(lambda: not self.runs() or self.is_watching()) is None:
            raise Wrong('the monitor neither works nor ends')
        return self.runs()

    def stop(self):
        """In order. Its status."""
        self.daemon.terminate()
        status = self.end()
        return status

    def kill(self):
        self.daemon.kill()
        self.end()

    def end(self):
        status = self.daemon.wait(PATIENCE_S)
        self.daemon = None
        return status

    def keep(self, name):
        """The state and the key, to be brought back."""
        for path in (self.state, self.key):
            shutil.copytree(path, self.dir / name / path.name)

    def bring_back(self, name):
        """As they were kept; None: as before the very first start."""
        for path in (self.state, self.key):
            shutil.rmtree(path, ignore_errors=True)
            if name:
                shutil.copytree(self.dir / name / path.name, path)

    def words(self):
        return self.said.read_text(errors='replace') if self.said.exists() else ''

    def children(self):
        """The monitor's processes: name → pid."""
        pid = self.daemon.pid
        found = {'ipsecmond': pid}
        try:
            children = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        except OSError:
            return {}
        for child in children:
            try:
                found[pathlib.Path(f'/proc/{child}/comm').read_text().strip()] = int(child)
            except OSError:
                pass
        return found

    @staticmethod
    def rss(pid):
        """Octets of memory."""
        text = pathlib.Path(f'/proc/{pid}/status').read_text()
        return int(text.split('VmRSS:')[1].split()[0]) << 10

    # What must hold.

    def kernel(self):
        text = pathlib.Path(f'/proc/{self.inside.pid}/net/xfrm_stat').read_text()
        return {name: int(n) for name, n in map(str.split, text.splitlines())}

    def reconciles(self):
        """The monitor's own books agree with the kernel as we read it."""
        rows = self.ask('reconcile?limit=1000')
        if rows is None:
            return False
        told = {r['counter']: r for r in rows['items'] if r.get('netns') == self.b and r.get('kernel') is not None}
        return all(told.get(c, {'kernel': 0, 'difference': 0})['kernel'] == n for c, n in self.kernel().items()) and \
            all(r['difference'] == 0 for r in rows['items'] if (r.get('netns') or '').startswith(self.b))

    def is_written(self):
        status = self.ask('status')
        return status is not None and status['log']['error'] is None and status['log']['waiting'] == 0

    def settle(self):
        """True: all is told. False: the monitor has ended."""
        if not within(lambda: not self.runs() or self.reconciles() and self.is_written()):
            raise Wrong(f'no reconcile: kernel {self.kernel()[COUNTER]}, told {self.ask("reconcile?limit=1000")}, log '
                f'{(self.ask("status") or {}).get("log")}')
        return self.runs()

    def verify(self, *more):
        words = [self.build / 'ipsecmon', 'audit', 'verify', self.state, *more]
        heads = self.state / 'heads.jsonl'
        if heads.exists() and heads.stat().st_size:
            words += ['--key', self.key / 'keys.pem']
        r = subprocess.run(words, capture_output=True, text=True)
        if r.returncode != 0:
            raise Wrong(f'the log does not verify: {r.stdout}{r.stderr}')

    def lines(self, state=None):
        """All lines of the log, as its files have them."""
        for path in sorted(((state or self.state) / 'log').glob('0*')):
            sealed = path.suffix == '.zst'
            if not sealed and path.with_name(path.name + '.zst').exists():
                pass
            elif sealed and path.with_suffix('').exists():
                continue
            octets = path.read_bytes()
            if sealed:
                octets = subprocess.run(('zstd', '-dcq'), input=octets, capture_output=True, check=True).stdout
            for line in octets.split(b'\n')[:-1]:
                yield json.loads(line)

    def check_log(self, removed=False):
        """The log holds what the kernel counted, each once. removed: retention took a part of it, the readings count for."""
        told, suppressed, seqs, policies, lost = collections.Counter(), {}, [], collections.Counter(), 0
        for line in self.lines():
            kind = line.get('type')
            if kind == 'commit':
                lost += line['lost']
            elif kind == 'reading' and line['netns'] == self.b:
                suppressed[line['counter']] = line
            elif kind is None:
                seqs.append(line['seq'])
                if line.get('netns') == self.b and line.get('counter'):
                    told[line['counter']] += line.get('count', 0)
                if line['name'] in ('policy_added', 'policy_deleted') and line.get('netns') == self.b:
                    policies[line['name'], line.get('detail', {}).get('priority'), line.get('policy')] += 1
        if sorted(set(seqs)) != seqs:
            raise Wrong('a number of an event comes twice')
        if twice := [p for p, n in policies.items() if n > 1]:
            raise Wrong(f'told twice: {twice[:3]}')
        for counter, n in self.kernel().items():
            r = suppressed.get(counter, {'kernel': 0, 'attributed': 0, 'unattributed': 0, 'suppressed': 0})
            if r['kernel'] != n or r['attributed'] + r['unattributed'] + r['suppressed'] != n:
                raise Wrong(f'the last reading of {counter} is {r}, the kernel counts {n}')
            if not removed and lost == 0 and told[counter] + r['suppressed'] != n:
                raise Wrong(f'{counter}: the log tells {told[counter]} and {r["suppressed"]} suppressed, the kernel counts {n}')
        return lost


class Tap:
    """Results, one by one; what went wrong is said below."""

    def __init__(self):
        self.n, self.failed = 0, 0

    def result(self, name, wrong=None, words=''):
        self.n += 1
        print(f'{"not ok" if wrong else "ok"} {self.n} - {name}', flush=True)
        if wrong:
            self.failed += 1
            for line in str(wrong).splitlines() + words.splitlines()[-20:]:
                print(f'# {line}')

    def end(self):
        print(f'1..{self.n}')
        sys.exit(1 if self.failed else 0)


def skip_unless_possible():
    if os.geteuid() != 0 or subprocess.run(('ip', 'netns', 'add', f'fa{os.getpid()}'), stderr=subprocess.DEVNULL).returncode:
        print('1..0 # SKIP needs root and network namespaces')
        sys.exit(77)
    subprocess.run(('ip', 'netns', 'del', f'fa{os.getpid()}'), check=True)


def progress(text):
    print(f'{time.strftime("%H:%M:%S")} {text}', file=sys.stderr, flush=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
