// The server's side of NBD, with no I/O in it: bytes and outcomes go in, actions come out.
//
// Fixed newstyle negotiation with one export, named ""; simple replies. Numbers are big-endian.
// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
//
//     const server = new NBDServer({byteCount, isReadOnly});
//     perform(server.start());
//     socket.onmessage = (event) => perform(server.receive(new Uint8Array(event.data)));
//     // for each request among the actions, once it is done:
//     perform(server.finish(request, {bytes}));       // or {error: NBDError.io}, or {} for what has no bytes
//
// Actions:
//     {kind: "send", bytes}                                   in this order
//     {kind: "read", cookie, offset, length}
//     {kind: "write", cookie, offset, bytes, isForced}        isForced: stored before it is finished
//     {kind: "zero", cookie, offset, length, isForced}
//     {kind: "trim", cookie, offset, length, isForced}
//     {kind: "flush", cookie}
//     {kind: "close", reason}                                 the last one of all; reason is "" when all is well

export const NBDError = Object.freeze({
    none: 0, notPermitted: 1, io: 5, noMemory: 12, invalid: 22, noSpace: 28, shuttingDown: 108,
});

export const NBDLimits = Object.freeze({
    // What one request may move; told to the client as the largest block size.
    requestBytes: 32 << 20,
    preferredBytes: 128 << 10,
    // Data of an option: names are 4096 bytes at most, and what else there is is smaller.
    optionBytes: 8 << 10,
    // Options in one negotiation.
    options: 64,
    // Requests that wait for their ends; a kernel has 128 under way on a connection.
    requests: 1024,
    // What is taken of the payload of writes that wait.
    pendingWriteBytes: 64 << 20,
});

const MAGIC = 0x4e42444d41474943n;             // "NBDMAGIC"
const OPTION_MAGIC = 0x49484156454f5054n;      // "IHAVEOPT"
const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
const REQUEST_MAGIC = 0x25609513;
const REPLY_MAGIC = 0x67446698;

const HandshakeFlag = {fixedNewstyle: 1, noZeroes: 2};
const Option = {exportName: 1, abort: 2, list: 3, info: 6, go: 7};
const Reply = {
    acknowledged: 1, server: 2, info: 3,
    unsupported: 0x80000001, invalid: 0x80000003, unknown: 0x80000006, tooBig: 0x80000009,
};
const Info = {exportSize: 0, blockSize: 3};
const TransmissionFlag = {
    hasFlags: 1, readOnly: 2, sendsFlush: 4, sendsForced: 8, sendsTrim: 32, sendsZeroes: 64,
};
const Command = {read: 0, write: 1, disconnect: 2, flush: 3, trim: 4, zero: 6};
const CommandFlag = {forced: 1, noHole: 2};

export class NBDServer {
    #byteCount;
    #isReadOnly;
    #input = new Input();
    #state = "flags";
    #wantsZeroes = true;
    #options = 0;
    // The header that the payload in #input belongs to.
    #header = null;
    #isDisconnecting = false;
    #pendingWriteBytes = 0;
    #pending = new Set();
    #actions = [];

    // byteCount is safe: a file of a browser has less than 2^53 bytes.
    constructor({byteCount, isReadOnly}) {
        this.#byteCount = byteCount;
        this.#isReadOnly = isReadOnly;
    }

