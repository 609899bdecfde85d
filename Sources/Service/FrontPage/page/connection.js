// One WebSocket on which an image is served, from its handshake to its end: the NBD server between a socket and a
// source, with bounds on what is under way.

import {NBDError, NBDServer} from "./nbd-server.js";

export const ConnectionLimits = Object.freeze({
    // Of requests that were begun and not answered.
    bytesUnderWay: 32 << 20,
    // Given to the socket and not on their way yet; above it nothing new is begun.
    socketBytes: 8 << 20,
    // Of one message: a browser may send it as one frame, and the BMC takes 4 MiB.
    messageBytes: 1 << 20,
    // Between two looks at a socket that is full: it does not tell when it is not any more.
    drainMilliseconds: 4,
});

// A browser may close with 1000, or with codes of its own.
export const CloseCode = Object.freeze({done: 1000, notNBD: 3002, notBinary: 3003});

export class Connection {
    #socket;
    #source;
    #server;
    // Requests that are not begun.
    #waiting = [];
    #replies = [];
    #bytesUnderWay = 0;
    #drain = null;
    #isPumping = false;
    #isOver = false;
    // {opened: (), closed: (code, reason, wasOpen), trouble: (error, request)}
    #events;
    wasOpen = false;
    statistics = {
        requests: 0, readBytes: 0, writtenBytes: 0, errors: 0, flushes: 0, latencySeconds: 0, mostUnderWay: 0,
    };

    // source: read(offset, length), and if it is not read-only write(offset, bytes), zero(offset, length), flush().
    constructor(socket, source, {byteCount, isReadOnly}, events) {
        this.#socket = socket;
        this.#source = source;
        this.#events = events;
        this.#server = new NBDServer({byteCount, isReadOnly});
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
            this.wasOpen = true;
            events.opened();
            this.#perform(this.#server.start());
        };
        socket.onmessage = (event) => this.#receive(event.data);
        socket.onclose = (event) => {
            this.#end();
            events.closed(event.code, event.reason, this.wasOpen);
        };
    }

    // Ends the connection; the BMC takes the medium from the host with 1000, and waits for a while otherwise.
    close(code, reason) {
        this.#end();
        this.#socket.close(code, reason);
    }

    get pendingCount() { return this.#server.pendingCount; }

    #end() {
        this.#isOver = true;
        this.#waiting = [];
        this.#replies = [];
        clearTimeout(this.#drain);
    }

    #receive(data) {
        if (this.#isOver) return;
        if (!(data instanceof ArrayBuffer)) return this.close(CloseCode.notBinary, "text");
        this.#perform(this.#server.receive(new Uint8Array(data)));
    }

    #perform(actions) {
        for (const action of actions) {
            switch (action.kind) {
            case "send": this.#reply(action.bytes); break;
            case "close": this.#closeAfterReplies(action.reason); return;
            default:
                this.statistics.requests += 1;
                this.#waiting.push(action);
            }
        }
        this.#pump();
    }

    // In messages that the BMC takes; where one ends means nothing.
    #reply(bytes) {
        const size = ConnectionLimits.messageBytes;
        for (let start = 0; start < bytes.byteLength; start += size) {
            this.#replies.push(bytes.subarray(start, start + size));
        }
    }

    #closeAfterReplies(reason) {
        for (const bytes of this.#replies) this.#socket.send(bytes);
        this.#end();
        // An NBD client that is done says so; what that means for the medium, the front says when it closes.
        if (reason !== "") this.#socket.close(CloseCode.notNBD, reason);
    }

    // Gives the socket what it takes, and begins requests as long as there is room for their replies.
    #pump() {
        if (this.#isPumping || this.#isOver) return;
        this.#isPumping = true;
        do {
            let sent = 0;
            while (sent < this.#replies.length && this.#hasRoom()) this.#socket.send(this.#replies[sent++]);
            if (sent > 0) this.#replies.splice(0, sent);
            while (this.#waiting.length > 0 && this.#replies.length === 0 && this.#hasRoom()
                && this.#bytesUnderWay < ConnectionLimits.bytesUnderWay) {
                this.#begin(this.#waiting.shift());
            }
        } while (this.#replies.length > 0 && this.#hasRoom() && !this.#isOver);
        this.#isPumping = false;
        const isHeldUp = (this.#replies.length > 0 || this.#waiting.length > 0) && !this.#hasRoom();
        if (this.#isOver || !isHeldUp || this.#drain !== null) return;
        this.#drain = setTimeout(() => {
            this.#drain = null;
            this.#pump();
        }, ConnectionLimits.drainMilliseconds);
    }

    #hasRoom() { return this.#socket.bufferedAmount < ConnectionLimits.socketBytes; }

    #begin(request) {
        const began = performance.now();
        const size = request.length ?? request.bytes?.byteLength ?? 0;
        this.#bytesUnderWay += size;
        this.statistics.mostUnderWay = Math.max(this.statistics.mostUnderWay, this.#server.pendingCount);
        const done = (outcome) => {
            this.#bytesUnderWay -= size;
            this.statistics.latencySeconds += (performance.now() - began) / 1000;
            this.#count(request, size, outcome);
            if (!this.#isOver) this.#perform(this.#server.finish(request, outcome));
        };
        const failed = (error) => {
            this.#events.trouble(error, request);
            done({error: error?.name === "QuotaExceededError" ? NBDError.noSpace : NBDError.io});
        };
        let result;
        try { result = this.#carryOut(request); } catch (error) { return failed(error); }
        if (result instanceof Promise) {
            result.then((bytes) => done({bytes}), failed);
        } else {
            done({bytes: result});
        }
    }

    #carryOut(request) {
        switch (request.kind) {
        case "read": return this.#source.read(request.offset, request.length);
        case "write": return this.#forced(request, this.#source.write(request.offset, request.bytes));
        case "zero": return this.#forced(request, this.#source.zero(request.offset, request.length));
        // A wish, and nothing is given back here.
        case "trim": return this.#forced(request, Promise.resolve());
        case "flush": return this.#source.flush?.();
        }
    }

    #forced(request, stored) {
        return request.isForced ? stored.then(() => this.#source.flush()) : stored;
    }

    #count(request, size, {error}) {
        if (error) this.statistics.errors += 1;
        else if (request.kind === "read") this.statistics.readBytes += size;
        else if (request.kind === "write" || request.kind === "zero") this.statistics.writtenBytes += size;
        else if (request.kind === "flush") this.statistics.flushes += 1;
    }
}
