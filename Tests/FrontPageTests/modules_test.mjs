// What the page's modules decide, without a browser: node modules_test.mjs MODULES
import assert from "node:assert/strict";

const folder = process.argv[2];
const {NBDServer, NBDError, NBDLimits} = await import(`${folder}/nbd-server.js`);
const {Connection, ConnectionLimits} = await import(`${folder}/connection.js`);
const {ReadAhead, ReadAheadLimits} = await import(`${folder}/read-ahead.js`);
const {Overlay, OverlayLimits, MemoryFile} = await import(`${folder}/overlay.js`);
const {changedImage} = await import(`${folder}/changed-image.js`);
const {meaning, Reconnecting, ReconnectLimits} = await import(`${folder}/reconnect.js`);
const {RateHistory, slotModel, isFree, stateWords} = await import(`${folder}/slot-model.js`);
const format = await import(`${folder}/format.js`);

const tests = [];
const test = (name, body) => tests.push([name, body]);

// Bytes as people write them: "u32 1" and the like, hexadecimal otherwise.
function bytes(...parts) {
    const list = [];
    for (const part of parts) {
        if (part instanceof Uint8Array) { list.push(...part); continue; }
        const [kind, number] = part.split(" ");
        const width = {u8: 1, u16: 2, u32: 4, u64: 8}[kind];
        if (!width) { list.push(...Buffer.from(part.replaceAll(" ", ""), "hex")); continue; }
        const value = BigInt(number);
        for (let shift = width - 1; shift >= 0; shift -= 1) list.push(Number((value >> BigInt(shift * 8)) & 255n));
    }
    return Uint8Array.from(list);
}

const hello = bytes("4e42444d41474943 49484156454f5054", "u16 3");
const option = (number, data = bytes()) => bytes("49484156454f5054", `u32 ${number}`, `u32 ${data.length}`, data);
const answer = (number, kind, data = bytes()) =>
    bytes("0003e889045565a9", `u32 ${number}`, `u32 ${kind}`, `u32 ${data.length}`, data);
const request = (command, cookie, offset, length, flags = 0) =>
    bytes("25609513", `u16 ${flags}`, `u16 ${command}`, `u64 ${cookie}`, `u64 ${offset}`, `u32 ${length}`);
const reply = (error, cookie, data = bytes()) => bytes("67446698", `u32 ${error}`, `u64 ${cookie}`, data);
const noInfo = bytes("u32 0", "u16 0");

// Feeds a server and carries reads and the rest out at once; returns what it sent, and how it closed.
function converse(server, pieces, {byteAt = (offset) => offset % 251} = {}) {
    const sent = [];
    const done = [];
    let closed = null;
    const perform = (actions) => {
        for (const action of actions) {
            assert.equal(closed, null, "an action after the end");
            if (action.kind === "send") sent.push(...action.bytes);
            else if (action.kind === "close") closed = action.reason;
            else {
                done.push(action);
                const read = action.kind === "read"
                    ? Uint8Array.from({length: action.length}, (_, index) => byteAt(action.offset + index)) : undefined;
                perform(server.finish(action, {bytes: read}));
            }
        }
    };
    perform(server.start());
    for (const piece of pieces) perform(server.receive(piece));
    return {sent: Uint8Array.from(sent), closed, done};
}

// The same conversation whole, byte by byte, and all in one piece.
function cuts(parts) {
    const whole = Uint8Array.from(parts.flatMap((part) => [...part]));
    return {parts, glued: [whole], bytes: Array.from(whole, (byte) => Uint8Array.of(byte))};
}

function expectInAllCuts(configuration, parts, check) {
    for (const [name, pieces] of Object.entries(cuts(parts))) {
        check(converse(new NBDServer(configuration), pieces), name);
    }
}

const begin = [bytes("u32 3"), option(7, noInfo)];
const accepted = (byteCount, flags) => [
    ...hello, ...answer(7, 3, bytes("u16 0", `u64 ${byteCount}`, `u16 ${flags}`)),
    ...answer(7, 3, bytes("u16 3", "u32 1", "u32 131072", "u32 33554432")), ...answer(7, 1),
];

