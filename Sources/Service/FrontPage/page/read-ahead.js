// Reads a file in large pieces, ahead of a client that reads in order, and keeps a bounded number of them.
//
// A browser's file costs about the same for a small read as for a large one, and a host reads in order most of the
// time. What is not in order is read as it was asked for.

export const ReadAheadLimits = Object.freeze({
    // Chromium spends a quarter less of a processor on pieces of 4 MiB than on those of 1 MiB.
    pieceBytes: 4 << 20,
    // In memory, those that are on their way included.
    pieces: 16,
    // Ahead of one client at most.
    piecesAhead: 3,
    // How far from where a reader is expected it may go on, and still read in order.
    reachBytes: 1 << 20,
    // Places that are read from in order at the same time: a host has several requests under way.
    streams: 8,
});

export class ReadAhead {
    #byteCount;
    #load;
    // By number, the least used first: {bytes} once it is here, else {promise}.
    #pieces = new Map();
    // Where readers are expected next, the least used first: {next, ahead}.
    #streams = [];
    statistics = {loads: 0, loadedBytes: 0, reads: 0, waits: 0};

    // load(offset, length) gives a Promise of so many bytes, all inside the file.
    constructor(byteCount, load) {
        this.#byteCount = byteCount;
        this.#load = load;
    }

    // Returns the bytes if they are here, else a Promise of them; they are not to be changed.
    read(offset, length) {
        this.statistics.reads += 1;
        const stream = this.#follow(offset, length);
        const first = Math.floor(offset / ReadAheadLimits.pieceBytes);
        const last = Math.floor((offset + length - 1) / ReadAheadLimits.pieceBytes);
        if (!stream && !this.#hasAll(first, last)) {
            this.statistics.waits += 1;
            return this.#loadCounted(offset, length);
        }
        const pieces = [];
        for (let number = first; number <= last; number += 1) pieces.push(this.#piece(number));
        if (stream) {
            for (let number = last + 1; number <= last + stream.ahead; number += 1) {
                if (number * ReadAheadLimits.pieceBytes < this.#byteCount) this.#piece(number);
            }
        }
        this.#forgetOld();
        if (pieces.every((piece) => piece.bytes)) return this.#cut(pieces, first, offset, length);
        this.statistics.waits += 1;
        return Promise.all(pieces.map((piece) => piece.bytes ?? piece.promise))
            .then((bytes) => this.#cut(bytes.map((one) => ({bytes: one})), first, offset, length));
    }

    // Returns the stream that this read goes on with, or null for a read out of order.
    #follow(offset, length) {
        const reach = ReadAheadLimits.reachBytes;
        const index = this.#streams.findIndex(
            (stream) => offset >= stream.next - reach && offset <= stream.next + reach);
        if (index < 0) {
            this.#streams.push({next: offset + length, ahead: 0});
            if (this.#streams.length > ReadAheadLimits.streams) this.#streams.shift();
            return null;
        }
        const [stream] = this.#streams.splice(index, 1);
        this.#streams.push(stream);
        // A read again of what was just read is no progress.
        if (offset + length > stream.next) {
            stream.next = offset + length;
            stream.ahead = Math.min(Math.max(1, stream.ahead * 2), ReadAheadLimits.piecesAhead);
        }
        return stream;
    }

    #hasAll(first, last) {
        for (let number = first; number <= last; number += 1) if (!this.#pieces.has(number)) return false;
        return true;
    }

    #piece(number) {
        const known = this.#pieces.get(number);
        if (known) {
            this.#pieces.delete(number);
            this.#pieces.set(number, known);
            return known;
        }
        const offset = number * ReadAheadLimits.pieceBytes;
        const piece = {bytes: null, promise: null};
        piece.promise = this.#loadCounted(
            offset, Math.min(ReadAheadLimits.pieceBytes, this.#byteCount - offset));
        piece.promise.then(
            (bytes) => { piece.bytes = bytes; },
            // Whoever waits for it is told; the next one tries again.
            () => { if (this.#pieces.get(number) === piece) this.#pieces.delete(number); });
        this.#pieces.set(number, piece);
        return piece;
    }

    #loadCounted(offset, length) {
        this.statistics.loads += 1;
        this.statistics.loadedBytes += length;
        return this.#load(offset, length);
    }

    #forgetOld() {
        for (const number of this.#pieces.keys()) {
            if (this.#pieces.size <= ReadAheadLimits.pieces) return;
            this.#pieces.delete(number);
        }
    }

    #cut(pieces, first, offset, length) {
        const start = offset - first * ReadAheadLimits.pieceBytes;
        if (pieces.length === 1) return pieces[0].bytes.subarray(start, start + length);
        const whole = new Uint8Array(length);
        let filled = 0;
        for (const [index, piece] of pieces.entries()) {
            const from = index === 0 ? start : 0;
            const part = piece.bytes.subarray(from, from + length - filled);
            whole.set(part, filled);
            filled += part.byteLength;
        }
        return whole;
    }
}
