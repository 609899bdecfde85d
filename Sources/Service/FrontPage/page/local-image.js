// An image of this computer that is served to a slot: the thread that serves it, connecting again, and what becomes
// of the host's changes.

import {stayAwake} from "./awake.js";
import {changedImage, writeInto} from "./changed-image.js";
import {forgetHandle, keepHandle} from "./handles.js";
import {OverlayLimits} from "./overlay.js";
import {canKeepOverlays, overlayFiles, removeOverlay} from "./overlay-files.js";
import {Reconnecting} from "./reconnect.js";

const recordKey = (slotName) => `mediarig.serving.${slotName}`;

// What this tab served to a slot before it was loaded again; null if nothing:
// {name, size, lastModified, isWritable, overlayName, leftAt}
export function interrupted(slotName) {
    try { return JSON.parse(sessionStorage.getItem(recordKey(slotName))); } catch { return null; }
}

export async function forgetInterrupted(slotName) {
    const record = interrupted(slotName);
    sessionStorage.removeItem(recordKey(slotName));
    await forgetHandle(recordKey(slotName)).catch(() => {});
    if (record?.overlayName) await removeOverlay(record.overlayName).catch(() => {});
}

export const interruptedHandleKey = recordKey;

// Says why a file cannot take the place of the one that was served; "" if it can.
export function mismatch(record, file) {
    if (file.size !== record.size) {
        return `This file has ${file.size.toLocaleString()} bytes, and the host knows a medium of ${
            record.size.toLocaleString()}: choose ${record.name}.`;
    }
    if (file.lastModified !== record.lastModified) {
        return `${file.name} was changed since. The host would see a mixture of both: eject the medium and insert the file anew.`;
    }
    return "";
}

export class LocalImage extends EventTarget {
    slotName;
    file;
    handle;
    isWritable;
    // Of Reconnecting; null until the file could be read.
    connection = null;
    statistics = {requests: 0, readBytes: 0, writtenBytes: 0, errors: 0, changedBytes: 0, underWay: 0};
    troubles = 0;
    lastTrouble = "";
    // Why nothing could be served at all.
    refusal = "";
    isKept = true;
    isEjecting = false;
    // Once it is over: {changes, contents}; null before, and where nothing was changed.
    result = null;
    isOver = false;
    #endpoint;
    #token;
    #worker;
    #overlayName;
    #timer = null;
    #stopped;
    #rest = () => {};

    // token() gives what a WebSocket has to show; record is that of the serving to go on with, or null.
    constructor({slot, file, handle, isWritable, token, record}) {
        super();
        this.slotName = slot.name;
        this.file = file;
        this.handle = handle;
        this.isWritable = isWritable;
        this.#endpoint = slot.endpoint;
        this.#token = token;
        this.#overlayName = isWritable ? record?.overlayName ?? crypto.randomUUID() : null;
        this.isResumed = record !== null;
    }

    get isServed() { return !this.isOver && this.connection !== null; }
    get isChanged() { return this.statistics.changedBytes > 0; }

    start() {
        this.#remember();
        this.#rest = stayAwake();
        this.#begin({kind: "serve", ...this.#address});
    }

    // Brings the changes of a serving that is over back, without a connection.
    recover() { this.#begin({kind: "recover"}); }

    // Ends the serving here: the BMC takes the medium from the host, if it has not.
    async stop() {
        clearTimeout(this.#timer);
        this.#worker?.postMessage({kind: "stop"});
        await this.#stopped;
    }

    get #address() {
        return {url: `wss://${location.host}${this.#endpoint}`, token: this.#token()};
    }

    #begin(message) {
        this.#worker = new Worker(workerAddress(), {type: "module"});
        this.#worker.onmessage = ({data}) => this.#hear(data);
        this.#worker.onerror = () => this.#refuse("the browser could not start the thread that serves it");
        this.#stopped = new Promise((resolve) => this.addEventListener("over", resolve, {once: true}));
        this.#worker.postMessage({
            ...message, file: this.file, overlay: this.isWritable ? {name: this.#overlayName} : null,
        });
    }

