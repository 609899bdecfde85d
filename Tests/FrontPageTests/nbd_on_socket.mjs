// The page's NBD server on a local socket, for somebody else's client:
//
//     node nbd_on_socket.mjs MODULES IMAGE read-only|overlay whole|bytes|glued SOCKET
//
// What comes in is handed on as it came, byte by byte, or gathered into large pieces. Says "ready" once it listens.
import {open} from "node:fs/promises";
import net from "node:net";

const [modules, path, mode, cut, socketPath] = process.argv.slice(2);
const {Connection} = await import(`${modules}/connection.js`);
const {ReadAhead} = await import(`${modules}/read-ahead.js`);
const {Overlay, MemoryFile} = await import(`${modules}/overlay.js`);

const file = await open(path);
const byteCount = (await file.stat()).size;
let source = new ReadAhead(byteCount, async (offset, length) => {
    const bytes = new Uint8Array(length);
    const {bytesRead} = await file.read(bytes, 0, length, offset);
    if (bytesRead !== length) throw new Error(`${bytesRead} of ${length} bytes`);
    return bytes;
});
const isReadOnly = mode !== "overlay";
if (!isReadOnly) source = new Overlay(byteCount, source, new MemoryFile(1 << 28), new MemoryFile(1 << 24));

function serve(channel) {
    // What the page has in place of a WebSocket.
    const socket = {
        bufferedAmount: 0,
        send(bytes) {
            this.bufferedAmount += bytes.byteLength;
            channel.write(bytes, () => { this.bufferedAmount -= bytes.byteLength; });
        },
        close() { channel.end(); },
    };
    new Connection(socket, source, {byteCount, isReadOnly}, {
        opened: () => {}, closed: () => {},
        trouble: (error, request) => process.stderr.write(`${request.kind}: ${error}\n`),
    });
    socket.onopen();
    const hand = (bytes) => socket.onmessage({data: Uint8Array.from(bytes).buffer});
    let gathered = [];
    channel.on("data", (bytes) => {
        if (cut === "bytes") {
            for (const byte of bytes) hand([byte]);
        } else if (cut === "glued") {
            if (gathered.length === 0) setImmediate(() => hand(Buffer.concat(gathered.splice(0))));
            gathered.push(bytes);
        } else {
            hand(bytes);
        }
    });
    channel.on("error", () => channel.destroy());
}

net.createServer(serve).listen(socketPath, () => console.log("ready"));
