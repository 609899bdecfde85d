import Glibc
import Synchronization

/// One operation, after its end.
package struct OperationRecord: Equatable, Sendable {
    /// Who asked: "fuse", "https"; of faults above the files their layer: "http", "tls".
    package var front: String
    /// A ``StoreOperation``'s name, or one of another layer.
    package var operation: String
    package var path: String
    package var bytes: Range<UInt64>?
    /// On the store's clock.
    package var start: Duration
    package var end: Duration
    package var failure: Errno?
    /// Bytes that really moved.
    package var movedBytes: Int
    /// What was done to it: "delay", "fail".
    package var injected: [String]

    package init(
        _ front: String, _ operation: String, _ path: String, bytes: Range<UInt64>? = nil,
        start: Duration, end: Duration, failure: Errno? = nil, movedBytes: Int = 0, injected: [String] = []
    ) {
        self.front = front
        self.operation = operation
        self.path = path
        self.bytes = bytes
        self.start = start
        self.end = end
        self.failure = failure
        self.movedBytes = movedBytes
        self.injected = injected
    }

    package init(
        _ front: String, _ operation: StoreOperation, _ path: String, bytes: Range<UInt64>? = nil,
        start: Duration, end: Duration, failure: Errno? = nil, movedBytes: Int = 0, injected: [String] = []
    ) {
        self.init(
            front, operation.rawValue, path, bytes: bytes, start: start, end: end, failure: failure,
            movedBytes: movedBytes, injected: injected)
    }
}

/// Counts every operation and keeps the latest; writes all of them to a file where one is given.
package final class OperationRecorder: Sendable {
    /// Operations kept in memory; older ones are forgotten.
    package static let keptRecords = 10_000

    private struct State {
        var kept: [OperationRecord] = []
        /// Where the next one goes once `kept` is full: its oldest.
        var next = 0
        var metrics = StoreMetrics()
    }
    private let state = Mutex(State())
    private let file: LogFile?

    package init(file: LogFile? = nil) { self.file = file }

    package func note(_ record: OperationRecord) {
        state.withLock { state in
            state.metrics.add(record)
            if state.kept.count < Self.keptRecords {
                state.kept.append(record)
            } else {
                state.kept[state.next] = record
                state.next = (state.next + 1) % Self.keptRecords
            }
        }
        file?.write(record.line)
    }

    package var metrics: StoreMetrics { state.withLock { $0.metrics } }

    /// The latest, oldest first.
    package func latest(_ count: Int) -> [OperationRecord] {
        state.withLock { Array(($0.kept[$0.next...] + $0.kept[..<$0.next]).suffix(count)) }
    }
}

extension OperationRecord {
    /// As JSON without a line feed: times in seconds, the error by its name.
    package var line: String {
        var fields = [
            "\"time\":\(Self.seconds(start))", "\"front\":\"\(front)\"",
            "\"operation\":\"\(operation)\"", "\"path\":\"\(Self.escaped(path))\"",
        ]
        if let bytes {
            fields += ["\"offset\":\(bytes.lowerBound)", "\"bytes\":\(bytes.count)"]
            fields.append("\"moved\":\(movedBytes)")
        }
        fields.append("\"seconds\":\(Self.seconds(end - start))")
        if let failure { fields.append("\"error\":\"\(failure.name)\"") }
        if !injected.isEmpty {
            fields.append("\"injected\":[\(injected.map { "\"\($0)\"" }.joined(separator: ","))]")
        }
        return "{\(fields.joined(separator: ","))}"
    }

    /// With six decimals.
    private static func seconds(_ time: Duration) -> String {
        let (seconds, attoseconds) = time.components
        let micro = String(attoseconds / 1_000_000_000_000)
        return "\(seconds).\(String(repeating: "0", count: 6 - micro.count))\(micro)"
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// Lines in a file that does not grow without end: at its limit it is renamed to NAME.1 and begun anew.
package final class LogFile: Sendable {
    package static let maximumBytes = 64 << 20

    private struct State {
        var descriptor: CInt
        var byteCount: Int
    }
    private let path: String
    private let state: Mutex<State>

    /// Appends to what is there.
    package init(path: String) throws(Errno) {
        self.path = path
        let descriptor = try Self.open(path)
        var status = stat()
        fstat(descriptor, &status)
        state = Mutex(State(descriptor: descriptor, byteCount: Int(status.st_size)))
    }

    deinit { state.withLock { _ = close($0.descriptor) } }

    private static func open(_ path: String) throws(Errno) -> CInt {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Errno(errno) }
        return descriptor
    }

    /// A line that does not fit on the disk is lost; the store goes on.
    package func write(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        state.withLock { state in
            if state.byteCount + bytes.count > Self.maximumBytes, rename(path, "\(path).1") == 0,
                let fresh = try? Self.open(path)
            {
                close(state.descriptor)
                state = State(descriptor: fresh, byteCount: 0)
            }
            _ = Glibc.write(state.descriptor, bytes, bytes.count)
            state.byteCount += bytes.count
        }
    }
}