test("GO is answered with the size, and reads with their bytes", () => {
    expectInAllCuts({byteCount: 1000, isReadOnly: true}, [...begin, request(0, 77, 990, 10), request(2, 78, 0, 0)],
        ({sent, closed}, cut) => {
            const data = Uint8Array.from({length: 10}, (_, index) => (990 + index) % 251);
            assert.deepEqual(sent, Uint8Array.from([...accepted(1000, 15), ...reply(0, 77, data)]), cut);
            assert.equal(closed, "");
        });
});

test("EXPORT_NAME is answered with zeroes for those who want them", () => {
    for (const [flags, zeroes] of [[1, 124], [3, 0], [0, 124]]) {
        expectInAllCuts({byteCount: 2 ** 40 + 512, isReadOnly: false}, [bytes(`u32 ${flags}`), option(1)],
            ({sent}) => assert.deepEqual(sent, Uint8Array.from(
                [...hello, ...bytes("u64 1099511628288", "u16 109"), ...new Uint8Array(zeroes)])));
    }
});

test("options are listed, refused and ended as the protocol has it", () => {
    const table = [
        ["LIST", option(3), [answer(3, 2, bytes("u32 0")), answer(3, 1)], null],
        ["LIST with data", option(3, bytes("00")), [answer(3, 0x80000003)], null],
        ["INFO", option(6, noInfo), null, null],
        ["STARTTLS", option(5), [answer(5, 0x80000001)], null],
        ["STRUCTURED_REPLY", option(8), [answer(8, 0x80000001)], null],
        ["an option nobody knows", option(0xdead, bytes("01 02 03")), [answer(0xdead, 0x80000001)], null],
        ["GO for another name", option(7, bytes("u32 1", "61", "u16 0")), [answer(7, 0x80000006)], null],
        ["GO cut short", option(7, bytes("u32 0")), [answer(7, 0x80000003)], null],
        ["GO with a name beyond its data", option(7, bytes("u32 99", "u16 0")), [answer(7, 0x80000003)], null],
        ["GO with fewer wishes than it says", option(7, bytes("u32 0", "u16 2", "u16 3")), [answer(7, 0x80000003)], null],
        ["too much data", option(9, new Uint8Array(NBDLimits.optionBytes + 1)), [answer(9, 0x80000009)], null],
        ["ABORT", option(2), [answer(2, 1)], ""],
        ["EXPORT_NAME for another name", option(1, bytes("61")), [], "the client wants an export by a name"],
        ["no option at all", bytes("00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"), [], "the client does not speak NBD"],
    ];
    for (const [name, one, answers, end] of table) {
        expectInAllCuts({byteCount: 4096, isReadOnly: true}, [bytes("u32 3"), one], ({sent, closed}, cut) => {
            if (answers) {
                assert.deepEqual(
                    sent, Uint8Array.from([...hello, ...answers.flatMap((part) => [...part])]), `${name}, ${cut}`);
            }
            assert.equal(closed, end, name);
        });
    }
});

test("a client that wants what was not offered, or negotiates without end, is let go", () => {
    assert.notEqual(converse(new NBDServer({byteCount: 1, isReadOnly: true}), [bytes("u32 7")]).closed, null);
    const many = Array.from({length: NBDLimits.options + 1}, () => option(9));
    const {closed} = converse(new NBDServer({byteCount: 1, isReadOnly: true}), [bytes("u32 3"), ...many]);
    assert.equal(closed, "the client negotiates without end");
});

test("what cannot be done is answered with its error, and the next request is served", () => {
    const max = (1n << 64n) - 1n;
    const table = [
        // command, offset, length, flags, error read-only, error writable
        [0, 0, 1000, 0, 0, 0], [0, 0, 1001, 0, 22, 22], [0, 1000, 1, 0, 22, 22], [0, 999, 1, 0, 0, 0],
        [0, max, 1, 0, 22, 22], [0, max, 0xffffffff, 0, 22, 22], [0, 0, 0, 0, 22, 22], [0, 0, 10, 2, 22, 22],
        [0, 0, 10, 1, 0, 0],
        [3, 0, 0, 0, 0, 0], [3, 0, 0, 1, 0, 0],
        [4, 0, 10, 0, 1, 0], [4, 995, 10, 0, 1, 22],
        [6, 0, 1000, 0, 1, 0], [6, 0, 1001, 0, 1, 28], [6, 0, 10, 3, 1, 0], [6, 0, 10, 4, 22, 22],
        [5, 0, 0, 0, 22, 22], [7, 0, 10, 0, 22, 22], [99, 0, 10, 0, 22, 22],
    ];
    for (const isReadOnly of [true, false]) {
        for (const [command, offset, length, flags, readOnly, writable] of table) {
            const {sent, closed} = converse(new NBDServer({byteCount: 1000, isReadOnly}), [
                ...begin, request(command, 5, offset, length, flags), request(3, 6, 0, 0)]);
            const expected = isReadOnly ? readOnly : writable;
            const size = command === 0 && expected === 0 ? length : 0;
            const start = accepted(1000, 0).length;
            assert.deepEqual(sent.slice(start, start + 16), reply(expected, 5), `${command} ${offset} ${length} ${flags}`);
            assert.deepEqual(sent.slice(start + 16 + size), reply(0, 6));
            assert.equal(closed, null);
        }
    }
});

