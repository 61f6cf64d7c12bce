#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a charon whose VICI socket a monitor reaches through a relay that writes down what it is asked.

usage: vici_relay.py SOCKET REAL RECORD COMMAND...

SOCKET: for the monitor. REAL: charon's own. RECORD gets a line for each request: seconds of the monotonic clock, number of
the connection, what is asked. COMMAND becomes charon in this process: a monitor takes no socket that another process than
charon listens on, and to the kernel the one who listens is the one who said so. Once the monitor reads no more, neither does
the relay, and the lines "waits OCTETS" say how much of what charon has written waits to be read. While there is a file
RECORD.busy, it hangs up on everybody, with a line "hangs up".
"""
import array
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios
import time

CMD_REQUEST, EVENT_REGISTER = 0, 3
KEY_VALUE = 3
TICK_S = 0.2


def arguments(message):
    """key=value of each; sections and lists, which the monitor's requests do not have, end it."""
    while message and message[0] == KEY_VALUE:
        n = message[1]
        key, message = message[2:2 + n], message[2 + n:]
        size, = struct.unpack_from('!H', message)
        yield f'{key.decode()}={message[2:2 + size].decode()}'
        message = message[2 + size:]


def asked(packet):
    """What a packet asks, in words."""
    kind, n = packet[0], packet[1]
    name, rest = packet[2:2 + n].decode(), packet[2 + n:]
    return ' '.join([{CMD_REQUEST: 'request', EVENT_REGISTER: 'register'}.get(kind, f'packet {kind}'), name,
                     *arguments(rest)])


class Connection:
    def __init__(self, number, monitor, real, record):
        self.number, self.monitor, self.record = number, monitor, record
        self.charon = socket.socket(socket.AF_UNIX)
        self.charon.connect(real)
        # So that a monitor that stops is felt after a little, not after what the relay's buffer holds besides.
        monitor.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        monitor.setblocking(False)
        self.octets, self.pending, self.waits = b'', b'', 0

    def write(self, what):
        os.write(self.record, f'{time.monotonic():.6f} {self.number} {what}\n'.encode())

    def from_monitor(self):
        octets = self.monitor.recv(65536)
        if not octets:
            return False
        self.octets += octets
        while len(self.octets) >= 4:
            size, = struct.unpack_from('!I', self.octets)
            if len(self.octets) < 4 + size:
                break
            self.write(asked(self.octets[4:4 + size]))
            self.octets = self.octets[4 + size:]
        self.charon.sendall(octets)
        return True

    def from_charon(self):
        self.pending = self.charon.recv(65536)
        return bool(self.pending)

    def to_monitor(self):
        try:
            self.pending = self.pending[self.monitor.send(self.pending):]
        except BlockingIOError:
            pass

    def look(self):
        waiting = array.array('i', [0])
        fcntl.ioctl(self.charon, termios.FIONREAD, waiting)
        if self.pending and waiting[0] != self.waits:
            self.write(f'waits {waiting[0]}')
        self.waits = waiting[0] if self.pending else 0

    def serve(self, readable, writable):
        """False: one side has ended."""
        try:
            if self.pending:
                if self.monitor in writable:
                    self.to_monitor()
            elif self.charon in readable and not self.from_charon():
                return False
            return self.monitor not in readable or self.from_monitor()
        except (ConnectionError, BrokenPipeError):
            return False

    def close(self):
        self.monitor.close()
        self.charon.close()


def relay(listener, real, record, busy_file):
    connections, number = [], 0
    while True:
        readable, writable, _ = select.select(
            [listener, *(c.monitor for c in connections), *(c.charon for c in connections if not c.pending)],
            [c.monitor for c in connections if c.pending], [], TICK_S)
        busy = os.path.exists(busy_file)
        for c in list(connections):
            if not busy and c.serve(readable, writable):
                c.look()
            else:
                c.close()
                connections.remove(c)
        if listener in readable:
            number += 1
            connections.append(Connection(number, listener.accept()[0], real, record))
            if busy:
                connections[-1].write('hangs up')


def main():
    path, real, record, *command = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    if os.fork():
        os.execvp(command[0], command)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: ends with charon
    relay(listener, real, os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), f'{record}.busy')


if __name__ == '__main__':
    main()
