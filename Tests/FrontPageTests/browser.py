"""Chromium behind lines of JSON: one command per line in, one answer per line out, over the DevTools protocol.

    browser.py AUTHORITY_HASH FOLDER

AUTHORITY_HASH is the base64 of the SHA-256 of the only key whose certificates are trusted besides the system's;
FOLDER takes profile and downloads. Commands ("do"):

    open url · evaluate script · wait script [seconds] · choose path (for the next file field that is clicked)
    key key · size width height · scheme light|dark · screenshot path · reload · names · dialogs · download [seconds]
    complaints · offline on|off · relay port (gives another that leads there) · cut (what goes through it) · end

An answer is {"value": …} or {"error": "…"}.
"""
import asyncio
import base64
import json
import os
import shutil
import sys

import websockets


class Failure(Exception):
    pass


class Page:
    """One tab, by its DevTools WebSocket."""

    def __init__(self, socket, folder):
        self.socket = socket
        self.folder = folder
        self.count = 0
        self.answers = {}
        self.session = None
        self.chosen = None
        self.dialogs = []
        self.complaints = []
        self.downloads = {}
        self.loads = 0
        self.relay = Relay()
        self.news = asyncio.Condition()

    async def listen(self):
        async for text in self.socket:
            message = json.loads(text)
            if "id" in message:
                future = self.answers.pop(message["id"], None)
                if future and not future.done():
                    future.set_result(message)
            else:
                asyncio.ensure_future(self.hear(message.get("method"), message.get("params", {})))

    async def hear(self, method, params):
        if method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["type"])
            await self.send("Page.handleJavaScriptDialog", accept=True)
        elif method == "Page.fileChooserOpened":
            if self.chosen:
                await self.send("DOM.setFileInputFiles", files=[self.chosen], backendNodeId=params["backendNodeId"])
        elif method == "Browser.downloadWillBegin":
            self.downloads[params["guid"]] = {"name": params["suggestedFilename"], "state": "begun"}
        elif method == "Browser.downloadProgress" and params["guid"] in self.downloads:
            self.downloads[params["guid"]]["state"] = params["state"]
        elif method == "Page.loadEventFired":
            self.loads += 1
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            entry = params["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
        async with self.news:
            self.news.notify_all()

    async def send(self, method, **params):
        self.count += 1
        future = asyncio.get_event_loop().create_future()
        self.answers[self.count] = future
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        await self.socket.send(json.dumps(message))
        answer = await asyncio.wait_for(future, 60)
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']['message']}")
        return answer["result"]

    async def until(self, condition, seconds, what):
        async with self.news:
            try:
                await asyncio.wait_for(self.news.wait_for(condition), seconds)
            except asyncio.TimeoutError:
                raise Failure(f"{what}: not within {seconds} s")

    async def evaluate(self, script):
        result = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Failure(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    async def wait(self, script, seconds=30):
        deadline = asyncio.get_event_loop().time() + seconds
        while True:
            try:
                value = await self.evaluate(script)
                if value:
                    return value
                why = "it is not so"
            except Failure as failure:
                why = str(failure)
            if asyncio.get_event_loop().time() > deadline:
                shown = await self.evaluate("document.body.innerText")
                raise Failure(f"{script}: {why} after {seconds} s; the page shows:\n{shown}")
            await asyncio.sleep(0.05)

    async def navigate(self, action):
        before = self.loads
        await action()
        await self.until(lambda: self.loads > before, 30, "loading")

    async def names(self):
        """Controls of the accessibility tree: [role, name, whether it can be focused]."""
        tree = await self.send("Accessibility.getFullAXTree")
        roles = {"button", "link", "textbox", "checkbox", "radio", "combobox", "listbox", "option", "progressbar",
                 "image", "img", "list", "dialog", "banner", "main", "region", "status", "heading"}
        found = []
        for node in tree["nodes"]:
            role = node.get("role", {}).get("value", "")
            if node.get("ignored") or role not in roles:
                continue
            properties = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}
            found.append([role, node.get("name", {}).get("value", ""), bool(properties.get("focusable"))])
        return found

    async def carry_out(self, command):
        action = command["do"]
        if action == "open":
            return await self.navigate(lambda: self.send("Page.navigate", url=command["url"]))
        if action == "evaluate":
            return await self.evaluate(command["script"])
        if action == "wait":
            return await self.wait(command["script"], command.get("seconds", 30))
        if action == "choose":
            self.chosen = command["path"]
            return await self.send("Page.setInterceptFileChooserDialog", enabled=True)
        if action == "key":
            for kind in ("keyDown", "keyUp"):
                await self.send("Input.dispatchKeyEvent", type=kind, key=command["key"], code=command["key"],
                                windowsVirtualKeyCode={"Tab": 9, "Enter": 13, "Escape": 27}.get(command["key"], 0),
                                text={"Enter": "\r"}.get(command["key"], ""))
            return None
        if action == "size":
            return await self.send(
                "Emulation.setDeviceMetricsOverride", width=command["width"], height=command["height"],
                deviceScaleFactor=command.get("scale", 1), mobile=command["width"] < 600)
        if action == "scheme":
            return await self.send(
                "Emulation.setEmulatedMedia",
                features=[{"name": "prefers-color-scheme", "value": command["scheme"]}])
        if action == "screenshot":
            shot = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
            with open(command["path"], "wb") as file:
                file.write(base64.b64decode(shot["data"]))
            return None
        if action == "reload":
            return await self.navigate(lambda: self.send("Page.reload"))
        if action == "names":
            return await self.names()
        if action == "dialogs":
            seen, self.dialogs = self.dialogs, []
            return seen
        if action == "complaints":
            seen, self.complaints = self.complaints, []
            return seen
        if action == "offline":
            return await self.send("Network.emulateNetworkConditions", offline=command["state"] == "on", latency=0,
                                   downloadThroughput=-1, uploadThroughput=-1)
        if action == "relay":
            return await self.relay.start(command["port"])
        if action == "cut":
            return self.relay.cut()
        if action == "download":
            await self.until(lambda: any(one["state"] == "completed" for one in self.downloads.values()),
                             command.get("seconds", 30), "a download")
            guid = next(guid for guid, one in self.downloads.items() if one["state"] == "completed")
            self.downloads.pop(guid)
            return os.path.join(self.folder, "downloads", guid)
        raise Failure(f"no such command: {action}")


class Relay:
    """A port that leads to another, until what goes through it is cut."""

    def __init__(self):
        self.writers = set()

    async def start(self, port):
        async def pass_on(reader, writer):
            there, back = await asyncio.open_connection("localhost", port)
            self.writers |= {writer, back}
            await asyncio.gather(self.copy(reader, back), self.copy(there, writer))

        server = await asyncio.start_server(pass_on, "localhost", 0)
        return server.sockets[0].getsockname()[1]

    async def copy(self, reader, writer):
        try:
            while bytes_ := await reader.read(1 << 16):
                writer.write(bytes_)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


async def start_chromium(trusted, folder):
    profile = os.path.join(folder, "profile")
    process = await asyncio.create_subprocess_exec(
        shutil.which("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-proxy-server", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--no-first-run", "--disable-extensions", f"--ignore-certificate-errors-spki-list={trusted}",
        "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE)
    while True:
        line = (await asyncio.wait_for(process.stderr.readline(), 60)).decode()
        if line == "":
            raise Failure("chromium ended at once")
        if "DevTools listening on " in line:
            asyncio.ensure_future(process.stderr.read())
            return process, line.split("DevTools listening on ")[1].strip()


async def main(trusted, folder):
    os.makedirs(os.path.join(folder, "downloads"), exist_ok=True)
    process, address = await start_chromium(trusted, folder)
    try:
        async with websockets.connect(address, max_size=None, ping_interval=None) as socket:
            page = Page(socket, folder)
            asyncio.ensure_future(page.listen())
            targets = (await page.send("Target.getTargets"))["targetInfos"]
            target = next(one["targetId"] for one in targets if one["type"] == "page")
            page.session = (await page.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
            for domain in ("Page", "DOM", "Runtime", "Accessibility", "Log", "Network"):
                await page.send(f"{domain}.enable")
            await page.send("Browser.setDownloadBehavior", behavior="allowAndName", eventsEnabled=True,
                            downloadPath=os.path.join(folder, "downloads"))
            print(json.dumps({"value": "ready"}), flush=True)
            reader = asyncio.StreamReader(limit=1 << 24)
            await asyncio.get_event_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            while True:
                line = await reader.readline()
                if line == b"" or json.loads(line)["do"] == "end":
                    return
                try:
                    answer = {"value": await page.carry_out(json.loads(line))}
                except (Failure, asyncio.TimeoutError) as failure:
                    answer = {"error": str(failure) or "it took too long"}
                print(json.dumps(answer), flush=True)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


asyncio.run(main(sys.argv[1], sys.argv[2]))