test("writes carry their bytes, however they are cut; one that may not be is taken and refused", () => {
    const data = Uint8Array.from({length: 300}, (_, index) => index % 256);
    const parts = [...begin, bytes(request(1, 1, 700, 300, 1), data), bytes(request(1, 2, 701, 300), data), request(3, 3, 0, 0)];
    expectInAllCuts({byteCount: 1000, isReadOnly: false}, parts, ({sent, done}, cut) => {
        assert.deepEqual(sent.slice(accepted(1000, 0).length),
            bytes(reply(0, 1), reply(28, 2), reply(0, 3)), cut);
        assert.deepEqual([done[0].kind, done[0].offset, done[0].isForced], ["write", 700, true]);
        assert.deepEqual(Uint8Array.from(done[0].bytes), data);
    });
    expectInAllCuts({byteCount: 1000, isReadOnly: true}, parts, ({sent, done}) => {
        assert.deepEqual(sent.slice(accepted(1000, 0).length), bytes(reply(1, 1), reply(1, 2), reply(0, 3)));
        assert.equal(done.length, 1);
    });
});

test("what would take too much memory ends the connection", () => {
    const huge = converse(new NBDServer({byteCount: 2 ** 40, isReadOnly: false}),
        [...begin, request(1, 1, 0, NBDLimits.requestBytes + 1)]);
    assert.equal(huge.closed, "a write of too many bytes");
    const server = new NBDServer({byteCount: 2 ** 40, isReadOnly: true});
    server.start();
    server.receive(bytes("u32 3"));
    server.receive(option(7, noInfo));
    let last = [];
    for (let count = 0; count <= NBDLimits.requests; count += 1) last = server.receive(request(0, count, 0, 1));
    assert.deepEqual(last, [{kind: "close", reason: "too many requests at a time"}]);
    assert.deepEqual(server.receive(request(0, 1, 0, 1)), []);
});

test("requests are answered in the order in which they are done, and all before a disconnection", () => {
    const server = new NBDServer({byteCount: 1000, isReadOnly: true});
    server.start();
    server.receive(bytes("u32 3"));
    server.receive(option(7, noInfo));
    const [one] = server.receive(request(0, 1, 0, 4));
    const [two] = server.receive(bytes(request(0, 2, 4, 4), request(2, 3, 0, 0), request(0, 4, 0, 4)));
    assert.equal(server.pendingCount, 2);
    const data = bytes("01 02 03 04");
    assert.deepEqual(server.finish(two, {bytes: data}), [{kind: "send", bytes: reply(0, 2, data)}]);
    assert.throws(() => server.finish(two, {bytes: data}));
    assert.deepEqual(server.finish(one, {error: NBDError.io}),
        [{kind: "send", bytes: reply(5, 1)}, {kind: "close", reason: ""}]);
});

// Reading ahead

function countingFile(byteCount) {
    const file = {loads: [], waiting: [], isHeld: false, fails: false};
    file.load = (offset, length) => {
        assert.ok(offset >= 0 && length > 0 && offset + length <= byteCount, "outside the file");
        file.loads.push([offset, length]);
        const result = Uint8Array.from({length}, (_, index) => (offset + index) % 253);
        return file.fails ? Promise.reject(new Error("unreadable")) : Promise.resolve(result);
    };
    return file;
}