    get isTransmitting() { return this.#state === "request" || this.#state === "payload"; }
    get isClosed() { return this.#state === "closed"; }
    // Requests that were handed out and are not finished.
    get pendingCount() { return this.#pending.size; }

    start() {
        const hello = new Output(18);
        hello.u64(MAGIC).u64(OPTION_MAGIC).u16(HandshakeFlag.fixedNewstyle | HandshakeFlag.noZeroes);
        this.#send(hello.bytes);
        return this.#taken();
    }

    // Takes the next bytes of the client, however they are cut. Keeps views of them until they are used.
    receive(bytes) {
        if (this.isClosed) return [];
        this.#input.append(bytes);
        while (!this.isClosed && this.#step());
        return this.#taken();
    }

    // Ends one request that was among the actions.
    finish(request, {bytes, error = NBDError.none} = {}) {
        if (!this.#pending.delete(request)) throw new Error("a request that is not under way");
        if (request.kind === "write") this.#pendingWriteBytes -= request.bytes.byteLength;
        if (this.isClosed) return [];
        const isRead = request.kind === "read" && error === NBDError.none;
        if (isRead && bytes?.byteLength !== request.length) throw new Error("a read of another length");
        this.#reply(request.cookie, error, isRead ? bytes : null);
        this.#disconnectWhenDone();
        return this.#taken();
    }

    #taken() {
        const actions = this.#actions;
        this.#actions = [];
        return actions;
    }

    #send(bytes) { this.#actions.push({kind: "send", bytes}); }

    #close(reason) {
        this.#state = "closed";
        this.#actions.push({kind: "close", reason});
        return false;
    }

    // Returns whether something was taken, so that there may be more.
    #step() {
        switch (this.#state) {
        case "flags": return this.#takeClientFlags();
        case "option": return this.#takeOption();
        case "option data": return this.#takeOptionData();
        case "option skipped": return this.#skipOptionData();
        case "request": return this.#takeRequest();
        case "payload": return this.#takePayload();
        default: return false;
        }
    }

    // Negotiation

    #takeClientFlags() {
        const view = this.#input.take(4);
        if (!view) return false;
        const flags = view.getUint32(0);
        if (flags & ~(HandshakeFlag.fixedNewstyle | HandshakeFlag.noZeroes)) {
            return this.#close("the client wants what was not offered");
        }
        this.#wantsZeroes = !(flags & HandshakeFlag.noZeroes);
        this.#state = "option";
        return true;
    }

    #takeOption() {
        const view = this.#input.take(16);
        if (!view) return false;
        if (view.getBigUint64(0) !== OPTION_MAGIC) return this.#close("the client does not speak NBD");
        if (++this.#options > NBDLimits.options) return this.#close("the client negotiates without end");
        this.#header = {option: view.getUint32(8), length: view.getUint32(12)};
        this.#state = this.#header.length > NBDLimits.optionBytes ? "option skipped" : "option data";
        return true;
    }

    #skipOptionData() {
        this.#header.length -= this.#input.drop(this.#header.length);
        if (this.#header.length > 0) return false;
        if (this.#header.option === Option.exportName) return this.#close("a name that is too long");
        this.#answer(this.#header.option, Reply.tooBig);
        this.#state = "option";
        return true;
    }

    #takeOptionData() {
        const data = this.#input.take(this.#header.length);
        if (!data) return false;
        const option = this.#header.option;
        this.#state = "option";
        switch (option) {
        case Option.exportName:
            if (data.byteLength > 0) return this.#close("the client wants an export by a name");
            return this.#acceptByName();
        case Option.abort:
            this.#answer(option, Reply.acknowledged);
            return this.#close("");
        case Option.list: {
            if (data.byteLength > 0) {
                this.#answer(option, Reply.invalid);
                return true;
            }
            // One export, whose name has no bytes.
            this.#answer(option, Reply.server, new Output(4).u32(0).bytes);
            this.#answer(option, Reply.acknowledged);
            return true;
        }
        case Option.info:
        case Option.go:
            return this.#inform(option, data);
        default:
            this.#answer(option, Reply.unsupported);
            return true;
        }
    }

    #acceptByName() {
        const answer = new Output(this.#wantsZeroes ? 134 : 10);
        answer.u64(BigInt(this.#byteCount)).u16(this.#flags);
        this.#send(answer.bytes);
        this.#state = "request";
        return true;
    }

    // | length of name u32 | name | number of wishes u16 | wishes, u16 each |
    #inform(option, data) {
        const nameLength = data.byteLength >= 6 ? data.getUint32(0) : 0;
        const isWhole = data.byteLength >= 6 && data.byteLength >= 6 + nameLength
            && data.byteLength === 6 + nameLength + 2 * data.getUint16(4 + nameLength);
        if (!isWhole) {
            this.#answer(option, Reply.invalid);
            return true;
        }
        if (nameLength > 0) {
            this.#answer(option, Reply.unknown);
            return true;
        }
        this.#answer(
            option, Reply.info,
            new Output(12).u16(Info.exportSize).u64(BigInt(this.#byteCount)).u16(this.#flags).bytes);
        // Always told: those who do not ask for it may be told, too.
        this.#answer(
            option, Reply.info,
            new Output(14).u16(Info.blockSize).u32(1).u32(NBDLimits.preferredBytes)
                .u32(NBDLimits.requestBytes).bytes);
        this.#answer(option, Reply.acknowledged);
        if (option === Option.go) this.#state = "request";
        return true;
    }

    get #flags() {
        const always = TransmissionFlag.hasFlags | TransmissionFlag.sendsFlush | TransmissionFlag.sendsForced;
        return this.#isReadOnly
            ? always | TransmissionFlag.readOnly
            : always | TransmissionFlag.sendsTrim | TransmissionFlag.sendsZeroes;
    }

    #answer(option, kind, data = new Uint8Array(0)) {
        const answer = new Output(20 + data.byteLength);
        answer.u64(OPTION_REPLY_MAGIC).u32(option).u32(kind).u32(data.byteLength).raw(data);
        this.#send(answer.bytes);
    }

    // Transmission

    // | magic u32 | flags u16 | command u16 | cookie u64 | offset u64 | length u32 |
    #takeRequest() {
        if (this.#isDisconnecting) return false;
        const view = this.#input.take(28);
        if (!view) return false;
        if (view.getUint32(0) !== REQUEST_MAGIC) return this.#close("the client has lost the thread");
        const request = {
            flags: view.getUint16(4), command: view.getUint16(6), cookie: view.getBigUint64(8),
            offset: view.getBigUint64(16), length: view.getUint32(24),
        };
        if (this.#pending.size >= NBDLimits.requests) return this.#close("too many requests at a time");
        if (request.command !== Command.write) {
            this.#begin(request, null);
            return !this.isClosed;
        }
        // Its payload follows whether it is taken or not, so one that cannot be held ends the connection.
        if (request.length > NBDLimits.requestBytes) return this.#close("a write of too many bytes");
        if (this.#pendingWriteBytes + request.length > NBDLimits.pendingWriteBytes) {
            return this.#close("too many bytes are waiting to be written");
        }
        this.#header = request;
        this.#state = "payload";
        return true;
    }

    #takePayload() {
        const view = this.#input.take(this.#header.length);
        if (!view) return false;
        this.#state = "request";
        this.#begin(this.#header, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
        return true;
    }

    #begin(request, payload) {
        if (request.command === Command.disconnect) {
            this.#isDisconnecting = true;
            this.#disconnectWhenDone();
            return;
        }
        const error = this.#problem(request);
        if (error !== NBDError.none) return this.#reply(request.cookie, error, null);
        const action = {cookie: request.cookie, isForced: Boolean(request.flags & CommandFlag.forced)};
        const place = {offset: Number(request.offset), length: request.length};
        switch (request.command) {
        case Command.read: Object.assign(action, {kind: "read"}, place); break;
        case Command.write:
            Object.assign(action, {kind: "write", offset: place.offset, bytes: payload});
            this.#pendingWriteBytes += payload.byteLength;
            break;
        case Command.flush: action.kind = "flush"; break;
        case Command.trim: Object.assign(action, {kind: "trim"}, place); break;
        case Command.zero: Object.assign(action, {kind: "zero"}, place); break;
        }
        this.#pending.add(action);
        this.#actions.push(action);
    }

