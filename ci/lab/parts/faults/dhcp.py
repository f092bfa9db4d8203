#!/usr/bin/env python3
"""dhcp MODE-FILE: a DHCP server on br0 for one machine, which gives it the address in MODE-FILE for 20 s at a time; refuses
to prolong any other; says nothing while the file says `none`. RFC 2131.
"""
import pathlib
import socket
import struct
import sys

OWN, MASK, LEASE = socket.inet_aton("10.79.0.254"), socket.inet_aton("255.255.255.0"), 20
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
COOKIE = b"\x63\x82\x53\x63"
mode_file = pathlib.Path(sys.argv[1])
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for option in (socket.SO_REUSEADDR, socket.SO_BROADCAST):
    server.setsockopt(socket.SOL_SOCKET, option, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"br0")
server.bind(("", 67))


def options(data):
    found, at = {}, 0
    while at < len(data) and data[at] != 255:
        if data[at]:
            found[data[at]] = data[at + 2:at + 2 + data[at + 1]]
            at += 1 + data[at + 1]
        at += 1
    return found


while True:
    packet = server.recv(2048)
    address = mode_file.read_text().strip()
    if packet[:1] != b"\1" or packet[236:240] != COOKIE or address == "none":
        continue
    asked = options(packet[240:])
    kind, given = asked[53][0], socket.inet_aton(address)
    if kind not in (DISCOVER, REQUEST):
        continue
    answer = OFFER
    if kind == REQUEST:
        wanted = asked.get(50) or packet[12:16]
        answer = ACK if wanted == given else NAK
    reply = bytearray(b"\2" + packet[1:240])
    reply[10:12] = b"\x80\0"  # by broadcast: the client has no address yet
    reply[16:20] = given if answer != NAK else bytes(4)
    reply += bytes([53, 1, answer, 54, 4]) + OWN
    if answer != NAK:
        reply += bytes([1, 4]) + MASK + bytes([3, 4]) + OWN + bytes([51, 4]) + struct.pack(">I", LEASE)
    server.sendto(bytes(reply) + b"\xff", ("255.255.255.255", 68))