test("a client that reads in order finds the next piece here, and a random one costs what it asks for", async () => {
    const byteCount = 20 * ReadAheadLimits.pieceBytes + 1234;
    const file = countingFile(byteCount);
    const reader = new ReadAhead(byteCount, file.load);
    const size = 128 << 10;
    for (let offset = 0; offset < byteCount; offset += size) {
        const length = Math.min(size, byteCount - offset);
        const got = await reader.read(offset, length);
        assert.equal(got.byteLength, length);
        assert.deepEqual([got[0], got[length - 1]], [offset % 253, (offset + length - 1) % 253]);
        await Promise.resolve();
    }
    assert.ok(file.loads.length < 30, `${file.loads.length} loads for 21 pieces`);
    assert.ok(reader.statistics.waits < 10, `${reader.statistics.waits} waits`);
    const random = countingFile(2 ** 36);
    const other = new ReadAhead(2 ** 36, random.load);
    for (let count = 1; count < 50; count += 1) await other.read(count * 2 ** 30, 4096);
    assert.deepEqual(random.loads.map(([, length]) => length), Array(49).fill(4096));
});

test("a read over the bounds of pieces is whole, and a failed one is tried again", async () => {
    const size = ReadAheadLimits.pieceBytes;
    const file = countingFile(40 * size);
    const reader = new ReadAhead(40 * size, file.load);
    await reader.read(0, 512);
    const got = await reader.read(512, 2 * size);
    for (const index of [0, size - 513, size - 512, 2 * size - 1]) assert.equal(got[index], (512 + index) % 253);
    file.fails = true;
    await assert.rejects(async () => reader.read(30 * size, size));
    file.fails = false;
    assert.equal((await reader.read(30 * size, size)).byteLength, size);
});

// Overlay

function imageOf(byteCount) {
    const image = Uint8Array.from({length: byteCount}, (_, index) => index % 249);
    return {image, base: {read: async (offset, length) => image.slice(offset, offset + length)}};
}

// xorshift: the same numbers for the same seed.
function randomNumbers(seed) {
    let state = seed;
    return (limit) => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) % limit;
    };
}

for (const seed of [1, 2, 3]) {
    test(`an overlay is the image with what was written, also after a reload (seed ${seed})`, async () => {
        const byteCount = 5 * OverlayLimits.clusterBytes + 777;
        const {image, base} = imageOf(byteCount);
        const [contents, records] = [new MemoryFile(1 << 24), new MemoryFile(1 << 20)];
        let overlay = new Overlay(byteCount, base, contents, records);
        const expected = image.slice();
        const random = randomNumbers(seed);
        for (let step = 0; step < 200; step += 1) {
            const offset = random(byteCount);
            const length = 1 + random(Math.min(byteCount - offset, 150_000));
            if (random(10) === 0) overlay = new Overlay(byteCount, base, contents, records);
            if (random(3) === 0) {
                await overlay.zero(offset, length);
                expected.fill(0, offset, offset + length);
            } else if (random(2) === 0) {
                const data = Uint8Array.from({length}, () => random(256));
                await overlay.write(offset, data);
                expected.set(data, offset);
            } else {
                assert.deepEqual(await overlay.read(offset, length), expected.slice(offset, offset + length));
            }
        }
        await overlay.flush();
        assert.deepEqual(await overlay.read(0, byteCount), expected);
        const blob = changedImage(new Blob([image]), overlay.changes, contents.blob, OverlayLimits.clusterBytes);
        assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), expected);
        assert.deepEqual(image, imageOf(byteCount).image, "the image itself was changed");
    });
}

test("writes at the same time do not fill a cluster twice", async () => {
    const byteCount = OverlayLimits.clusterBytes;
    const {image, base} = imageOf(byteCount);
    const overlay = new Overlay(byteCount, base, new MemoryFile(1 << 20), new MemoryFile(1 << 10));
    await Promise.all([0, 1, 2, 3].map((part) => overlay.write(part * 1000, new Uint8Array(1000).fill(part + 1))));
    const expected = image.slice();
    for (const part of [0, 1, 2, 3]) expected.fill(part + 1, part * 1000, part * 1000 + 1000);
    assert.deepEqual(await overlay.read(0, byteCount), expected);
});

