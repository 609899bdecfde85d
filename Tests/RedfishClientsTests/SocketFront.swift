import DBusProtocol
import Foundation
import FrontPlatform
import Glibc
import HTTPTypes
import LinuxPlatform
import RedfishServer
import SimulatedBMC
import Synchronization
import TestSupport
import Verification
import VirtualMedia

/// A front on the real clock before an emulated BMC, on a unix socket: just enough HTTP/1.1 for clients of
/// tests. TLS and TCP are put before it inside the clients' own network namespace.
final class SocketFront: Sendable {
    let path: String
    let service: RedfishService
    private let bmc: EmulatedBMC
    private let listener: CInt
    private let running: any SpawnedTask
    private let folder: TemporaryFolder

    static let user = "root"
    static let password = "0penBmc-test"

    init(images: any ImageOpener) async throws {
        folder = try TemporaryFolder()
        path = folder.file("front")
        var proxy = SlotConfiguration(name: "Slot_0", mode: .proxy, device: "nbd0")
        proxy.socket = folder.file("nbd0")
        proxy.endpoint = "/nbd/0"
        let legacy = [2, 3].map { SlotConfiguration(name: "Slot_\($0)", mode: .legacy, device: "nbd\($0)") }
        let bmc = try await EmulatedBMC(MediaConfiguration(slots: [proxy] + legacy), images: images)
        self.bmc = bmc
        var configuration = RedfishConfiguration(
            initialAccounts: [.init(Self.user, password: Self.password)],
            uuid: "00000000-0000-4000-8000-00000000000a")
        configuration.httpsPort = 8443
        let service = try await RedfishService(
            configuration,
            on: RedfishPlatform(
                bus: EmulatedConnector(bmc: bmc), clock: SystemClock(), wallClock: SystemWallClock(),
                spawner: SystemSpawner(), entropy: SystemEntropy(),
                passwords: ScryptHashing(cost: .init(logarithm: 10, parallelism: 1)),
                accounts: AccountFile(path: folder.file("accounts.json")), secrets: SystemPipes(),
                delivery: NoListener()))
        self.service = service
        running = SystemSpawner().spawn("front", .shared) { await service.run() }
        listener = try Self.listen(path)
        let descriptor = listener
        Thread.detachNewThread {
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread { Connection(connection, service).serve() }
            }
        }
        while await service.slots() == nil { await Task.yield() }
    }

    func shutDown() async {
        Glibc.shutdown(listener, CInt(SHUT_RDWR))
        close(listener)
        running.cancel()
        await running.finished()
        _ = await bmc.shutDown()
    }

    private static func listen(_ path: String) throws -> CInt {
        let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, Glibc.listen(listener, 64) == 0 else { throw POSIXError(.EIO) }
        return listener
    }
}

private struct EmulatedConnector: BusConnector {
    let bmc: EmulatedBMC
    func connect() async throws(BusError) -> any BusConnection { try await bmc.connect() }
}

/// Inside a namespace without a network nobody can be reached.
private struct NoListener: EventDelivery {
    func post(_ push: EventPush) async -> Bool { false }
}

/// One connection, on a thread of its own: requests one after the other.
private final class Connection {
    private let descriptor: CInt
    private let service: RedfishService
    private var received: [UInt8] = []

    init(_ descriptor: CInt, _ service: RedfishService) {
        self.descriptor = descriptor
        self.service = service
    }

    func serve() {
        defer { close(descriptor) }
        while let (request, body) = nextRequest() {
            let service = self.service
            let answer = waiting {
                await service.respond(to: request, body: body, peer: Peer(address: "127.0.0.1"))
            }
            guard write(answer, to: request) else { return }
        }
    }

    private func nextRequest() -> (HTTPRequest, [UInt8])? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let position = received.firstRange(of: end) {
                let head = String(decoding: received[..<position.lowerBound], as: UTF8.self)
                received.removeSubrange(..<position.upperBound)
                return request(head)
            }
            guard receive() else { return nil }
        }
    }

    private func request(_ head: String) -> (HTTPRequest, [UInt8])? {
        let lines = head.components(separatedBy: "\r\n")
        let start = lines[0].split(separator: " ", omittingEmptySubsequences: false)
        guard start.count == 3, let method = HTTPRequest.Method(String(start[0])) else { return nil }
        var fields = HTTPFields()
        for line in lines.dropFirst() {
            let sides = line.split(separator: ":", maxSplits: 1)
            guard let name = HTTPField.Name(String(sides[0])) else { return nil }
            fields.append(
                HTTPField(
                    name: name, value: sides.count == 2 ? sides[1].trimmingCharacters(in: .whitespaces) : ""))
        }
        let count = fields[.contentLength].flatMap { Int($0) } ?? 0
        while received.count < count { guard receive() else { return nil } }
        let body = Array(received.prefix(count))
        received.removeFirst(count)
        return (
            HTTPRequest(
                method: method, scheme: "https", authority: fields[HTTPField.Name("Host")!],
                path: String(start[1]), headerFields: fields), body
        )
    }

    private func receive() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return false }
        received += bytes.prefix(count)
        return true
    }

    /// - Returns: whether the connection goes on.
    private func write(_ answer: Answer, to request: HTTPRequest) -> Bool {
        var head = "HTTP/1.1 \(answer.head.status.code) \(answer.head.status.reasonPhrase)\r\n"
        for field in answer.head.headerFields { head += "\(field.name.canonicalName): \(field.value)\r\n" }
        let body = request.method == .head ? [] : answer.bytes
        switch answer.body {
        case .events(let stream):
            guard send(Array((head + "Connection: close\r\n\r\n").utf8)) else { return false }
            while let piece = waiting({ await stream.next() }), send(piece) {}
            stream.cancel()
            return false
        case .bytes, .none:
            if answer.head.status.code != 204 { head += "Content-Length: \(answer.bytes.count)\r\n" }
            return send(Array((head + "\r\n").utf8) + body)
        }
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + offset, $0.count - offset, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    private func waiting<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
        let done = DispatchSemaphore(value: 0)
        let value = Mutex<Value?>(nil)
        let box = Box(value: value)
        Task {
            let found = await body()
            box.value.withLock { $0 = found }
            done.signal()
        }
        done.wait()
        return box.value.withLock { $0! }
    }

    private final class Box<Value: Sendable>: Sendable {
        let value: Mutex<Value?>
        init(value: consuming sending Mutex<Value?>) { self.value = value }
    }
}
