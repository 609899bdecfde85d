import BlockStorage
import Foundation
import Glibc
import HTTPTransport
import HostObserver
import Synchronization
import TestSupport
import Testing
import VirtualMedia
import WebFront

@testable import EmulatedFleet
@testable import ImageAttachment

/// WebSockets that are lost while the host reads: what comes back in time goes on unnoticed, and nothing else does.
struct ReconnectTests {
    /// A medium with a WebSocket through a relay, and the host that enumerated it.
    private func begin(
        _ bench: AttachmentTests.Bench, _ relay: Relay, seconds: Int = 30
    ) async throws -> (attachment: ImageAttachment, running: any SpawnedTask, HostObserver, Ends) {
        let ends = Ends()
        let attachment = bench.attachment(
            MemoryStore(AttachmentTests.image, isReadOnly: true), port: relay.port,
            reconnect: .seconds(seconds))
        let running = bench.spawner.spawn("attach", .shared) { ends.note(await attachment.run()) }
        let host = try await bench.host()
        _ = try await host.enumerate()
        _ = try await host.examineUnit()
        return (attachment, running, host, ends)
    }

    private final class Ends: Sendable {
        private let end = Mutex<ImageAttachment.End?>(nil)
        func note(_ new: ImageAttachment.End) { end.withLock { $0 = new } }
        var last: ImageAttachment.End? { end.withLock { $0 } }
    }

    @Test(arguments: [200_000, 1_500_000, 4_000_000])
    func `a connection killed under the host's reads comes back, and the host sees no error`(
        killedAfter byteCount: Int
    ) async throws {
        // Requests that were under way are asked again after the driver's own timeout, and not before.
        let bench = try await AttachmentTests.Bench(requestTimeout: 4)
        let relay = try Relay(to: bench.front.port)
        let (attachment, running, host, ends) = try await begin(bench, relay)
        relay.killNext(after: byteCount)
        let report = try await host.readAll(expecting: .image(ExpectedBytes(AttachmentTests.image)))
        #expect(report.verdict == .proven, "\(report)")
        #expect(relay.killed == 1 && relay.accepted >= 2)
        #expect(report.transientFailureCount == 0 && host.takeUnitAttentions().isEmpty)
        await attachment.stop()
        await running.finished()
        #expect(ends.last == .done)
        await bench.stop()
    }

    @Test func `without a client for longer than the grace, the host sees the medium go`() async throws {
        let bench = try await AttachmentTests.Bench(grace: .milliseconds(500))
        let relay = try Relay(to: bench.front.port)
        let (_, running, host, ends) = try await begin(bench, relay, seconds: 0)
        let report = try await host.readAll(expecting: .image(ExpectedBytes(AttachmentTests.image)))
        #expect(report.verdict == .proven)
        relay.stop()
        await running.finished()
        guard case .unreachable = ends.last else {
            Issue.record("\(String(describing: ends.last))")
            return
        }
        try await bench.waitUntilGone()
        await #expect(throws: ObserverError.self) { try await host.pollUnit() }
        await bench.stop()
    }

    @Test func `nobody else may take over a slot whose client was lost, while it may come back`() async throws
    {
        let bench = try await AttachmentTests.Bench()
        let relay = try Relay(to: bench.front.port)
        let (attachment, running, host, ends) = try await begin(bench, relay)
        try await bench.makeAccount("other", password: "Another-12345")
        relay.hold()
        let other = bench.attachment(
            MemoryStore(AttachmentTests.image, isReadOnly: true), user: "other", password: "Another-12345")
        #expect(await other.run() == .refused("the slot is in use"))
        relay.release()
        let report = try await host.readAll(expecting: .image(ExpectedBytes(AttachmentTests.image)))
        #expect(report.verdict == .proven, "\(report)")
        await attachment.stop()
        await running.finished()
        #expect(ends.last == .done)
        await bench.stop()
    }