test("a full store says so, and keeps what it has", async () => {
    const {base} = imageOf(4 * OverlayLimits.clusterBytes);
    const overlay = new Overlay(
        4 * OverlayLimits.clusterBytes, base, new MemoryFile(OverlayLimits.clusterBytes), new MemoryFile(1 << 10));
    await overlay.write(0, Uint8Array.of(9));
    await assert.rejects(overlay.write(OverlayLimits.clusterBytes, Uint8Array.of(9)), {name: "QuotaExceededError"});
    assert.equal((await overlay.read(0, 1))[0], 9);
    assert.equal(overlay.changes.length, 1);
});

// Connection

class Socket {
    bufferedAmount = 0;
    sent = [];
    closedWith = null;
    isFull = false;
    send(bytes) {
        this.sent.push(bytes);
        if (this.isFull) this.bufferedAmount += bytes.byteLength;
    }
    close(code, reason) { this.closedWith = [code, reason]; }
    take(...parts) { this.onmessage({data: bytes(...parts).buffer}); }
}

function connected(source, byteCount = 2 ** 30) {
    const socket = new Socket();
    const troubles = [];
    const connection = new Connection(socket, source, {byteCount, isReadOnly: true},
        {opened: () => {}, closed: () => {}, trouble: (error) => troubles.push(error.message)});
    socket.onopen();
    socket.take(...begin);
    socket.sent = [];
    return {socket, connection, troubles};
}

test("what the socket does not take is not read, and goes on when it does", async () => {
    let reads = 0;
    const {socket, connection} = connected({read: (_, length) => { reads += 1; return new Uint8Array(length); }});
    socket.isFull = true;
    const size = 1 << 20;
    socket.take(...Array.from({length: 40}, (_, index) => request(0, index, index * size, size)));
    assert.equal(reads, ConnectionLimits.socketBytes / size);
    assert.ok(socket.bufferedAmount <= ConnectionLimits.socketBytes + 2 * size);
    assert.ok(socket.sent.every((message) => message.byteLength <= ConnectionLimits.messageBytes));
    socket.isFull = false;
    socket.bufferedAmount = 0;
    await new Promise((resolve) => setTimeout(resolve, 10 * ConnectionLimits.drainMilliseconds));
    assert.equal(reads, 40);
    assert.equal(connection.pendingCount, 0);
});

test("no more than so many bytes are under way, however many are asked for", async () => {
    const waiting = [];
    const {socket} = connected({read: (_, length) => new Promise((resolve) => waiting.push(() => resolve(new Uint8Array(length))))});
    socket.take(...Array.from({length: 20}, (_, index) => request(0, index, 0, 8 << 20)));
    assert.equal(waiting.length, ConnectionLimits.bytesUnderWay / (8 << 20));
    for (let index = 0; index < 20; index += 1) {
        waiting[index]();
        await new Promise((resolve) => setImmediate(resolve));
        socket.bufferedAmount = 0;
    }
    assert.equal(waiting.length, 20);
});

test("a file that cannot be read is an error of the request, and is told", async () => {
    const {socket, troubles} = connected({read: () => Promise.reject(new Error("moved"))});
    socket.take(request(0, 9, 0, 512));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(Uint8Array.from(socket.sent[0]), reply(5, 9));
    assert.deepEqual(troubles, ["moved"]);
    assert.equal(socket.closedWith, null);
});

test("text, and what is not NBD, closes with codes of our own", () => {
    const one = connected({read: () => null});
    one.socket.onmessage({data: "hello"});
    assert.equal(one.socket.closedWith[0], 3003);
    const other = connected({read: () => null});
    other.socket.take(new Uint8Array(28));
    assert.equal(other.socket.closedWith[0], 3002);
    // A client that disconnects leaves the last word to the front.
    const third = connected({read: () => null});
    third.socket.take(request(2, 1, 0, 0));
    assert.equal(third.socket.closedWith, null);
});

// Reconnecting

test("each close code has words, and only those of a loss are tried again", () => {
    const again = [1001, 1006, 1012, 1005, 1014];
    for (const code of [1000, 1001, 1002, 1003, 1005, 1006, 1009, 1011, 1012, 1014, 3002, 3003, 4001, 4003, 4004, 4005]) {
        const found = meaning(code, "because");
        assert.equal(found.isAgain, again.includes(code), `${code}`);
        assert.ok(found.text.length > 10, `${code}`);
        assert.equal(Boolean(found.isGood), code === 1000);
    }
    for (const code of [4004, 4005, 1011]) assert.match(meaning(code, "the disk is gone").text, /the disk is gone/);
});

