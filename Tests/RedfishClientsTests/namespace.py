"""Runs a client in a network namespace of its own, where there is loopback and nothing else.

    unshare -n python namespace.py GATE -- COMMAND...

The listening socket of the front's port is made inside and handed out through the unix socket GATE, where the front waits
for it: what it accepts there comes from inside.
"""
import os, socket, subprocess, sys

gate, command = sys.argv[1], sys.argv[3:]

for line in ("ip link set lo up", "ip link set lo multicast on", "ip route add 224.0.0.0/4 dev lo"):
    subprocess.run(line.split(), check=True)
listener = socket.create_server(("127.0.0.1", 8443), backlog=128)
with socket.socket(socket.AF_UNIX) as front:
    front.connect(gate)
    socket.send_fds(front, [b"!"], [listener.fileno()])
listener.close()

for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
    os.environ.pop(name, None)
sys.exit(subprocess.run(command, stdin=subprocess.DEVNULL).returncode)
