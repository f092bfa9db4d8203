#!/usr/bin/env python3
"""webhook.py LOG: on 127.0.0.1:9292, reviews tokens (`right` is lab-user's, no other is anybody's) and takes audit events;
each path that is asked for is a line of LOG."""
import http.server
import json
import sys


class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[1], "a", encoding="utf-8") as log:
            print(self.path.split("?")[0], file=log)
        right = body.get("spec", {}).get("token") == "right"
        user = {"user": {"username": "lab-user", "groups": ["lab-group"]}} if right else {}
        answer = {"apiVersion": body["apiVersion"], "kind": body["kind"], "status": {"authenticated": right, **user}}
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 9292), Webhook).serve_forever()
