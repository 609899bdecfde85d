"""What a browser can serve over TLS on loopback, in order, from a file in the page cache.

    rate.py bridge [MIB]      the page's worker in headless Chromium alone; nbdcopy reads through a bridge in Node
    rate.py MEDIARIG [MIB]    the whole way: front, service, nbd, USB and a host that reads; wants a release build

Prints one line of JSON: MB/s, and the processor time of each side per GiB. Without a BMC the whole image is
measured, else what is between a tenth and nine tenths of it.
"""
import base64
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PASSWORD = "Rate-12345678"


class Browser:
    def __init__(self, certificate, folder):
        key = subprocess.run(
            f"openssl x509 -in '{certificate}' -pubkey -noout | openssl pkey -pubin -outform der",
            shell=True, check=True, capture_output=True).stdout
        trusted = base64.b64encode(hashlib.sha256(key).digest()).decode()
        self.process = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(HERE, "browser.py"), trusted, folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self):
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise SystemExit(answer["error"])
        return answer["value"]

    def __call__(self, action, **parameters):
        self.process.stdin.write(json.dumps({"do": action, **parameters}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        self.process.stdin.close()
        self.process.wait(30)


def processor_seconds(process):
    """Of a process and all below it."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents, times = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(name)] = int(fields[1])
        times[int(name)] = (int(fields[11]) + int(fields[12])) / ticks

    def is_below(one):
        while one in parents:
            if one == process:
                return True
            one = parents[one]
        return False

    return sum(seconds for one, seconds in times.items() if is_below(one))


def write_image(path, mebibytes):
    with open(path, "wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(1 << 20))


def report(moved, seconds, sides):
    """sides: the seconds of a processor, by name."""
    figures = {"megabytes_per_second": round(moved / seconds / 1e6, 1)}
    for name, used in sides.items():
        figures[f"{name}_seconds_per_gib"] = round(used / moved * (1 << 30), 2)
    print(json.dumps(figures))


def measure_alone(mebibytes):
    modules = os.path.join(HERE, "..", "..", "Sources", "Service", "FrontPage", "page")
    with tempfile.TemporaryDirectory() as folder:
        image, certificate, key, path = (
            os.path.join(folder, name) for name in ("image", "server.pem", "key.pem", "nbd.sock"))
        write_image(image, mebibytes)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
            check=True, capture_output=True)
        bridge = subprocess.Popen(
            ["node", os.path.join(HERE, "websocket_bridge.mjs"), modules, certificate, key, path],
            stdout=subprocess.PIPE, text=True)
        port = bridge.stdout.readline().strip()
        browser = Browser(certificate, os.path.join(folder, "browser"))
        try:
            browser("open", url=f"https://localhost:{port}/")
            browser("choose", path=image)
            browser("evaluate", script="document.querySelector('input').click()")
            browser("wait", script="document.querySelector('input').files.length === 1")
            browser("evaluate", script=f"""
                globalThis.isOpen = false;
                globalThis.worker = new Worker('/page/serving-worker.js', {{type: 'module'}});
                worker.onmessage = ({{data}}) => {{ isOpen ||= data.kind === 'open'; }};
                worker.postMessage({{
                    kind: 'serve', url: 'wss://localhost:{port}/nbd/0', token: '', overlay: null,
                    file: document.querySelector('input').files[0],
                }});""")
            browser("wait", script="isOpen")
            before = processor_seconds(browser.process.pid), processor_seconds(bridge.pid)
            start = time.monotonic()
            subprocess.run(["nbdcopy", f"nbd+unix:///?socket={path}", "null:"], check=True)
            seconds = time.monotonic() - start
            report(mebibytes << 20, seconds, {
                "browser": processor_seconds(browser.process.pid) - before[0],
                "bridge": processor_seconds(bridge.pid) - before[1],
            })
        finally:
            browser.end()
            bridge.kill()
            bridge.wait()


def measure_whole(program, mebibytes):
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "image.iso")
        write_image(image, mebibytes)
        up = subprocess.Popen(
            [program, "up", "--json", "--slots", "1", "--hosts-read", "--state", os.path.join(folder, "state")],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "MEDIARIG_PASSWORD": PASSWORD})
        told = json.loads(up.stdout.readline())
        port = int(told["urls"][0].rsplit(":", 1)[1])
        browser = Browser(os.path.join(folder, "state", "server.pem"), os.path.join(folder, "browser"))
        try:
            browser("open", url=f"https://localhost:{port}/")
            browser("wait", script="!document.getElementById('login').hidden")
            browser("evaluate", script=f"""
                document.getElementById('login-name').value = 'admin';
                document.getElementById('login-password').value = '{PASSWORD}';
                document.querySelector('#login-form button').click();""")
            browser("wait", script="document.querySelectorAll('.slot').length === 1")
            browser("evaluate", script="delete globalThis.showOpenFilePicker")
            browser("choose", path=image)
            context = ssl.create_default_context(cafile=told["authority"])
            connection = http.client.HTTPSConnection("localhost", port, context=context)
            login = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()

            def read_bytes():
                connection.request("GET", "/redfish/v1/Systems/system/VirtualMedia/Slot_0",
                                   headers={"Authorization": f"Basic {login}"})
                slot = json.loads(connection.getresponse().read())
                return slot["Oem"]["MediaRig"]["ReadBytes"]

            browser("evaluate", script="document.querySelector('[data-part=choose]').click()")
            byte_count = mebibytes << 20
            marks = []
            deadline = time.monotonic() + 300
            while len(marks) < 2 and time.monotonic() < deadline:
                count = read_bytes()
                if count >= byte_count * (0.1, 0.9)[len(marks)]:
                    marks.append((time.monotonic(), count, processor_seconds(up.pid),
                                  processor_seconds(browser.process.pid)))
                time.sleep(0.02)
            if len(marks) < 2:
                raise SystemExit(f"only {read_bytes()} bytes in time")
            (start, first, ours, theirs), (end, last, ours_after, theirs_after) = marks
            moved = last - first
            report(moved, end - start, {"bmc": ours_after - ours, "browser": theirs_after - theirs})
        finally:
            browser.end()
            up.terminate()
            up.wait()


mebibytes = int(sys.argv[2]) if len(sys.argv) > 2 else 1024
if sys.argv[1] == "bridge":
    measure_alone(mebibytes)
else:
    measure_whole(sys.argv[1], mebibytes)
