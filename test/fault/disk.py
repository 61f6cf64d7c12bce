# SPDX-License-Identifier: Apache-2.0
"""A disk that loses what was not synced: the record of preload.c, taken up to some change, gives all states that a power cut may leave.

Of a file's data only what fsync() or fdatasync() has seen is certain; of what came later any beginning may be there, the last write torn.
Names in a directory are certain when that directory was synced; of later changes of names any beginning may be there, whatever the data
of the files. (File systems promise more than that; nobody should depend on it.)
"""
import os
import struct

FORM = struct.Struct('=IIQQQQIIII')  # struct change
WRITE, SYNC, TRUNCATE, OPEN, RENAME, UNLINK, MKDIR = 2, 4, 8, 16, 32, 64, 256


def changes(path):
    """All of a record: (op, flags, file, dir, to_dir, at, name, to, octets)."""
    record, at = path.read_bytes(), 0
    while at < len(record):
        op, flags, file, folder, to_dir, where, n_name, n_to, n, _ = FORM.unpack_from(record, at)
        at += FORM.size
        name, to = record[at:at + n_name].decode(), record[at + n_name:at + n_name + n_to].decode()
        at += n_name + n_to
        yield op, flags, file, folder, to_dir, where, name, to, record[at:at + n]
        at += n


class File:
    def __init__(self):
        self.synced, self.later = b'', []

    def after(self, n, torn=None):
        """With the first n later changes, of the next one so many octets."""
        data = bytearray(self.synced)
        for i, (at, octets) in enumerate(self.later[:n + (torn is not None)]):
            if octets is None:
                del data[at:]
                data.extend(bytes(at - len(data)))
                continue
            octets = octets[:torn] if i == n else octets
            data.extend(bytes(max(0, at - len(data))))
            data[at:at + len(octets)] = octets
        return bytes(data)

    @property
    def now(self):
        return self.after(len(self.later))


class Folder:
    def __init__(self):
        self.synced, self.later = {}, []

    def after(self, n):
        names = dict(self.synced)
        for name, what in self.later[:n]:
            if what is None:
                names.pop(name, None)
            elif isinstance(what, str):  # renamed
                if what in names:
                    names[name] = names.pop(what)
            else:
                names[name] = what
        return names

    @property
    def now(self):
        return self.after(len(self.later))


class Disk:
    def __init__(self, root):
        """root: the inode of the folder that all is in."""
        self.root = Folder()
        self.folders, self.files = {root: self.root}, {}

    def apply(self, change):
        op, flags, file, folder, to_dir, at, name, to, octets = change
        if op == WRITE and file in self.files:
            self.files[file].later.append((at, octets))
        elif op == TRUNCATE and file in self.files:
            self.files[file].later.append((at, None))
        elif op == SYNC:
            self.sync(file)
        elif folder not in self.folders:
            pass
        elif op == OPEN:
            names = self.folders[folder].now
            if name not in names:
                self.files[file] = File()
                self.folders[folder].later.append((name, self.files[file]))
            elif flags & os.O_TRUNC:
                names[name].later.append((0, None))
        elif op == MKDIR:
            self.folders[file] = Folder()
            self.folders[folder].later.append((name, self.folders[file]))
        elif op == UNLINK:
            self.folders[folder].later.append((name, None))
        elif op == RENAME:
            assert folder == to_dir
            self.folders[folder].later.append((to, name))

    def sync(self, inode):
        if inode in self.files:
            self.files[inode].synced, self.files[inode].later = self.files[inode].now, []
        elif inode in self.folders:
            self.folders[inode].synced, self.folders[inode].later = self.folders[inode].now, []

    def left(self, choose, folder=None):
        """What a cut leaves: {path: octets, or None for a folder}. choose(n): how many of n later changes, and whether the next is torn."""
        folder = folder or self.root
        found = {}
        for name, what in folder.after(choose(len(folder.later))[0]).items():
            if isinstance(what, Folder):
                found[name] = None
                found |= {f'{name}/{inner}': data for inner, data in self.left(choose, what).items()}
            else:
                n, torn = choose(len(what.later))
                octets = what.later[n][1] if n < len(what.later) else None
                found[name] = what.after(n, int(len(octets) * torn) if octets else None)
        return found


def nothing_more(n):
    return 0, 0


def everything(n):
    return n, 0


def at_random(rng):
    def choose(n):
        return rng.randint(0, n), rng.random()
    return choose
