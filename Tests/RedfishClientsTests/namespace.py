"""Runs a client against a front, with nothing else to reach.

    unshare -n python namespace.py FRONT_SOCKET FOLDER -- COMMAND...

Inside the network namespace there is loopback only. A TLS listener on 127.0.0.1:8443 passes everything on to the
front's unix socket; its certificate is FOLDER/ca.pem. In the command, {ca} and {folder} stand for those.
"""
import os, socket, ssl, subprocess, sys, threading

front, folder = sys.argv[1], sys.argv[2]
command = [word.replace("{ca}", folder + "/ca.pem").replace("{folder}", folder) for word in sys.argv[4:]]

for line in ("ip link set lo up", "ip link set lo multicast on", "ip route add 224.0.0.0/4 dev lo"):
    subprocess.run(line.split(), check=True)
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
     "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder + "/key.pem",
     "-out", folder + "/ca.pem"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/ca.pem", folder + "/key.pem")
listener = socket.create_server(("127.0.0.1", 8443), backlog=128)


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except (OSError, ValueError):
        pass
    for one in (source, sink):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(connection):
    try:
        client = context.wrap_socket(connection, server_side=True)
    except OSError:
        return
    server = socket.socket(socket.AF_UNIX)
    server.connect(front)
    threading.Thread(target=copy, args=(server, client), daemon=True).start()
    copy(client, server)


def accept():
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
    os.environ.pop(name, None)
sys.exit(subprocess.run(command, stdin=subprocess.DEVNULL).returncode)
