#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""N datagrams in the clear from v0 into v1 of this netns: whole frames, so that they come in as from elsewhere.

usage: storm.py N
"""
import socket
import struct
import sys


def checksum(octets):
    total = sum(struct.unpack(f'!{len(octets) // 2}H', octets))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


SRC, DST = socket.inet_aton('203.0.113.9'), socket.inet_aton('198.51.100.1')
udp = struct.pack('!HHHH', 7000, 7001, 16, 0) + bytes(8)
head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, SRC, DST)
head = head[:10] + struct.pack('!H', checksum(head)) + head[12:]
frame = bytes.fromhex('020000000002' '020000000001' '0800') + head + udp
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('v0', 0))
for _ in range(int(sys.argv[1])):
    s.send(frame)
