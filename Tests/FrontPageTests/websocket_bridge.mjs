// In place of a BMC: serves the page's modules and an empty page over TLS, and joins the WebSocket that the browser
// opens at /nbd/0 with an NBD client at a local socket. It looks into nothing.
//
//     node websocket_bridge.mjs MODULES CERTIFICATE KEY SOCKET        says its port once it listens
import {createHash} from "node:crypto";
import fs from "node:fs";
import https from "node:https";
import net from "node:net";

const [modules, certificate, key, socketPath] = process.argv.slice(2);
const types = {js: "text/javascript", html: "text/html"};

const server = https.createServer({cert: fs.readFileSync(certificate), key: fs.readFileSync(key)}, (request, answer) => {
    if (request.url === "/") {
        answer.writeHead(200, {"Content-Type": "text/html"});
        return answer.end("<!DOCTYPE html><title>bridge</title><input type=file>");
    }
    const name = request.url.match(/^\/page\/([a-z-]+\.js)$/)?.[1];
    if (!name) return answer.writeHead(404).end();
    answer.writeHead(200, {"Content-Type": types[name.split(".").pop()]});
    answer.end(fs.readFileSync(`${modules}/${name}`));
});

server.on("upgrade", (request, browser) => {
    const accept = createHash("sha1")
        .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    browser.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    const listener = net.createServer((client) => {
        listener.close();
        join(browser, client);
    });
    // Nothing is read before somebody is there to take it.
    browser.pause();
    listener.listen(socketPath);
});

function join(browser, client) {
    client.on("data", (bytes) => {
        browser.write(headOf(bytes.length));
        if (!browser.write(bytes)) {
            client.pause();
            browser.once("drain", () => client.resume());
        }
    });
    const frames = new Frames((bytes) => {
        if (!client.write(bytes)) {
            browser.pause();
            client.once("drain", () => browser.resume());
        }
    });
    browser.on("data", (bytes) => frames.take(bytes));
    for (const [one, other] of [[client, browser], [browser, client]]) {
        one.on("close", () => other.destroy());
        one.on("error", () => other.destroy());
    }
    browser.resume();
}

// Of a binary message; the shortest form of its length is the only right one (RFC 6455 §5.2).
function headOf(length) {
    if (length < 126) return Buffer.from([0x82, length]);
    if (length < 65_536) return Buffer.from([0x82, 126, length >> 8, length & 255]);
    const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(length, 6);
    return head;
}

// What is in the frames of a client, which are masked (RFC 6455 §5.2).
class Frames {
    #waiting = Buffer.alloc(0);
    #left = 0;
    #mask = null;
    #position = 0;
    #isData = false;
    #give;

    constructor(give) { this.#give = give; }

    take(bytes) {
        let rest = this.#waiting.length > 0 ? Buffer.concat([this.#waiting, bytes]) : bytes;
        this.#waiting = Buffer.alloc(0);
        while (rest.length > 0) {
            if (this.#left === 0) {
                const short = rest.length > 1 ? rest[1] & 127 : 0;
                const size = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + 4;
                if (rest.length < 2 || rest.length < size) { this.#waiting = rest; return; }
                this.#isData = (rest[0] & 15) <= 2;
                this.#left = short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
                this.#mask = rest.subarray(size - 4, size);
                this.#position = 0;
                rest = rest.subarray(size);
                continue;
            }
            const part = rest.subarray(0, this.#left);
            rest = rest.subarray(part.length);
            this.#left -= part.length;
            if (this.#isData) this.#give(this.#unmasked(part));
        }
    }

    #unmasked(part) {
        const result = Buffer.allocUnsafeSlow(part.length);
        part.copy(result);
        const turned = [0, 1, 2, 3].map((index) => this.#mask[(this.#position + index) % 4]);
        const words = new Uint32Array(result.buffer, 0, part.length >> 2);
        const word = new Uint32Array(Uint8Array.from(turned).buffer)[0];
        for (let index = 0; index < words.length; index += 1) words[index] ^= word;
        for (let index = words.length * 4; index < part.length; index += 1) result[index] ^= turned[index % 4];
        this.#position = (this.#position + part.length) % 4;
        return result;
    }
}

server.listen(0, "localhost", () => console.log(server.address().port));
