import Foundation
import NBDProtocol
import WireFormat

@testable import NBDServer

/// A small NBD client with blocking calls around the client cores.
final class BlockingClient {
    let socket: Int32
    private(set) var info: ExportInfo
    private var transmission: ClientTransmission
    private var nextCookie: UInt64 = 1

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func connect(_ path: String) throws -> Int32 {
        let number = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard withUnixAddress(path, { Glibc.connect(number, $0, $1) }) == 0 else {
            defer { close(number) }
            throw Failure(description: "connect \(path): \(String(cString: strerror(errno)))")
        }
        // A server that says nothing fails a test, and must not hang it.
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return number
    }

    init(socket: Int32, exportName: String = "", structured: Bool = true) throws {
        self.socket = socket
        var handshake = ClientHandshake(exportName: exportName, wantsStructuredReplies: structured)
        while true {
            for action in try handshake.receive(try Self.receiveSome(socket)[...]) {
                switch action {
                case .send(let bytes): Self.send(socket, bytes)
                case .refused(let refusal): throw refusal
                case .ready(let info, let leftover):
                    guard leftover.isEmpty else { throw Failure(description: "left over: \(leftover)") }
                    self.info = info
                    transmission = ClientTransmission(info)
                    return
                }
            }
        }
    }

    deinit { close(socket) }

    struct Answer: Equatable {
        var data: [UInt8] = []
        var runs: [StatusRun] = []
        var failure: RequestFailure?
        var holeBytes = 0
    }

    func call(
        _ command: Command, at offset: UInt64 = 0, _ length: Int = 0, flags: CommandFlags = [],
        payload: [UInt8] = []
    ) throws -> Answer {
        let request = Request(
            flags: flags, command: command, cookie: nextCookie, offset: offset, length: UInt32(length))
        nextCookie += 1
        Self.send(socket, transmission.begin(request) + payload)
        var answer = Answer()
        if command == .read { answer.data = [UInt8](repeating: 0xEE, count: length) }
        while true {
            for event in try pull(&answer.data) {
                switch event {
                case .hole(_, let offset, let byteCount):
                    answer.data.replaceSubrange(
                        offset..<offset + byteCount, with: repeatElement(0, count: byteCount))
                    answer.holeBytes += byteCount
                case .blockStatus(_, _, let runs): answer.runs = runs
                case .completed(_, let failure):
                    answer.failure = failure
                    return answer
                }
            }
        }
    }

    private func pull(_ data: inout [UInt8]) throws -> [ClientTransmission.Event] {
        switch transmission.next {
        case .header(let byteCount):
            return try transmission.received(header: try Self.receive(socket, byteCount)[...])
        case .payload(_, let offset, let byteCount):
            let part = try Self.receiveSome(socket, atMost: byteCount)
            data.replaceSubrange(offset..<offset + part.count, with: part)
            return try transmission.receivedPayload(byteCount: part.count)
        }
    }

    static func send(_ socket: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            rest.removeFirst(count)
        }
    }

    static func receiveSome(_ socket: Int32, atMost limit: Int = 65536) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(socket, &buffer, limit, 0)
        guard count > 0 else { throw Failure(description: count == 0 ? "hung up" : "errno \(errno)") }
        return Array(buffer.prefix(count))
    }

    static func receive(_ socket: Int32, _ byteCount: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < byteCount { bytes += try receiveSome(socket, atMost: byteCount - bytes.count) }
        return bytes
    }

    /// Everything until the other side hangs up.
    static func receiveToEnd(_ socket: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        while let part = try? receiveSome(socket) { bytes += part }
        return bytes
    }
}
