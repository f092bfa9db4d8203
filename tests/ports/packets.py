"""Packets through a gate: a node in a namespace, with peers around it and a pod behind it.

usage: packets.py nft RULES | iptables RULES4 RULES6 | off
Prints one JSON object: "PEER FAMILY PROTOCOL PORT" to true (it answered) or false, for every peer and
every port of PORTS, and what happens to a connection while the rules are loaded again.
Needs a network and a mount namespace of its own with CAP_NET_ADMIN.

The network: node 10.0.0.11, master 10.0.0.12, worker 10.0.0.21 and stranger 10.0.0.99 on one link;
outsider 192.0.2.9 behind a router; pod 10.32.0.5 behind the node, which translates 30080, 30081 and 8081
to the pod's 8080, as kube-proxy and portmap do.
"""

import ctypes
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PORTS = [int(port) for port in os.environ["PORTS"].split(",")]
TRANSLATED = [30080, 30081, 8081]
PEERS = {"master": 12, "worker": 21, "stranger": 99, "outsider": None, "pod": None}
NODE = {4: "10.0.0.11", 6: "fd00::11"}


def run(command, **more):
    subprocess.run(command, shell=True, check=True, **more)


def inside(name, what):
    """Runs `what` in a namespace, in a thread of its own: setns is the thread's."""
    result = []

    def body():
        with open(f"/run/netns/{name}", "rb") as handle:
            if LIBC.setns(handle.fileno(), 0x40000000):
                raise OSError(ctypes.get_errno(), "setns")
        result.append(what())

    thread = threading.Thread(target=body)
    thread.start()
    return thread, result


def network():
    run("mount -t tmpfs none /run && mkdir -p /run/netns && ip link set lo up")
    for name in ["node", "router", *PEERS]:
        run(f"ip netns add {name} && ip -n {name} link set lo up")
        run(f"ip netns exec {name} sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0")
    run("ip link add lan type bridge && ip link set lan up")
    for name, last in [("node", 11), ("router", 1), ("master", 12), ("worker", 21), ("stranger", 99)]:
        run(f"ip link add v{name} type veth peer name eth0 netns {name} && ip link set v{name} master lan up")
        run(f"ip -n {name} addr add 10.0.0.{last}/24 dev eth0 && ip -n {name} addr add fd00::{last}/64 dev eth0 nodad")
        run(f"ip -n {name} link set eth0 up")
        if name != "router":
            run(f"ip -n {name} route add default via 10.0.0.1 && ip -n {name} route add default via fd00::1")
    for behind, near, far in [("router", "192.0.2.1", "outsider"), ("node", "10.32.0.1", "pod")]:
        six = "fd02" if behind == "router" else "fd03"
        own = near[: near.rindex(".")] + (".9" if far == "outsider" else ".5")
        run(f"ip -n {behind} link add to{far} type veth peer name eth0 netns {far}")
        run(f"ip -n {behind} addr add {near}/24 dev to{far} && ip -n {behind} addr add {six}::1/64 dev to{far} nodad")
        run(f"ip -n {behind} link set to{far} up && ip -n {far} addr add {own}/24 dev eth0 && ip -n {far} link set eth0 up")
        run(f"ip -n {far} addr add {six}::9/64 dev eth0 nodad && ip -n {far} route add default via {near}")
        run(f"ip -n {far} route add default via {six}::1")
        run(f"ip netns exec {behind} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    run("ip -n router route add 10.32.0.0/24 via 10.0.0.11 && ip -n router route add fd03::/64 via fd00::11")
    for port in TRANSLATED:
        for protocol in ["tcp", "udp"]:
            for program, pod in [("iptables", "10.32.0.5:8080"), ("ip6tables", "[fd03::9]:8080")]:
                run(
                    f"ip netns exec node {program}-legacy -t nat -A PREROUTING -m addrtype --dst-type LOCAL "
                    f"-p {protocol} --dport {port} -j DNAT --to-destination {pod}"
                )


def load(arguments):
    kind, files = arguments[0], arguments[1:]
    if kind == "nft":
        run(f"ip netns exec node nft -f {files[0]}")
    for program, file in zip(["iptables", "ip6tables"], files if kind == "iptables" else []):
        run(f"ip netns exec node {program}-legacy-restore --noflush < {file}")
        jump = "PREROUTING -m addrtype --dst-type LOCAL -j FIRSTLIGHT"
        run(
            f"ip netns exec node {program}-legacy -t mangle -C {jump} 2> /dev/null || "
            f"ip netns exec node {program}-legacy -t mangle -I {jump}"
        )


def serve(ports, addresses):
    """Answers on every port of each address, TCP and UDP."""

    def answer():
        kinds = [(port, kind) for port in ports for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)]
        for (port, kind), address in itertools.product(kinds, addresses):
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            target = stream if kind == socket.SOCK_STREAM else datagrams
            threading.Thread(target=target, args=(sock,), daemon=True).start()

    return answer


def stream(sock):
    sock.listen(64)
    while True:
        peer, _ = sock.accept()
        threading.Thread(target=echo, args=(peer,), daemon=True).start()


def echo(peer):
    while data := peer.recv(64):
        peer.sendall(data)


def datagrams(sock):
    while True:
        data, sender = sock.recvfrom(64)
        sock.sendto(data, sender)


def reaches(address, protocol, port):
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.settimeout(1)
        try:
            sock.connect((address, port))
            sock.send(b"x")
            return sock.recv(1) == b"x"
        except OSError:
            return False


def all_at_once(jobs):
    threads = {name: inside(where, what) for name, (where, what) in jobs.items()}
    for thread, _ in threads.values():
        thread.join()
    return {name: result[0] for name, (_, result) in threads.items()}


def kept(arguments):
    """A connection to 6443, and whether it lives on when the rules are loaded again."""

    def talk():
        with socket.create_connection(("10.0.0.11", 6443), timeout=2) as sock:
            load(arguments)
            sock.settimeout(2)
            sock.sendall(b"x")
            return sock.recv(1) == b"x"

    return all_at_once({"kept": ("stranger", talk)})["kept"]


def main():
    arguments = sys.argv[1:]
    network()
    servers = [("node", PORTS, NODE.values()), ("pod", [8080], ["10.32.0.5", "fd03::9"]), ("outsider", [80], ["192.0.2.9"])]
    for name, ports, addresses in servers:
        thread, _ = inside(name, serve(ports, addresses))
        thread.join()
    load(arguments)
    time.sleep(0.2)
    jobs = {}
    for peer in PEERS:
        for family, address in NODE.items():
            for protocol in ["tcp", "udp"]:
                # what the pod sends to itself would need masquerading
                for port in PORTS + (TRANSLATED if peer != "pod" else []):
                    call = lambda a=address, p=protocol, n=port: reaches(a, p, n)
                    jobs[f"{peer} {family} {protocol} {port}"] = (peer, call)
    jobs["pod goes out"] = ("pod", lambda: reaches("192.0.2.9", "tcp", 80))
    jobs["outsider comes to the pod"] = ("outsider", lambda: reaches("10.32.0.5", "tcp", 8080))
    jobs["node to itself"] = ("node", lambda: reaches("10.0.0.11", "tcp", PORTS[-1]))
    result = all_at_once(jobs)
    result["connection kept"] = kept(arguments)
    print(json.dumps(result), flush=True)
    os._exit(0)


main()