test("a lost connection is sought as long as the BMC keeps the medium, and not longer", () => {
    const machine = new Reconnecting({now: 0});
    machine.opened();
    let now = 1000;
    machine.closed({code: 1006, reason: "", wasOpen: true}, now);
    const attempts = [];
    while (machine.phase !== "ended") {
        assert.equal(machine.phase, "waiting");
        assert.equal(machine.due(machine.next - 1), false);
        now = machine.next;
        assert.equal(machine.due(now), true);
        attempts.push(now - 1000);
        machine.closed({code: 1006, reason: "", wasOpen: false}, now);
    }
    assert.deepEqual(attempts.slice(0, 6), [100, 300, 700, 1500, 3100, 5100]);
    assert.ok(attempts.at(-1) <= ReconnectLimits.graceMilliseconds && attempts.at(-1) > 27_000);
    assert.equal(machine.ending.title, "Connection lost");
});

test("the BMC's wish to connect again is followed at once, and each success begins the grace anew", () => {
    const machine = new Reconnecting({now: 0});
    machine.opened();
    for (let now = 0; now < 100_000; now += 10_000) {
        machine.closed({code: 1012, reason: "", wasOpen: true}, now);
        assert.ok(machine.due(now));
        machine.opened();
    }
    machine.closed({code: 1000, reason: "", wasOpen: true}, 100_000);
    assert.equal(machine.ending.isGood, true);
    machine.closed({code: 1006, reason: "", wasOpen: false}, 100_001);
    assert.equal(machine.phase, "ended");
});

test("a first connection that is refused ends it; after a reload it is tried for half a minute", () => {
    const first = new Reconnecting({now: 0});
    first.closed({code: 1006, reason: "", wasOpen: false}, 5);
    assert.equal(first.phase, "ended");
    const resumed = new Reconnecting({isResumed: true, now: 0});
    resumed.closed({code: 1006, reason: "", wasOpen: false}, 5);
    assert.equal(resumed.phase, "waiting");
    resumed.hopeless("gone", "gone", "");
    assert.equal(resumed.ending.title, "gone");
});

// What is shown

test("rates are of the last minute, a mean of two seconds, and of one medium", () => {
    const history = new RateHistory();
    history.add(1000, 0);
    assert.equal(history.now, 0);
    history.add(3000, 1000);
    assert.equal(history.now, 2000);
    history.add(3000, 1100);
    assert.equal(history.samples.length, 1, "too soon to say anything");
    // A BMC that counts every two seconds does not make the rate jump.
    history.add(3000, 2000);
    history.add(7000, 3000);
    assert.deepEqual(history.samples, [2000, 1000, 2000]);
    history.add(0, 4000);
    assert.deepEqual(history.samples, []);
    for (let second = 5; second < 200; second += 1) history.add(second, second * 1000);
    assert.equal(history.samples.length, 60);
    assert.equal(history.now, 1);
});

test("a slot of any virtual media service can be shown", () => {
    const other = slotModel({Id: "Slot_1", Inserted: true, Oem: {OpenBMC: {WebSocketEndpoint: "/nbd/1"}}});
    assert.deepEqual([other.state, other.isProxy, isFree(other)], ["Active", true, false]);
    const empty = slotModel({Id: "Slot_1", Inserted: false});
    assert.deepEqual([isFree(empty), stateWords(empty).words], [true, "Empty"]);
});

test("numbers are as people read them", () => {
    assert.deepEqual([0, 1, 1023, 1536, 5 << 20, 2 ** 40].map(format.bytes),
        ["0 bytes", "1 byte", "1023 bytes", "1.5 KiB", "5.0 MiB", "1.0 TiB"]);
    assert.deepEqual([0, 999, 1500, 2.5e6, 3e8].map(format.rate), ["0 B/s", "999 B/s", "2 kB/s", "2.5 MB/s", "300 MB/s"]);
});

let failures = 0;
for (const [name, body] of tests) {
    try {
        await body();
        console.log(`passed: ${name}`);
    } catch (error) {
        failures += 1;
        console.log(`FAILED: ${name}\n${error.stack}`);
    }
}
console.log(`${tests.length - failures} of ${tests.length} passed`);
process.exit(failures === 0 ? 0 : 1);
