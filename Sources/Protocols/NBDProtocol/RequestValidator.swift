/// Judges requests by the rules of the protocol and by what was negotiated, before anything is done.
package struct RequestValidator: Sendable {
    package enum Verdict: Equatable, Sendable {
        case accept
        /// Answer with the error; the payload of a write still has to be taken off the wire.
        case refuse(ErrorNumber, String)
        /// Finish what is in flight, then close: the client asked for it.
        case disconnect
        /// The stream can no longer be followed or the client is abusive: close at once.
        case drop(String)
    }

    private let negotiated: Negotiated
    private let byteCount: UInt64
    private let flags: TransmissionFlags
    private let alignment: UInt64

    package init(_ negotiated: Negotiated) {
        self.negotiated = negotiated
        byteCount = negotiated.export.byteCount
        flags = negotiated.export.flags
        alignment = UInt64(negotiated.export.minimumBlockBytes)
    }

    package func judge(_ request: Request) -> Verdict {
        switch request.command {
        case .read: return judgeRead(request)
        case .write:
            guard request.length <= negotiated.export.maximumPayloadBytes else {
                return .drop("write of \(request.length) bytes")
            }
            return judgeChange(request, needs: [], allowed: [])
        case .disconnect: return .disconnect
        case .flush:
            guard request.offset == 0, request.length == 0 else {
                return .refuse(.invalid, "flush with an offset or length")
            }
            return judgeAdvertised(request, needs: .sendFlush, allowed: []) ?? .accept
        case .trim: return judgeChange(request, needs: .sendTrim, allowed: [])
        case .writeZeroes:
            return judgeChange(request, needs: .sendWriteZeroes, allowed: [.noHole, .fastZero])
        case .cache:
            return judgeAdvertised(request, needs: .sendCache, allowed: [])
                ?? judgeRange(request, pastEnd: .invalid)
        case .blockStatus: return judgeBlockStatus(request)
        default: return .refuse(.invalid, "unknown command \(request.command.rawValue)")
        }
    }

    private func judgeRead(_ request: Request) -> Verdict {
        if let refusal = judgeAdvertised(request, needs: [], allowed: .doNotFragment) { return refusal }
        guard request.length <= negotiated.export.maximumPayloadBytes else {
            let error: ErrorNumber = request.flags.contains(.doNotFragment) ? .overflow : .invalid
            return .refuse(error, "read of \(request.length) bytes")
        }
        return judgeRange(request, pastEnd: .invalid)
    }

    private func judgeChange(_ request: Request, needs: TransmissionFlags, allowed: CommandFlags) -> Verdict {
        guard !flags.contains(.isReadOnly) else { return .refuse(.notPermitted, "the export is read-only") }
        return judgeAdvertised(request, needs: needs, allowed: allowed)
            ?? judgeRange(request, pastEnd: request.command == .trim ? .invalid : .noSpace)
    }

    private func judgeBlockStatus(_ request: Request) -> Verdict {
        guard negotiated.hasAllocationContext else {
            return .refuse(.invalid, "block status without a selected context")
        }
        guard request.length > 0 else { return .refuse(.invalid, "block status of nothing") }
        return judgeAdvertised(request, needs: [], allowed: .requireOneExtent)
            ?? judgeRange(request, pastEnd: .invalid)
    }

    /// Commands and flags that were not advertised are refused ("Request types", "Command flags").
    private func judgeAdvertised(_ request: Request, needs: TransmissionFlags, allowed: CommandFlags)
        -> Verdict?
    {
        guard flags.isSuperset(of: needs) else {
            return .refuse(.invalid, "command \(request.command.rawValue) was not advertised")
        }
        var valid = allowed
        if flags.contains(.sendForceUnitAccess) { valid.insert(.forceUnitAccess) }
        if !flags.contains(.sendDoNotFragment) { valid.remove(.doNotFragment) }
        if !flags.contains(.sendFastZero) { valid.remove(.fastZero) }
        guard request.flags.isSubset(of: valid) else {
            return .refuse(
                .invalid, "flags \(request.flags.rawValue) on command \(request.command.rawValue)")
        }
        return nil
    }

    private func judgeRange(_ request: Request, pastEnd: ErrorNumber) -> Verdict {
        let length = UInt64(request.length)
        guard request.offset <= byteCount, length <= byteCount - request.offset else {
            return .refuse(pastEnd, "\(length) bytes at \(request.offset) reach past \(byteCount)")
        }
        guard (request.offset | length) & (alignment - 1) == 0 else {
            return .refuse(.invalid, "\(length) bytes at \(request.offset) are not aligned to \(alignment)")
        }
        return .accept
    }
}