    #problem({command, flags, offset, length}) {
        const known = CommandFlag.forced | (command === Command.zero ? CommandFlag.noHole : 0);
        if (flags & ~known) return NBDError.invalid;
        const end = offset + BigInt(length);
        const isInside = end <= BigInt(this.#byteCount);
        switch (command) {
        case Command.read:
            return isInside && length > 0 && length <= NBDLimits.requestBytes ? NBDError.none : NBDError.invalid;
        case Command.flush: return NBDError.none;
        case Command.write:
        case Command.zero:
            if (this.#isReadOnly) return NBDError.notPermitted;
            return isInside ? NBDError.none : NBDError.noSpace;
        case Command.trim:
            if (this.#isReadOnly) return NBDError.notPermitted;
            return isInside ? NBDError.none : NBDError.invalid;
        default: return NBDError.invalid;
        }
    }

    // | magic u32 | error u32 | cookie u64 |, then what was read
    #reply(cookie, error, bytes) {
        const reply = new Output(16 + (bytes?.byteLength ?? 0));
        reply.u32(REPLY_MAGIC).u32(error).u64(cookie);
        if (bytes) reply.raw(bytes);
        this.#send(reply.bytes);
    }

    #disconnectWhenDone() {
        if (this.#isDisconnecting && this.#pending.size === 0) this.#close("");
    }
}

// Bytes that have come and are not taken yet.
class Input {
    #pieces = [];
    // The first piece that is not used up, and how much of it is.
    #first = 0;
    #start = 0;
    #byteCount = 0;

