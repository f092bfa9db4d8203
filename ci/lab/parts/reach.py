#!/usr/bin/env python3
"""reach.py: connections between machines, tried and served; run in the network of whoever asks.

usage: reach.py try ENDPOINT...       prints those that answer, all tried at once
       reach.py serve ENDPOINT...     echoes what it gets on these
       reach.py watch FILE ENDPOINT...    tries them for ever, and writes each that ever answers to FILE
       reach.py hear FILE PROTOCOL...     writes whose packets of `try` pass this machine's firewall: ADDRESS PROTOCOL:PORT
       reach.py hold ADDRESS PORT FILE    keeps one TCP connection, an echo every 0.2 s; writes each to FILE, ends with 1 when it breaks

ENDPOINT is tcp:ADDRESS:PORT (answers: a connection is made) or udp:ADDRESS:PORT (answers: something comes back), or
esp:ADDRESS:0, which nothing answers and `hear` shows.
"""

import concurrent.futures
import socket
import sys
import threading
import time

ESP = 50
KINDS = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "esp": (socket.SOCK_RAW, ESP)}


def read(endpoint):
    protocol, rest = endpoint.split(":", 1)
    address, port = rest.rsplit(":", 1)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return protocol, (address, int(port)), socket.socket(family, *KINDS[protocol])


def answers(endpoint, patience=1.5):
    protocol, to, sock = read(endpoint)
    with sock:
        sock.settimeout(patience)
        try:
            sock.connect(to)
            if protocol != "tcp":
                sock.send(b"x")
                sock.recv(1)
            return True
        except OSError:
            return False


def all_at_once(endpoints, patience=1.5):
    with concurrent.futures.ThreadPoolExecutor(len(endpoints)) as pool:
        found = pool.map(lambda endpoint: answers(endpoint, patience), endpoints)
        return [endpoint for endpoint, answered in zip(endpoints, found) if answered]


def echo(sock):
    with sock:
        while data := sock.recv(64):
            sock.sendall(data)


def serve(endpoint):
    protocol, at, sock = read(endpoint)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(at)
    if protocol == "tcp":
        sock.listen()
        while True:
            threading.Thread(target=echo, args=(sock.accept()[0],), daemon=True).start()
    while True:
        data, sender = sock.recvfrom(64)
        sock.sendto(data, sender)


def watch(file, endpoints):
    seen = set()
    while True:
        for endpoint in set(all_at_once(endpoints, 0.4)) - seen:
            seen.add(endpoint)
            with open(file, "a") as out:
                print(time.strftime("%H:%M:%S"), endpoint, file=out)
        time.sleep(0.1)


def hear(protocol, out):
    """A raw socket gets what the input chain has let through, also where another program has the port."""
    number, header = {"udp": (socket.IPPROTO_UDP, 8), "esp": (ESP, 0)}[protocol]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, number) as sock:
        while packet := sock.recv(65535):
            body = packet[(packet[0] & 15) * 4:]
            if body[header:] == b"x":
                port = int.from_bytes(body[2:4], "big") if header else 0
                print(socket.inet_ntoa(packet[12:16]), f"{protocol}:{port}", file=out)


def hold(address, port, file):
    with socket.create_connection((address, int(port)), timeout=3) as sock, open(file, "w", buffering=1) as out:
        while True:
            sock.sendall(b"x")
            if sock.recv(1) != b"x":
                sys.exit(1)
            print(time.strftime("%H:%M:%S"), file=out)
            time.sleep(0.2)


verb, *rest = sys.argv[1:] or [""]
if verb == "try":
    print("\n".join(all_at_once(rest)))
elif verb == "serve":
    for one in rest[1:]:
        threading.Thread(target=serve, args=(one,), daemon=True).start()
    serve(rest[0])
elif verb == "watch":
    watch(rest[0], rest[1:])
elif verb == "hear":
    with open(rest[0], "w", buffering=1) as written:
        for one in rest[2:]:
            threading.Thread(target=hear, args=(one, written), daemon=True).start()
        hear(rest[1], written)
elif verb == "hold":
    hold(*rest)
else:
    sys.exit(__doc__)
