"""A network switch in this process: machines hang on it by tap devices, and any link can lose, delay or double packets.

The lab's kernel has no netem; this also cuts one direction of connections that exist, which no firewall rule does.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import threading
import time

TUNSETIFF = 0x400454CA
TAP_WITHOUT_HEADER = 0x1002
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def open_tap(netns, name):
    """A tap device in a network namespace; it lives as long as the descriptor."""
    opened = []

    def work():  # a thread of its own enters the namespace and ends there
        with open(f"/run/netns/{netns}", "rb") as space:
            if LIBC.setns(space.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {netns}")
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_WITHOUT_HEADER))
        opened.append(fd)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return opened[0]


class Switch(threading.Thread):
    """Ports by name. A link is a pair of them, in one direction."""

    def __init__(self, seed):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.ports = {}  # name: descriptor
        self.where = {}  # MAC address: port
        self.rules = {}  # (from, to): {"drop": share, "delay": seconds, "double": share}
        self.late = []  # heap of (when, number, port, frame)
        self.number = 0
        self.running = True

    def plug(self, name, netns):
        self.ports[name] = open_tap(netns, "eth0")

    def unplug_all(self):
        self.running = False
        self.join()
        for fd in self.ports.values():
            os.close(fd)

    def rule(self, source, target, **faults):
        """Sets faults of a link; none mends it."""
        if faults:
            self.rules[source, target] = faults
        else:
            self.rules.pop((source, target), None)

    def send(self, port, frame):
        try:
            os.write(self.ports[port], frame)
        except OSError:
            pass  # the interface is down: the machine is off

    def forward(self, source, target, frame):
        faults = self.rules.get((source, target))
        if not faults:
            self.send(target, frame)
            return
        for _ in range(2 if self.random.random() < faults.get("double", 0) else 1):
            if self.random.random() < faults.get("drop", 0):
                continue
            self.number += 1
            late = faults.get("delay", 0) * self.random.uniform(0.5, 1.5)
            heapq.heappush(self.late, (time.monotonic() + late, self.number, target, frame))

    def run(self):
        while self.running:
            names = {fd: name for name, fd in list(self.ports.items())}
            wait = max(0.0, min(0.2, self.late[0][0] - time.monotonic())) if self.late else 0.2
            for fd in select.select(list(names), [], [], wait)[0]:
                source = names[fd]
                for _ in range(64):
                    try:
                        frame = os.read(fd, 70000)
                    except OSError:
                        break
                    self.where[frame[6:12]] = source
                    target = self.where.get(frame[:6])
                    for port in [target] if target and not frame[0] & 1 else list(self.ports):
                        if port != source:
                            self.forward(source, port, frame)
            while self.late and self.late[0][0] <= time.monotonic():
                _, _, port, frame = heapq.heappop(self.late)
                self.send(port, frame)
