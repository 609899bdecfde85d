import FaultPoints
import NBDProtocol
import WireFormat

extension NBDDevice {
    static let carriedOut =
        FaultTable(
            .nbdDevice, ["attach", "reconfigure", "detach", "status"],
            ["delay", "hold", "fail", "fail-afterwards"])
        + FaultTable(
            .nbdDevice, ["attach"], ["size-late", "lie-size", "timeout", "keep-cache", "held-open"])
        + FaultTable(.nbdDevice, ["detach"], ["held-open"])
        + FaultTable(.nbdDevice, ["status"], ["lie-size", "held-open"])
        + FaultTable(
            .nbdDevice, ["read", "write", "flush", "trim"],
            ["delay", "hold", "fail", "fail-afterwards", "lie-size"])
        + FaultTable(.nbdDevice, ["write", "flush", "trim"], ["pretend"])
        + FaultTable(.nbdDevice, ["read", "write"], ["corrupt"])
        + FaultTable(.nbdDevice, ["write"], ["torn"])
}

extension Command {
    /// `nil` for what the kernel's driver never sends.
    var faultWord: String? {
        switch self {
        case .read: "read"
        case .write: "write"
        case .flush: "flush"
        case .trim: "trim"
        default: nil
        }
    }
}

extension BlockRequest {
    /// The same request with other data, another place or another answer.
    ///
    /// - Parameter deviceBytes: where the device ends.
    func changed(by met: MetFaults, deviceBytes: UInt64) -> BlockRequest {
        let corruptions = met.corruptions
        guard !corruptions.isEmpty || met.laterFailure != nil else { return self }
        var offset = offset
        var payload = payload
        var changes = corruptions
        if command == .read {
            // A shifted read is a read of another place.
            changes.removeAll { change in
                guard case .shift(let distance) = change else { return false }
                offset = Self.moved(offset, by: distance, byteCount: byteCount, deviceBytes: deviceBytes)
                return true
            }
        } else {
            payload = [changes.reduce(Array(payload.joined())) { $1.applied(to: $0) }[...]]
        }
        let fails = met.laterFailure != nil
        let isRead = command == .read
        return BlockRequest(command, flags: flags, at: offset, byteCount: byteCount, payload: payload) {
            [completion] result in
            guard case .success(let data) = result, !fails else { return completion(.failure(.io)) }
            completion(.success(isRead ? changes.reduce(data) { $1.applied(to: $0) } : data))
        }
    }

    private static func moved(_ offset: UInt64, by distance: Int, byteCount: Int, deviceBytes: UInt64)
        -> UInt64
    {
        let last = Int64(deviceBytes) - Int64(byteCount)
        return UInt64(max(0, min(Int64(offset) + Int64(distance), last)))
    }

    /// The runs of sectors that reach the medium; all of them are believed to.
    ///
    /// - Parameter sectors: bit n for the n-th 512 bytes, again after 64; `nil` for all.
    func torn(by sectors: UInt64?) -> [BlockRequest] {
        guard let sectors, command == .write else { return [self] }
        let data = Array(payload.joined())
        var runs: [Range<Int>] = []
        for sector in 0..<(byteCount + 511) / 512 where sectors >> UInt64(sector % 64) & 1 == 1 {
            let bytes = sector * 512..<min(sector * 512 + 512, byteCount)
            if let last = runs.last, last.upperBound == bytes.lowerBound {
                runs[runs.count - 1] = last.lowerBound..<bytes.upperBound
            } else {
                runs.append(bytes)
            }
        }
        let end = Outstanding(count: runs.count, completion)
        return runs.map { run in
            BlockRequest(
                command, flags: flags, at: offset + UInt64(run.lowerBound), byteCount: run.count,
                payload: [data[run]]
            ) { end.finishOne($0) }
        }
    }

    /// Several requests that answer as one.
    private final class Outstanding {
        private var count: Int
        private var failure: Errno?
        private let completion: (Result<[UInt8], Errno>) -> Void

        init(count: Int, _ completion: @escaping (Result<[UInt8], Errno>) -> Void) {
            self.count = count
            self.completion = completion
        }

        func finishOne(_ result: Result<[UInt8], Errno>) {
            if case .failure(let error) = result { failure = error }
            count -= 1
            if count == 0 { completion(failure.map { .failure($0) } ?? .success([])) }
        }
    }
}
