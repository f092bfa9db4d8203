#!/usr/bin/env python3
"""seen.py: prints the address of the first client that connects to 10.79.0.254:8099."""
import socket

with socket.create_server(("10.79.0.254", 8099)) as server:
    server.settimeout(7)
    print(server.accept()[1][0])
