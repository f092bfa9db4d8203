#!/usr/bin/env python3
"""oidc.py FOLDER make          a certificate for 10.79.0.254 and a key that signs tokens, in FOLDER
oidc.py FOLDER serve            an issuer of OpenID Connect, https://10.79.0.254:9443
oidc.py FOLDER token NAME VALUE...  a token for the client `lab`, valid for an hour, with these claims; `aud` and `exp` may be among them"""
import base64
import http.server
import json
import ssl
import subprocess
import sys
import time

ISSUER = "https://10.79.0.254:9443"
folder, verb, *claims = sys.argv[1:]
certificate, key, signer = (f"{folder}/{name}" for name in ("issuer.crt", "issuer.key", "signer.key"))


def openssl(*arguments, stdin=b""):
    return subprocess.run(["openssl", *arguments], input=stdin, check=True, capture_output=True).stdout


def plain(data):
    """base64url without padding, RFC 7515."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def make():
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=lab issuer",
            "-addext", "subjectAltName=IP:10.79.0.254", "-keyout", key, "-out", certificate)
    openssl("genrsa", "-out", signer, "2048")


def token():
    given = dict(zip(claims[::2], claims[1::2]))
    body = {"iss": ISSUER, "aud": "lab", "exp": int(time.time()) + 3600, **given}
    body["exp"] = int(body["exp"])
    body["groups"] = body.get("groups", "").split()
    parts = ({"alg": "RS256", "kid": "lab"}, body)
    text = b".".join(plain(json.dumps(part).encode()) for part in parts)
    print((text + b"." + plain(openssl("dgst", "-sha256", "-sign", signer, stdin=text))).decode())


class Issuer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        modulus = bytes.fromhex(openssl("rsa", "-in", signer, "-noout", "-modulus").decode().strip().split("=")[1])
        answers = {
            "/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": ISSUER + "/keys"},
            "/keys": {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "lab", "n": plain(modulus).decode(), "e": "AQAB"}]},
        }
        answer = answers.get(self.path)
        text = json.dumps(answer).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("10.79.0.254", 9443), Issuer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


{"make": make, "serve": serve, "token": token}[verb]()
