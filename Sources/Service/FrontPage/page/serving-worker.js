// Serves one image, in a thread of its own: the page may be busy, or not be looked at.
//
// In:  {kind: "serve", url, token, file, overlay: null | {name}}   the first message
//      {kind: "recover", file, overlay}                            in its place: brings changes back, and ends
//      {kind: "connect", url, token}                               again, after a loss
//      {kind: "stop"}                                              for good; what was changed stays
// Out: {kind: "ready", changedBytes, isKept}   isKept: changes outlive a reload of the page
//      {kind: "refused", text}                 nothing can be served
//      {kind: "open"}, {kind: "closed", code, reason, wasOpen}
//      {kind: "trouble", text}                 a request of the host failed
//      {kind: "statistics", …}
//      {kind: "stopped", changes: [{offset, length, place}], contents: Blob | null}

import {Connection} from "./connection.js";
import {Overlay, OverlayLimits, MemoryFile} from "./overlay.js";
import {overlayFiles} from "./overlay-files.js";
import {ReadAhead} from "./read-ahead.js";

const statisticsMilliseconds = 500;

let image = null;
let source = null;
let overlay = null;
let memoryContents = null;
let connection = null;
// Of the connections that are over.
let earlier = {requests: 0, readBytes: 0, writtenBytes: 0, errors: 0};

const tell = (message, transfer = []) => self.postMessage(message, transfer);

self.onmessage = async ({data}) => {
    switch (data.kind) {
    case "serve": return await serve(data);
    case "recover": return await recover(data);
    case "connect": return connect(data);
    case "stop": return await stop();
    }
};

async function recover({file, overlay: wanted}) {
    if (await prepare(file, wanted)) await stop();
}

async function serve({url, token, file, overlay: wanted}) {
    if (!await prepare(file, wanted)) return;
    tell({kind: "ready", changedBytes: overlay?.changedBytes ?? 0, isKept: !memoryContents});
    connect({url, token});
    setInterval(tellStatistics, statisticsMilliseconds);
}

async function prepare(file, wanted) {
    image = file;
    source = new ReadAhead(file.size, async (offset, length) => {
        const bytes = new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
        if (bytes.byteLength !== length) throw new Error(`the file is ${length - bytes.byteLength} bytes short`);
        return bytes;
    });
    try {
        // The first block, before a host asks for it: a file that was moved or is not allowed shows here.
        await source.read(0, Math.min(file.size, 4096));
        if (wanted) await lay(wanted.name);
    } catch (error) {
        tell({kind: "refused", text: words(error)});
        return false;
    }
    return true;
}

async function lay(name) {
    let files;
    try {
        files = await overlayFiles(name);
        files = {
            contents: await files.contents.createSyncAccessHandle(),
            records: await files.records.createSyncAccessHandle(),
        };
    } catch (error) {
        // One that is in use would be lost for both.
        if (error?.name === "NoModificationAllowedError") throw error;
        memoryContents = new MemoryFile(OverlayLimits.memoryBytes);
        files = {contents: memoryContents, records: new MemoryFile(OverlayLimits.memoryBytes)};
    }
    overlay = new Overlay(image.size, source, files.contents, files.records);
    source = overlay;
}

function connect({url, token}) {
    const mine = new Connection(
        new WebSocket(url, token ? [token] : []), source, {byteCount: image.size, isReadOnly: !overlay}, {
            closed: (code, reason, wasOpen) => {
                if (connection !== mine) return;
                tellStatistics();
                connection = null;
                for (const key of Object.keys(earlier)) earlier[key] += mine.statistics[key];
                tell({kind: "closed", code, reason, wasOpen});
            },
            opened: () => tell({kind: "open"}),
            trouble: (error, request) => tell({
                kind: "trouble", text: `${request.kind} at ${request.offset ?? 0}: ${words(error)}`,
            }),
        });
    connection = mine;
}

async function stop() {
    // Nothing of it is told any more.
    const last = connection;
    connection = null;
    last?.close(1000, "");
    let changes = [];
    let contents = null;
    if (overlay) {
        await overlay.flush();
        changes = overlay.changes;
        overlay.close();
        contents = memoryContents?.blob ?? null;
    }
    tell({kind: "stopped", changes, contents});
    self.close();
}

function tellStatistics() {
    const now = connection?.statistics;
    const message = {kind: "statistics", changedBytes: overlay?.changedBytes ?? 0};
    for (const key of Object.keys(earlier)) message[key] = earlier[key] + (now?.[key] ?? 0);
    message.underWay = connection?.pendingCount ?? 0;
    message.mostUnderWay = now?.mostUnderWay ?? 0;
    message.meanSeconds = now?.requests ? now.latencySeconds / now.requests : 0;
    tell(message);
}

function words(error) {
    switch (error?.name) {
    case "NotFoundError": return "the file is not there any more";
    case "NotReadableError": return "the file cannot be read, or was changed since it was chosen";
    case "QuotaExceededError": return "there is no room for changes";
    case "NoModificationAllowedError": return "its changes are open in another tab";
    default: return error?.message || String(error);
    }
}
