#!/usr/bin/env python3
"""mirror FOLDER MODE-FILE [PORT]: serves FOLDER by HTTP on 10.79.0.254, as the word in MODE-FILE says at each request.

  ok                 as a mirror should, with ranges
  silent             takes the connection and says nothing
  wrong              the right length, other bytes
  short              half of the bytes, and a length that says that this is all
  broken[=PERCENT]   the connection ends after so much (50) of what was asked for
  html               a page that says sorry, with status 200
  error              status 503
  slow=KILOBYTES     so many a second, for each request
"""
import http.server
import pathlib
import re
import socketserver
import sys
import time

folder, mode_file = (pathlib.Path(p) for p in sys.argv[1:3])


class Mirror(http.server.BaseHTTPRequestHandler):
    """Any file of the folder."""

    def do_GET(self):
        mode = mode_file.read_text().strip()
        path = folder / self.path.lstrip("/")
        if mode == "silent":
            time.sleep(600)
            return
        if mode == "error" or not path.is_file():
            self.send_error(503 if mode == "error" else 404)
            return
        data = path.read_bytes() if mode != "html" else b"<html><body>Sorry, this page is being looked after.</body></html>\n"
        wanted = re.match(r"bytes=(\d+)-$", self.headers.get("Range", "")) if mode != "html" else None
        begin = int(wanted.group(1)) if wanted else 0
        if begin and begin >= len(data):
            self.send_error(416)
            return
        rest = data[begin:]
        if mode == "wrong":
            rest = bytes(byte ^ 0x55 for byte in rest[:4096]) + rest[4096:]
        if mode == "short":
            rest = rest[:len(rest) // 2]
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{begin + len(rest) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if mode.startswith("broken"):
            rest = rest[:len(rest) * int(mode.partition("=")[2] or 50) // 100]
        pace = float(mode.partition("=")[2]) * 1024 if mode.startswith("slow=") else None
        for at in range(0, len(rest), 65536):
            self.wfile.write(rest[at:at + 65536])
            if pace and mode_file.read_text().strip() == mode:
                time.sleep(65536 / pace)
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a machine whose power was cut


Server(("10.79.0.254", int(sys.argv[3]) if len(sys.argv) > 3 else 8080), Mirror).serve_forever()