    @Test(arguments: [-512, 512])
    func `an image of another size is refused when it comes back`(byteCount: Int) async throws {
        let bench = try await AttachmentTests.Bench(stall: 20)
        let relay = try Relay(to: bench.front.port)
        let (attachment, running, _, _) = try await begin(bench, relay, seconds: 0)
        relay.stop()
        await running.finished()
        withExtendedLifetime(attachment) {}
        let image = TemporaryFolder.pattern(AttachmentTests.image.count + byteCount, seed: 7)
        let changed = bench.attachment(MemoryStore(image, isReadOnly: true))
        // 4005: the service had to give the medium up.
        #expect(await changed.run() == .refused("the BMC had to give the medium up"))
        try await bench.waitUntilGone()
        await bench.stop()
    }
}

/// TCP from a port of its own to the front, which can be cut: no TLS alert, no closing handshake.
final class Relay: Sendable {
    private struct State {
        var pairs: [(CInt, CInt)] = []
        var accepted = 0
        var killed = 0
        var remainingBytes: Int?
        var isHeld = false
        var isStopped = false
    }

    let port: Int
    private let target: Int
    private let listener: CInt
    private let state = Mutex(State())

    init(to target: Int) throws {
        self.target = target
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let isDone = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        guard isDone else { throw POSIXError(.EIO) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in accept() }
    }

    var accepted: Int { state.withLock { $0.accepted } }
    var killed: Int { state.withLock { $0.killed } }

    /// Cuts every connection once so many bytes more have gone to the front.
    func killNext(after byteCount: Int) { state.withLock { $0.remainingBytes = byteCount } }

    /// Cuts what is open; whoever comes then is cut at once, until ``release()``.
    func hold() {
        state.withLock { $0.isHeld = true }
        cut()
    }
    func release() { state.withLock { $0.isHeld = false } }

    /// Cuts what is open, and takes nobody any more.
    func stop() {
        let wasStopped = state.withLock { state in
            defer { state.isStopped = true }
            return state.isStopped
        }
        guard !wasStopped else { return }
        shutdown(listener, CInt(SHUT_RDWR))
        close(listener)
        cut()
    }

    deinit { stop() }

    private func cut() {
        for (one, other) in state.withLock({ $0.pairs }) {
            shutdown(one, CInt(SHUT_RDWR))
            shutdown(other, CInt(SHUT_RDWR))
        }
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { return }
            let server = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            var address = Self.loopback(target)
            let isConnected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            let isWanted = state.withLock { state in
                guard isConnected, !state.isHeld, !state.isStopped else { return false }
                state.accepted += 1
                state.pairs.append((client, server))
                return true
            }
            guard isWanted else {
                close(client)
                close(server)
                continue
            }
            Thread.detachNewThread { [self] in copy(from: client, to: server, isCounted: true) }
            Thread.detachNewThread { [self] in copy(from: server, to: client, isCounted: false) }
        }
    }

    /// Neither descriptor is closed before the test ends: its number must not become somebody else's meanwhile.
    private func copy(from source: CInt, to sink: CInt, isCounted: Bool) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            var offset = 0
            while offset < count {
                let sent = buffer.withUnsafeBytes {
                    send(sink, $0.baseAddress! + offset, count - offset, CInt(MSG_NOSIGNAL))
                }
                guard sent > 0 else { break }
                offset += sent
            }
            guard offset == count else { break }
            if isCounted, isDue(after: count) { cut() }
        }
        shutdown(source, CInt(SHUT_RDWR))
        shutdown(sink, CInt(SHUT_RDWR))
    }

    private func isDue(after count: Int) -> Bool {
        state.withLock { state in
            guard let remaining = state.remainingBytes else { return false }
            state.remainingBytes = remaining - count
            guard remaining <= count else { return false }
            state.remainingBytes = nil
            state.killed += 1
            return true
        }
    }
}
