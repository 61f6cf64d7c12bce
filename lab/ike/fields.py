#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every field of what ipsecmon shows of one end's SAs against the daemon and the kernel.

usage: fields.py DAEMON END CONNECTION FOLDER [--at-once]

The folder has what was read one after the other: "before" and "after" (the time of day around it all), "mainmode" and
"quickmode" (JSON lines of ipsecmon), "state" (ip -s xfrm state), "comm" (the daemon's process), and of strongSwan "sas"
(swanctl --list-sas --pretty), of Libreswan "status", "traffic" (whack --trafficstatus) and "log". Prints a line for each field
that differs and fails then. A field that neither the daemon nor the kernel tells has to be null. --at-once: what charon is
asked for once a minute does not have to be so new.
"""
import json
import pathlib
import re
import sys
from datetime import datetime, timezone

# Points in time are told in whole seconds from now, and a daemon takes its time to tell.
TOLERANCE_S = 2

DAEMON, END, CONNECTION = sys.argv[1:4]
FOLDER = pathlib.Path(sys.argv[4])
AT_ONCE = '--at-once' in sys.argv


def text_of(name):
    return (FOLDER / name).read_text(errors='replace')


BEFORE, AFTER = float(text_of('before')), float(text_of('after'))
FAILED = []


def fail(what):
    print(f'{END}: {what}')
    FAILED.append(what)


class Time:
    """So many seconds from now, as somebody said between before and after; down to whole seconds."""

    def __init__(self, seconds):
        self.first, self.last = BEFORE + seconds - 1, AFTER + seconds + 1

    def __eq__(self, told):
        if not isinstance(told, str):
            return False
        at = datetime.fromisoformat(told.replace('Z', '+00:00')).timestamp()
        return self.first - TOLERANCE_S <= at <= self.last + TOLERANCE_S

    def __str__(self):
        return ' to '.join(datetime.fromtimestamp(t, timezone.utc).strftime('%FT%TZ') for t in (self.first, self.last))


class Seconds:
    """So many seconds from or to something, as somebody said between before and after; asked at another moment of these."""

    def __init__(self, seconds):
        self.first, self.last = seconds - (AFTER - BEFORE), seconds + (AFTER - BEFORE)

    def __eq__(self, told):
        return isinstance(told, int) and self.first - TOLERANCE_S - 1 <= told <= self.last + TOLERANCE_S + 1

    def __str__(self):
        return f'{self.first:.0f} to {self.last:.0f}'


class Any:
    """Told by nobody but the monitor, which learns it in its own way."""

    def __eq__(self, told):
        return True

    def __str__(self):
        return 'anything'


class Early:
    """What pluto's log says, and its lists do not, of an SA from when the monitor may not have found pluto yet."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, told):
        return told is None or told == self.value

    def __str__(self):
        return f'{self.value}, or not known'


def ago(seconds):
    """A time that lies so far back, and the age of what began then."""
    return (None, None) if seconds is None else (Time(-seconds), Seconds(seconds))


def ahead(seconds):
    return (None, None) if seconds is None else (Time(seconds), Seconds(seconds))


def number(text, base=10):
    return None if text is None else int(text, base)


# ---- the kernel

def kernel():
    """SPI: what the kernel has. Larval SAs have no keys, and are none."""
    sas = {}
    for block in re.split(r'(?m)^(?=src )', text_of('state')):
        head = re.match(r'src (\S+) dst (\S+)\s+proto (\w+) spi 0x([0-9a-f]+)\S* reqid (\d+)\S* mode (\S+)', block)
        cipher = re.search(r'(?m)^\s+(?:enc|aead) (\S+) 0x', block)
        integrity = re.search(r'(?m)^\s+auth(?:-trunc)? (\S+) 0x', block)
        counts = re.search(r'lifetime current:\s+(\d+)\(bytes\), (\d+)\(packets\)', block)
        if not head or not (cipher or integrity):
            continue
        limits = re.search(r'expire add: soft (\d+)\(sec\), hard (\d+)', block)
        sas[int(head[4], 16)] = {
            'local': head[1], 'remote': head[2], 'proto': head[3], 'reqid': int(head[5]), 'mode': head[6],
            'encryption': cipher and cipher[1], 'integrity': integrity and integrity[1],
            'bytes': int(counts[1]), 'packets': int(counts[2]),
            'encap': 'encap type espinudp' in block, 'esn': bool(re.search(r'flag [^(]*\besn\b', block)),
            # With ESN, or a wide window, it stands with the bitmap, and 0 in its old place.
            'window': max(map(int, re.findall(r'replay[-_]window (\d+)', block))),
            'failed': int(re.search(r'replay \d+ failed (\d+)', block)[1]),
            'hard': int(limits[2]),
        }
    return sas


KERNEL = kernel()


def add_kernel(child):
    """What of a child the kernel tells; where the daemon has told it already, both have to say the same."""
    sa_in, sa_out = KERNEL.get(child['spi_in']), KERNEL.get(child['spi_out'])
    child['installed'] = {(1, 1): 'in and out', (1, 0): 'in', (0, 1): 'out', (0, 0): 'none'}[bool(sa_in), bool(sa_out)]
    for way, sa in (('in', sa_in), ('out', sa_out)):
        child[f'bytes_{way}'] = sa and sa['bytes']
        child[f'packets_{way}'] = sa and sa['packets']
        if not sa:
            continue
        for field in 'reqid', 'mode', 'proto', 'encap', 'esn':
            # None: the daemon does not tell it.
            if child.get(field) is None:
                child[field] = sa[field]
            elif child[field] != sa[field]:
                fail(f'child {child["unique"]}: {field}: the daemon says {child[field]}, the kernel {sa[field]}')
    child['replay_window'] = sa_in and sa_in['window']
    child['integrity_failed'] = sa_in and sa_in['failed']
    child['kernel_encryption'] = sa_out and sa_out['encryption']
    child['kernel_integrity'] = sa_out and sa_out['integrity']
    return child


# ---- strongSwan

def pretty(text):
    """swanctl's --pretty: sections are dicts, lists are lists. Names may be there twice: (name, value) in a list."""
    top = []
    stack = [top]
    for line in map(str.strip, text.splitlines()):
        if line in ('}', ']'):
            stack.pop()
        elif isinstance(stack[-1], tuple):
            stack[-1][0].append(line)
        elif line.endswith(' {'):
            section = []
            stack[-1].append((line[:-2], section))
            stack.append(section)
        elif line.endswith(' = ['):
            words = []
            stack[-1].append((line[:-4], words))
            stack.append((words,))
        elif ' = ' in line:
            stack[-1].append(tuple(line.split(' = ', 1)))
    return top


def strongswan_child(ike, name, has):
    added, age = ago(number(has.get('install-time')))
    rekey, rekey_in = ahead(number(has.get('rekey-time')))
    counted = 'bytes-in' in has
    return add_kernel({
        'connection': name, 'name': has['name'], 'tunnel': f'{name}/{has["name"]}',
        'unique': int(has['uniqueid']), 'ike_unique': ike['unique'], 'local': ike['local'], 'remote': ike['remote'],
        'state': has['state'].lower(), 'mode': has['mode'].lower(), 'proto': has['protocol'].lower(),
        'encap': has.get('encap', 'no') == 'yes', 'esn': has.get('esn', '0') != '0', 'reqid': int(has['reqid']),
        'spi_in': number(has.get('spi-in'), 16), 'spi_out': number(has.get('spi-out'), 16),
        'encryption': has.get('encr-alg'), 'encryption_bits': number(has.get('encr-keysize')),
        'integrity': has.get('integ-alg'), 'dh': has.get('dh-group'),
        'daemon_bytes_in': int(has['bytes-in']) if counted else None,
        'daemon_bytes_out': int(has['bytes-out']) if counted else None,
        'daemon_packets_in': int(has['packets-in']) if counted else None,
        'daemon_packets_out': int(has['packets-out']) if counted else None,
        'added': added, 'age_s': age, 'rekey': rekey, 'rekey_in_s': rekey_in,
        'expires': ahead(number(has.get('life-time')))[0],
        'local_ts': ' '.join(has.get('local-ts', [])), 'remote_ts': ' '.join(has.get('remote-ts', [])),
        'if_id_in': number(has.get('if-id-in', '0'), 16), 'if_id_out': number(has.get('if-id-out', '0'), 16),
        'mark_in': number(has.get('mark-in'), 16), 'mark_out': number(has.get('mark-out'), 16),
    })


def strongswan():
    ikes, children = {}, {}
    for event, body in pretty(text_of('sas')):
        for name, section in body if event == 'list-sa event' else []:
            has = dict(section)
            kids = [dict(child) for _, child in has.get('child-sas', [])]
            established, age = ago(number(has.get('established')))
            rekey, rekey_in = ahead(number(has.get('rekey-time')))
            nat = [side for side in ('local', 'remote') if has.get(f'nat-{side}') == 'yes']
            ike = {
                'connection': name, 'unique': int(has['uniqueid']), 'version': int(has['version']),
                'state': has['state'].lower(), 'role': 'initiator' if has.get('initiator') == 'yes' else 'responder',
                'local': has['local-host'], 'local_port': int(has['local-port']), 'local_id': has['local-id'],
                'remote': has['remote-host'], 'remote_port': int(has['remote-port']), 'remote_id': has['remote-id'],
                'remote_user': has.get('remote-eap-id', has.get('remote-xauth-id')),
                'vips': ' '.join(has.get('local-vips', []) + has.get('remote-vips', [])) or None,
                'nat': 'both' if len(nat) == 2 else nat[0] if nat else 'somewhere' if has.get('nat-any') == 'yes' else 'none',
                'encryption': has.get('encr-alg'), 'encryption_bits': number(has.get('encr-keysize')),
                'integrity': has.get('integ-alg'), 'prf': has.get('prf-alg'), 'dh': has.get('dh-group'),
                'established': established, 'age_s': age, 'rekey': rekey, 'rekey_in_s': rekey_in,
                'reauth': ahead(number(has.get('reauth-time')))[0],
                'children': sum(child['state'] == 'INSTALLED' for child in kids),
                # Until then those stand that the event of its coming up had.
                'queued': Any() if AT_ONCE else sum(len(has.get(f'tasks-{of}', [])) for of in ('queued', 'active')),
                'spi_i': has['initiator-spi'], 'spi_r': has['responder-spi'],
                'if_id_in': number(has.get('if-id-in', '0'), 16), 'if_id_out': number(has.get('if-id-out', '0'), 16),
            }
            ikes[ike['unique']] = ike
            for child in kids:
                children[int(child['uniqueid'])] = strongswan_child(ike, name, child)
    return ikes, children


# ---- Libreswan

def cipher_of(text):
    """AES_CBC_128: name and bits of its key; AES_GCM_16_128 likewise."""
    name, bits = re.fullmatch(r'(.+?)(?:_(\d{2,}))?', text).groups()
    if bits == '16':
        return text, None
    return name, number(bits)


def connections():
    """Of whack --status what stands behind each connection's name: its topology first, then its details."""
    conns = {}
    for name, rest in re.findall(r'(?m)^000 ("[^"]+"(?:\[\d+\])*): (.*)$', text_of('status')):
        conns.setdefault(name, []).append(rest)
    return conns


def ends_of(topology):
    """NET===HOST<HOST>[ID]...HOST<HOST>[ID]===NET; without a net the host is meant."""
    topology = topology.split('; ')[0]
    left, right = re.split(r'\.\.\.', re.sub(r'\[[^]]*\]', '', topology), maxsplit=1)
    ends = []
    for end, host_first in ((left, False), (right, True)):
        parts = end.split('===')
        if not host_first:
            parts.reverse()
        host = re.sub(r'[<:].*', '', parts[0].split('---')[0])
        ends.append((host, parts[1].strip('{}') if len(parts) > 1 else f'{host}/32'))
    return ends


# Of an SA's end and beginning the log tells more than the lists: role and algorithms, as they were agreed on.
ESTABLISHED = r'#{}: .*(?:IKE SA established|established IKE SA|ISAKMP SA established).*'


def clock(line):
    """Seconds of the day."""
    hours, minutes, seconds = re.match(r'\w+ +\d+ (\d+):(\d+):([\d.]+): ', line).groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


# The supervisor looks for daemons every 2 s, and takes one that is a second old; then its log is opened. In a guest on a busy
# machine that takes longer.
FOUND_S = 5


def logged_ike(unique):
    # Each pluto begins to count at 1 again.
    log = text_of('log').splitlines()
    begun = max((i for i, line in enumerate(log) if 'Starting Pluto' in line), default=0)
    lines = [line for line in log[begun:] if re.search(ESTABLISHED.format(unique), line)]
    found = {}
    for line in lines:
        found.update(re.findall(r'(cipher|integ|prf|group)=(\S+?)[,} ]', line + ' '))
        role = re.search(r'\b(initiator|responder) established', line)
        if role:
            early = (clock(line) - clock(log[begun])) % 86400 < FOUND_S
            found['role'] = Early(role[1]) if early else role[1]
    return found


def detail(lines, key):
    for line in lines:
        found = re.search(r'(?:^|[ ;]) *' + re.escape(key) + r' ?(.*?)(?:;|$)', line)
        if found:
            return found[1].strip()
    return None


def libreswan():
    status, ikes, children = text_of('status'), {}, {}
    conns, used = connections(), {}
    states = re.findall(r'(?m)^(?:\d{3} )?#(\d+): ("[^"]+")((?:\[\d+\])*)\S*?(?: \S+?)?:(\d+) STATE_(\w+) \([^)]*\); ?(.*)$', status)
    spis = {int(n): (way.startswith('tun') or ' tun.' in way, way) for n, way in
            re.findall(r'(?m)^(?:\d{3} )?#(\d+): "[^"]+"(?:\[\d+\])*(?: \S+)?? ((?:esp|ah)[.:]\S+@.*)Traffic:', status)}
    traffic = {int(n): rest for n, rest in re.findall(r'(?m)^\d{3} #(\d+): "[^"]+"(.*)$', text_of('traffic'))}
    for n, name, instance, port, state, rest in states:
        unique, conn = int(n), conns[name + instance]
        (local, local_ts), (remote, remote_ts) = ends_of(conn[0])
        rekeys = number((re.search(r'REKEY in (\d+)s', rest) or [None, None])[1])
        replaced = number((re.search(r'REPLACE in (\d+)s', rest) or [None, None])[1])
        over = re.search(r' (?:IKE|ISAKMP) SA #(\d+)', ' ' + rest)
        version = 2 if state.startswith('V2_') else 1
        if version == 1 and rekeys is None:
            # IKEv1 has but one event.
            rekeys, replaced = replaced, None
        rekey, rekey_in = ahead(rekeys)
        common = {'connection': name.strip('"'), 'unique': unique, 'rekey': rekey, 'rekey_in_s': rekey_in,
                  'if_id_in': 0, 'if_id_out': 0}
        if not over:
            log = logged_ike(unique)
            algorithm = (detail(conn, f'IKEv{version} algorithm newest:') or detail(conn, 'IKE algorithm newest:')).split('-')
            encryption, bits = cipher_of(log.get('cipher', algorithm[0]))
            ikes[unique] = dict(common, **{
                'version': version, 'state': 'established' if 'ESTABLISHED' in state or state in ('MAIN_R3', 'MAIN_I4') else state,
                'role': log.get('role') or {'MAIN_R3': 'responder', 'MAIN_I4': 'initiator'}.get(state),
                'local': local, 'remote': remote, 'local_port': None, 'remote_port': int(port),
                'local_id': detail(conn, 'our id='), 'remote_id': detail(conn, 'their id='), 'remote_user': None,
                'vips': None, 'nat': None, 'encryption': encryption, 'encryption_bits': bits,
                'prf': log.get('prf', algorithm[1]), 'dh': log.get('group', algorithm[-1]),
                # Of IKEv2 the log has the length of the ICV behind the name.
                'integrity': re.sub(r'_\d+$' if version == 2 else '$', '', log.get('integ', '')) or algorithm[-2],
                'established': Any(), 'age_s': Any(), 'reauth': None, 'children': 0, 'queued': 0, 'spi_i': None, 'spi_r': None,
            })
            continue
        tunnel, ways = spis[unique]
        out, into = (int(spi, 16) for spi in re.findall(r'(?:esp|ah)[.:]([0-9a-f]+)@', ways)[:2])
        counts = traffic.get(unique, '')
        added, age = ago(int(BEFORE) - int(re.search(r'add_time=(\d+)', counts)[1])) if 'add_time' in counts else (None, None)
        cipher, integrity = detail(conn, 'ESP algorithm newest:').split('-', 1)
        encryption, bits = cipher_of(cipher)
        lease = re.search(r'lease=([0-9a-f.:/]+)', counts)
        used[unique] = (int(over[1]), lease and lease[1])
        children[unique] = add_kernel(dict(common, **{
            'name': name.strip('"'), 'tunnel': name.strip('"'), 'ike_unique': int(over[1]), 'local': local, 'remote': remote,
            'state': 'installed' if 'ESTABLISHED_CHILD' in state or state in ('QUICK_R2', 'QUICK_I2') else state,
            'mode': 'tunnel' if tunnel else 'transport', 'proto': re.match(r'\w+', ways)[0],
            'spi_in': into, 'spi_out': out, 'encryption': encryption, 'encryption_bits': bits,
            'integrity': None if integrity == 'NONE' else integrity, 'dh': None,
            'daemon_bytes_in': number((re.search(r'inBytes=(\d+)', counts) or [None, None])[1]),
            'daemon_bytes_out': number((re.search(r'outBytes=(\d+)', counts) or [None, None])[1]),
            'daemon_packets_in': None, 'daemon_packets_out': None,
            'added': added, 'age_s': age, 'expires': ahead(replaced)[0],
            'local_ts': local_ts, 'remote_ts': remote_ts, 'mark_in': None, 'mark_out': None,
        }))
    for ike, lease in used.values():
        if ike in ikes:
            ikes[ike]['children'] += 1
            ikes[ike]['vips'] = lease or ikes[ike]['vips']
    return ikes, children


# ---- the comparison

def rows(file):
    """By their numbers, of the end and the connection; of a connection with several subnets pluto makes NAME/1x2."""
    found = {}
    for line in text_of(file).splitlines():
        row = json.loads(line)
        if row.get('netns') == END and re.split('/', row.get('connection') or '')[0] == CONNECTION:
            found[row['unique']] = row
    return found


def ours(sas):
    return {unique: sa for unique, sa in sas.items() if sa['connection'].split('/')[0] == CONNECTION}


def compare(what, told, expected):
    for unique in sorted(told.keys() | expected.keys()):
        row, wanted = told.get(unique), expected.get(unique)
        if not row or not wanted:
            fail(f'{what} {unique}: {"ipsecmon" if wanted else "the daemon"} does not have it')
            continue
        wanted = {'netns': END, 'daemon': text_of('comm').strip(), 'stale': None, **wanted}
        for field in sorted(row.keys() | wanted.keys()):
            # Whoever adds a field has to say here who else tells it.
            if field not in wanted:
                fail(f'{what} {unique}: {field}: {row[field]!r} is compared with nothing')
            elif not wanted[field] == row.get(field):
                fail(f'{what} {unique}: {field}: ipsecmon says {row.get(field)!r}, it is {wanted[field]}')
    if not expected:
        fail(f'the daemon has no {what}')


ikes, children = globals()[DAEMON]()
compare('IKE SA', rows('mainmode'), ours(ikes))
compare('child', rows('quickmode'), ours(children))
sys.exit(bool(FAILED))
