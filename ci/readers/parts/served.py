"""Seeds over HTTP: a server on the machine's own loopback, as if its network were up, and the kernel's command line."""

import contextlib
import functools
import http.server
import threading

PORT = 8099
AT = f"s=http://127.0.0.1:{PORT}/"
# the last one for a static address: network-config is fetched from 24.3 on
CMDLINE = {"http-net": f"ds=nocloud-net;{AT}", "http": f"ds=nocloud;{AT}", "http-static": f"ds=nocloud;{AT}"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def maybe(source, folder):
    """Serves `folder` where `source` is HTTP; gives the command line."""
    if source not in CMDLINE:
        yield ""
        return
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield CMDLINE[source]
    finally:
        server.shutdown()
        server.server_close()