    append(bytes) {
        if (bytes.byteLength === 0) return;
        this.#pieces.push(bytes);
        this.#byteCount += bytes.byteLength;
    }

    // Returns the next bytes as a DataView, or null, with nothing taken, until there are so many.
    take(count) {
        if (this.#byteCount < count) return null;
        if (count === 0) return new DataView(new ArrayBuffer(0));
        const piece = this.#pieces[this.#first];
        if (piece.byteLength - this.#start >= count) {
            const view = new DataView(piece.buffer, piece.byteOffset + this.#start, count);
            this.drop(count);
            return view;
        }
        const whole = new Uint8Array(count);
        let filled = 0;
        while (filled < count) {
            const part = this.#pieces[this.#first].subarray(this.#start, this.#start + count - filled);
            whole.set(part, filled);
            filled += part.byteLength;
            this.drop(part.byteLength);
        }
        return new DataView(whole.buffer);
    }

    // Returns how many bytes were dropped: `count`, or all there are.
    drop(count) {
        const dropped = Math.min(count, this.#byteCount);
        this.#byteCount -= dropped;
        let left = dropped;
        while (left > 0) {
            const available = this.#pieces[this.#first].byteLength - this.#start;
            if (available > left) {
                this.#start += left;
                break;
            }
            left -= available;
            this.#pieces[this.#first] = null;
            this.#first += 1;
            this.#start = 0;
        }
        if (this.#byteCount === 0 || this.#first > 1024) {
            this.#pieces.splice(0, this.#first);
            this.#first = 0;
        }
        return dropped;
    }
}

// Bytes of a known number, filled from the front; what is not filled is zero.
class Output {
    #view;
    #offset = 0;

    constructor(byteCount) {
        this.bytes = new Uint8Array(byteCount);
        this.#view = new DataView(this.bytes.buffer);
    }

    u16(number) {
        this.#view.setUint16(this.#offset, number);
        this.#offset += 2;
        return this;
    }

    u32(number) {
        this.#view.setUint32(this.#offset, number);
        this.#offset += 4;
        return this;
    }

    u64(number) {
        this.#view.setBigUint64(this.#offset, number);
        this.#offset += 8;
        return this;
    }

    raw(bytes) {
        this.bytes.set(bytes, this.#offset);
        this.#offset += bytes.byteLength;
        return this;
    }
}
