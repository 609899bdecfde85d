// What a host has written over an image that itself stays as it is: copy on write, in clusters.
//
// Clusters are kept in two files: one with their contents, in the order in which they were first written, and one
// with a record of 8 bytes for each: its number, and whether it is all zeroes and has no contents. After a reload of the page both
// are read again, so that a host that goes on finds what it has written.
//
// A file here is what FileSystemSyncAccessHandle is: read(bytes, {at}), write(bytes, {at}), getSize(), flush(), close().

export const OverlayLimits = Object.freeze({
    clusterBytes: 64 << 10,
    // Of contents and of records, where the browser has no files of its own and they are kept in memory.
    memoryBytes: 512 << 20,
});

const recordBytes = 8;
// In a record, beside the number of a cluster, which is far below it.
const zeroMark = 2 ** 52;

export class Overlay {
    #byteCount;
    #base;
    #contents;
    #records;
    // Cluster number to its place among the contents, or null for one that is all zeroes.
    #clusters = new Map();
    #places = 0;
    #recordCount = 0;
    // Changes follow each other, so that two halves of a cluster are not filled in from the image twice.
    #last = Promise.resolve();

    // base.read(offset, length) gives bytes of the image, or a Promise of them.
    constructor(byteCount, base, contents, records) {
        this.#byteCount = byteCount;
        this.#base = base;
        this.#contents = contents;
        this.#records = records;
        this.#load();
    }

