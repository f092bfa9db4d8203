#!/usr/bin/env python3
"""proxy COPY FOLDER [PORT]: an HTTP proxy on 10.79.0.254 that is all the internet there is.

Whatever host is asked for is served from COPY, laid out by host and path as `overlay pull` does it, over TLS with certificates
of an authority in FOLDER/ca.crt that nobody else knows. The first answer for each path ends after a part of it, one tenth, half
or nine tenths in turn. FOLDER/asked gets a line for each request: status, host, path.
"""
import http.server
import json
import pathlib
import re
import socketserver
import ssl
import subprocess
import sys
import threading

copy, folder = (pathlib.Path(p) for p in sys.argv[1:3])
LOCK = threading.Lock()
CUTS = (10, 50, 90)
cut = {}


def certificate(host):
    """A context with a certificate for HOST."""
    with LOCK:
        name = folder / f"{host}.pem"
        if not name.exists():
            made = subprocess.run(["openssl", "req", "-x509", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                   "-nodes", "-days", "30", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
                                   "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "-", "-out", "-"], check=True, capture_output=True)
            name.write_bytes(made.stdout)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(name)
    return context


class Proxy(http.server.BaseHTTPRequestHandler):
    """One connection: CONNECT, then requests inside of it."""

    protocol_version = "HTTP/1.1"
    host = None

    def do_CONNECT(self):
        self.host = self.path.rsplit(":", 1)[0]
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        self.connection = certificate(self.host).wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        if self.host and self.path == "/v2/":
            return self.answer(200, b"{}", {"Content-Type": "application/json"}, body)
        path = copy / (self.host or "plain HTTP") / self.path.split("?")[0].lstrip("/")
        if not path.is_file():
            return self.answer(404, b"", {}, body)
        data, headers = path.read_bytes(), {"Content-Type": "application/octet-stream"}
        if "/v2/" in self.path:
            headers["Docker-Content-Digest"] = path.name
        if "/manifests/" in self.path:
            kind = json.loads(data)
            headers["Content-Type"] = kind.get("mediaType") or "application/vnd.oci.image." + ("index" if "manifests" in kind else "manifest") + ".v1+json"
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(wanted.group(1)) if wanted else 0
        if begin and begin >= len(data):
            return self.answer(416, b"", {}, body)
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        return self.answer(206 if begin else 200, data[begin:], headers, body)

    def answer(self, status, data, headers, body):
        with open(folder / "asked", "a") as log:
            log.write(f"{status} {self.host} {self.path}\n")
        self.send_response(status)
        for header in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(*header)
        self.end_headers()
        if not body:
            return
        with LOCK:
            first = self.path not in cut and len(data) > 1 << 16
            if first:
                cut[self.path] = CUTS[len(cut) % len(CUTS)]
        if first:
            data = data[:len(data) * cut[self.path] // 100]
            self.close_connection = True
        self.wfile.write(data)
        if first:
            self.wfile.flush()
            self.connection.close()

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that went away


if not (folder / "ca.crt").exists():
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=the proxy's own",
                    "-addext", "keyUsage=critical,keyCertSign", "-keyout", folder / "ca.key", "-out", folder / "ca.crt"], check=True, capture_output=True)
if len(sys.argv) > 3:
    Server(("10.79.0.254", int(sys.argv[3])), Proxy).serve_forever()
