#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the sources against src/LAYERS: who includes whom, and which libraries. Output: TAP.

usage: layers.py SOURCE_ROOT
"""
import pathlib
import re
import sys

# Which header belongs to which library; the others of <...> are libc's and the kernel's.
LIBRARIES = {
    'jansson': r'jansson\.h', 'libmnl': r'libmnl/', 'libcrypto': r'openssl/', 'libsystemd': r'systemd/',
    'libmicrohttpd': r'microhttpd\.h', 'libcurl': r'curl/', 'libuv': r'uv\.h', 'libcap': r'sys/capability\.h',
    'libseccomp': r'seccomp\.h', 'libconfuse': r'confuse\.h', 'libsqlite3': r'sqlite3\.h', 'libbpf': r'bpf/',
    'libpcap': r'pcap', 'ncurses': r'n?curses', 'cmocka': r'cmocka\.h', 'libzstd': r'zstd\.h'}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]', re.M)


def read_layers(path):
    """LAYERS as {folder: (folders it may include, libraries)}, in order; complaints."""
    layers, wrong = {}, []
    for line in path.read_text().splitlines():
        line = line.split('#')[0].strip()
        if not line:
            continue
        folder, _, rest = line.partition(':')
        folder = folder.strip()
        words = rest.split()
        below = [w for w in words if not w.startswith('lib:')]
        for word in below:
            if word not in layers:
                wrong.append(f'{folder} names {word}, which is no folder listed before it')
        layers[folder] = (set(below), {w[4:] for w in words if w.startswith('lib:')})
    return layers, wrong


def folder_of(path, layers):
    """The deepest listed folder that a path (relative to src) lies in."""
    for parent in pathlib.PurePosixPath(path).parents:
        if str(parent) in layers:
            return str(parent)
    return None


def check_file(path, name, layers):
    """Complaints about one source file; name is its path below src."""
    folder = folder_of(name, layers)
    if folder is None:
        return ['lies in a folder that src/LAYERS does not list']
    below, libraries = layers[folder]
    wrong = []
    for kind, header in INCLUDE.findall(path.read_text()):
        if kind == '<':
            for library, pattern in LIBRARIES.items():
                if re.match(pattern, header) and library not in libraries:
                    wrong.append(f'includes <{header}>: {folder} has no lib:{library}')
            continue
        if '/' not in header:
            wrong.append(f'includes "{header}": write it with its folder')
            continue
        target = folder_of(header, layers)
        if target is None:
            wrong.append(f'includes "{header}": no listed folder')
        elif target != folder and target not in below:
            wrong.append(f'includes "{header}": {folder} may not include {target}')
    return wrong


def main():
    root = pathlib.Path(sys.argv[1])
    layers, wrong = read_layers(root / 'src' / 'LAYERS')
    results = [('src/LAYERS points upwards only', wrong)]
    for path in sorted((root / 'src').rglob('*.[ch]')):
        name = path.relative_to(root / 'src').as_posix()
        results.append((f'src/{name}', check_file(path, name, layers)))
    for number, (name, complaints) in enumerate(results, 1):
        print(f'{"not ok" if complaints else "ok"} {number} - {name}')
        for complaint in complaints:
            print(f'# {complaint}')
    print(f'1..{len(results)}')


main()