    get changedBytes() { return this.#clusters.size * OverlayLimits.clusterBytes; }
    get isChanged() { return this.#clusters.size > 0; }

    #load() {
        const count = Math.floor(this.#records.getSize() / recordBytes);
        const view = new DataView(new ArrayBuffer(count * recordBytes));
        this.#records.read(new Uint8Array(view.buffer), {at: 0});
        // The last cluster of an image may be a part of one.
        const stored = Math.ceil(this.#contents.getSize() / OverlayLimits.clusterBytes);
        for (let index = 0; index < count; index += 1) {
            const record = view.getFloat64(index * recordBytes);
            if (record >= zeroMark) {
                this.#clusters.set(record - zeroMark, null);
            } else if (this.#places < stored) {
                this.#clusters.set(record, this.#places);
                this.#places += 1;
            }
        }
        this.#recordCount = count;
    }

    // What the host sees: a Promise of bytes, or bytes.
    read(offset, length) {
        const bytes = this.#base.read(offset, length);
        if (!this.isChanged) return bytes;
        if (bytes instanceof Promise) return bytes.then((bytes) => this.#covered(bytes, offset));
        return this.#covered(bytes, offset);
    }

    // The bytes of the image with the changes over them.
    #covered(bytes, offset) {
        let own = null;
        for (const part of this.#parts(offset, bytes.byteLength)) {
            if (!this.#clusters.has(part.cluster)) continue;
            // What the image gave may be shared with other readers.
            own ??= bytes.slice();
            const target = own.subarray(part.start, part.start + part.length);
            this.#readCluster(part.cluster, part.within, target);
        }
        return own ?? bytes;
    }

    #readCluster(cluster, within, target) {
        const place = this.#clusters.get(cluster);
        if (place === null) {
            target.fill(0);
            return;
        }
        const at = place * OverlayLimits.clusterBytes + within;
        // The last cluster of an image may be a part of one, and its place is not filled.
        const count = this.#contents.read(target, {at});
        target.fill(0, count);
    }

    write(offset, bytes) {
        return this.#inOrder(async () => {
            for (const part of this.#parts(offset, bytes.byteLength)) {
                await this.#writeCluster(part, bytes.subarray(part.start, part.start + part.length));
            }
        });
    }

    zero(offset, length) {
        return this.#inOrder(async () => {
            for (const part of this.#parts(offset, length)) {
                if (part.isWhole && typeof this.#clusters.get(part.cluster) !== "number") {
                    this.#clusters.set(part.cluster, null);
                    this.#record(part.cluster + zeroMark);
                } else {
                    await this.#writeCluster(part, new Uint8Array(part.length));
                }
            }
        });
    }

    // Ends when everything that was finished before is on the disk of this computer.
    flush() {
        return this.#inOrder(async () => {
            this.#contents.flush();
            this.#records.flush();
        });
    }

    close() {
        this.#contents.close();
        this.#records.close();
    }

    // The changed clusters by their numbers: {offset, length, place}; a place of null stands for zeroes.
    get changes() {
        return [...this.#clusters.entries()].sort(([one], [other]) => one - other).map(([cluster, place]) => {
            const offset = cluster * OverlayLimits.clusterBytes;
            return {offset, length: Math.min(OverlayLimits.clusterBytes, this.#byteCount - offset), place};
        });
    }

    async #writeCluster(part, bytes) {
        let place = this.#clusters.get(part.cluster);
        if (typeof place === "number") {
            this.#put(bytes, place * OverlayLimits.clusterBytes + part.within);
            return;
        }
        let whole = bytes;
        if (!part.isWhole) {
            const offset = part.cluster * OverlayLimits.clusterBytes;
            const length = Math.min(OverlayLimits.clusterBytes, this.#byteCount - offset);
            whole = new Uint8Array(length);
            if (place === undefined) whole.set(await this.#base.read(offset, length));
            whole.set(bytes, part.within);
        }
        place = this.#places;
        this.#put(whole, place * OverlayLimits.clusterBytes);
        // Only once its contents are there: a page that is closed in between has lost nothing.
        this.#record(part.cluster);
        this.#places += 1;
        this.#clusters.set(part.cluster, place);
    }

    #record(number) {
        const view = new DataView(new ArrayBuffer(recordBytes));
        view.setFloat64(0, number);
        const written = this.#records.write(new Uint8Array(view.buffer), {at: this.#recordCount * recordBytes});
        if (written !== recordBytes) throw new DOMException("no room", "QuotaExceededError");
        this.#recordCount += 1;
    }

    #put(bytes, at) {
        const written = this.#contents.write(bytes, {at});
        if (written !== bytes.byteLength) throw new DOMException("no room", "QuotaExceededError");
    }

    #inOrder(change) {
        const result = this.#last.then(change);
        this.#last = result.catch(() => {});
        return result;
    }

    // The clusters that a range touches: `start` is into the range, `within` into the cluster.
    * #parts(offset, length) {
        const size = OverlayLimits.clusterBytes;
        let start = 0;
        while (start < length) {
            const cluster = Math.floor((offset + start) / size);
            const within = offset + start - cluster * size;
            const count = Math.min(size - within, length - start);
            const end = Math.min((cluster + 1) * size, this.#byteCount);
            yield {
                cluster, within, start, length: count,
                isWhole: within === 0 && cluster * size + count === end,
            };
            start += count;
        }
    }
}

// The same as a file of the browser's own, in memory: for a browser that has none.
export class MemoryFile {
    #bytes = new Uint8Array(0);
    #byteCount = 0;
    #limit;

    constructor(limit) { this.#limit = limit; }

    getSize() { return this.#byteCount; }
    flush() {}
    close() {}

    read(target, {at}) {
        const part = this.#bytes.subarray(at, Math.max(at, Math.min(at + target.byteLength, this.#byteCount)));
        target.set(part);
        return part.byteLength;
    }

    write(bytes, {at}) {
        const end = at + bytes.byteLength;
        if (end > this.#limit) return 0;
        if (end > this.#bytes.byteLength) {
            const larger = new Uint8Array(Math.min(this.#limit, Math.max(end, this.#bytes.byteLength * 2)));
            larger.set(this.#bytes);
            this.#bytes = larger;
        }
        this.#bytes.set(bytes, at);
        this.#byteCount = Math.max(this.#byteCount, end);
        return bytes.byteLength;
    }

    get blob() { return new Blob([this.#bytes.subarray(0, this.#byteCount)]); }
}
