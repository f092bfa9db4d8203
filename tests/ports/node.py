"""What a node's ports answer, for `firstlight verify` to judge: servers on the addresses of a lone machine.

usage: node.py ADDRESS STATE NODE [fault...] -- COMMAND...
Starts an API server, a kubelet and an etcd that refuse whom they must, and whatever listens on localhost, then
runs COMMAND and ends with its exit code. Faults: anonymous-kubelet, etcd-without-certificates, plain-etcd,
open-scheduler, read-only, no-kubelet, nothing.
Needs a network namespace of its own.
"""

import http.server
import os
import ssl
import subprocess
import sys
import threading


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass


def serve(address, port, status, certificate=None, authority=None):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            rights = status if self.path != "/healthz" else 200
            self.send_response(rights)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = Server((address, port), Answer)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{certificate}.crt", f"{certificate}.key")
        if authority:
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    split = sys.argv.index("--")
    (address, state, node), faults = sys.argv[1:4], sys.argv[4:split]
    own = f"{state}/nodes/{node}"
    subprocess.run(f"ip link set lo up && ip addr add {address}/32 dev lo", shell=True, check=True)
    if "nothing" not in faults:
        serve(address, 10256, 200)
        serve(address, 6443, 403, f"{own}/apiserver")
        serve("127.0.0.1", 10248, 200)
        if "no-kubelet" not in faults:
            serve(address, 10250, 200 if "anonymous-kubelet" in faults else 401, f"{own}/kubelet-server")
        wants = None if "etcd-without-certificates" in faults else f"{state}/pki/etcd/ca.crt"
        plain = "plain-etcd" in faults
        serve(address, 2379, 200, None if plain else f"{own}/etcd-server", wants)
        serve(address, 2380, 200, f"{own}/etcd-peer", f"{state}/pki/etcd/ca.crt")
        serve(address if "open-scheduler" in faults else "127.0.0.1", 10259, 403, f"{own}/apiserver")
    if "read-only" in faults:
        serve(address, 10255, 200)
    sys.stdout.flush()
    os._exit(subprocess.run(sys.argv[split + 1 :]).returncode)


main()