    #hear(data) {
        switch (data.kind) {
        case "refused": return this.#refuse(data.text);
        case "ready":
            this.isKept = data.isKept;
            this.statistics.changedBytes = data.changedBytes;
            this.connection = new Reconnecting({isResumed: this.isResumed, now: Date.now()});
            break;
        case "open": this.connection.opened(); break;
        case "closed": return this.#closed(data);
        case "trouble":
            this.troubles += 1;
            this.lastTrouble = data.text;
            break;
        case "statistics": Object.assign(this.statistics, data); break;
        case "stopped": return this.#finish(data);
        }
        this.#changed();
    }

    #closed(data) {
        this.connection.closed(data, Date.now());
        this.#changed();
        if (this.connection.phase === "ended") {
            this.stop();
            return;
        }
        // A login that has ended is heard of here, and not from a WebSocket that is refused.
        this.dispatchEvent(new Event("lost"));
        this.#timer = setTimeout(() => {
            if (!this.connection.due(Date.now())) return;
            this.#changed();
            this.#worker.postMessage({kind: "connect", ...this.#address});
        }, Math.max(0, this.connection.next - Date.now()));
    }

    // No attempt can succeed any more.
    giveUp(title, text, remedy) {
        if (this.isOver || !this.connection) return;
        this.connection.hopeless(title, text, remedy);
        this.#changed();
        this.stop();
    }

    #refuse(text) {
        this.refusal = text;
        this.#worker.terminate();
        this.#end();
    }

    async #finish({changes, contents}) {
        if (changes.length > 0) {
            const kept = contents ?? await (await overlayFiles(this.#overlayName)).contents.getFile();
            this.result = {changes, contents: kept};
        }
        await this.#end();
    }

    async #end() {
        this.isOver = true;
        this.#rest();
        if (!this.result) await this.discard();
        this.#changed();
        this.dispatchEvent(new Event("over"));
    }

    #changed() { this.dispatchEvent(new Event("change")); }

    // For a reload of the page.
    #remember() {
        sessionStorage.setItem(recordKey(this.slotName), JSON.stringify({
            name: this.file.name, size: this.file.size, lastModified: this.file.lastModified,
            isWritable: this.isWritable, overlayName: this.#overlayName, leftAt: null,
        }));
        if (this.handle) keepHandle(recordKey(this.slotName), this.handle).catch(() => {});
    }

    // The page is about to go.
    leave() {
        const record = interrupted(this.slotName);
        if (record) {
            sessionStorage.setItem(recordKey(this.slotName), JSON.stringify({...record, leftAt: Date.now()}));
        }
    }

    // What the host has changed

    get changedBlob() {
        return changedImage(this.file, this.result.changes, this.result.contents, OverlayLimits.clusterBytes);
    }

    // Writes the changes into the file itself, as a whole or not at all.
    async save(progress) {
        if (await this.handle.requestPermission?.({mode: "readwrite"}) === "denied") {
            throw new Error("The browser was not allowed to write into the file.");
        }
        await writeInto(
            this.handle, this.result.changes, this.result.contents, OverlayLimits.clusterBytes, progress);
        await this.discard();
    }

    async discard() {
        this.result = null;
        this.statistics.changedBytes = 0;
        sessionStorage.removeItem(recordKey(this.slotName));
        await forgetHandle(recordKey(this.slotName)).catch(() => {});
        if (this.#overlayName && canKeepOverlays) await removeOverlay(this.#overlayName).catch(() => {});
        this.#changed();
    }
}

// The one script that this page runs in a thread of its own.
function workerAddress() {
    const address = "/page/serving-worker.js";
    if (!globalThis.trustedTypes) return address;
    workerPolicy ??= trustedTypes.createPolicy("page-workers", {createScriptURL: () => address});
    return workerPolicy.createScriptURL("");
}

let workerPolicy = null;
