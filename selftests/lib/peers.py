# SPDX-License-Identifier: GPL-2.0
"""A peer of a region without the library: for shell scripts.

usage: vmshm exec -- python3 peers.py @NAME@ list
       vmshm exec -- python3 peers.py @NAME@ ring NUMBER VECTOR

list prints a line for each peer: number, vectors, name. ring joins, rings and
leaves.
"""

import array
import fcntl
import os
import struct
import sys

JOIN = 0xbd18
PEERS = 0xbd19
PEER_RING = 0xbd43

INFO_SIZE = 136
INFO_NAME = 56
MAX_PEERS = 100


def peers(region):
    entries = array.array("B", bytes(MAX_PEERS * INFO_SIZE))
    arg = bytearray(struct.pack("IIQIIII", 32, 0, entries.buffer_info()[0],
                                INFO_SIZE, MAX_PEERS, 0, 0))
    fcntl.ioctl(region, PEERS, arg)
    count = struct.unpack("IIQIIII", arg)[5]
    for i in range(count):
        info = entries[i * INFO_SIZE:(i + 1) * INFO_SIZE].tobytes()
        number, _, vectors = struct.unpack("III", info[:12])
        name = info[INFO_NAME:INFO_NAME + 64].split(b"\0")[0].decode()
        print(number, vectors, name)


def ring(region, number, vector):
    arg = bytearray(struct.pack("IIIIiIQ64s", 96, 0, 0, 0, 0, 0, 0, b"native"))
    fcntl.ioctl(region, JOIN, arg)
    peer = struct.unpack("IIIIiIQ64s", arg)[4]
    fcntl.ioctl(peer, PEER_RING, struct.pack("IIII", 16, 0, number, vector))
    os.close(peer)


def main():
    region = os.open(sys.argv[1], os.O_RDWR)
    if sys.argv[2] == "list":
        peers(region)
    else:
        ring(region, int(sys.argv[3]), int(sys.argv[4]))


main()
