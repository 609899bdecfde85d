package import USBMassStorage
package import VirtualMedia
internal import WireFormat

/// Asks a gadget questions and writes down what it answers, whatever that is.
///
/// An answer to a command names each stage: "in 36 0080…", "stall", "nothing" after the patience; then
/// "status 0 residue 0", and for a failed one the sense data. What had to be done to go on is told too.
package struct Interrogator {
    /// How much of a long data stage is written out; the rest is in its hash.
    static let shownByteCount = 16
    static let longByteCount = 64
    /// A stall and an empty packet may both stand before a status.
    private static let statusAttempts = 2

    private let connection: any USBDeviceConnection
    private let tree: any GadgetTree
    private let function: String
    private let patience: Duration
    private var tag: UInt32 = 0

    /// - Parameters:
    ///   - function: the mass-storage function's directory in `tree`.
    ///   - patience: after which "nothing" is an answer.
    package init(
        connection: any USBDeviceConnection, tree: any GadgetTree, function: String, patience: Duration
    ) {
        self.connection = connection
        self.tree = tree
        self.function = function
        self.patience = patience
    }

    /// - Throws: ``USBTransferError/disconnected`` when the device is gone: nothing more can be asked.
    package mutating func ask(_ question: Question) async throws(USBTransferError) -> String {
        switch question {
        case .control(let setup, let data):
            let stage = try await stage { () throws(USBTransferError) in
                let reply = try await connection.control(setup, data: data, timeout: patience)
                return setup.isDeviceToHost ? [reply[...]] : nil
            }
            return stage.text
        case .command(let command): return try await ask(command)
        case .out(let bytes): return try await out(bytes[...]).text
        case .in(let byteCount): return try await receive(byteCount).text
        case .write(let path, let value):
            do throws(SystemError) {
                try await tree.write(value.isEmpty ? "\n" : value, to: "\(function)/\(path)")
                return "ok"
            } catch { return "errno \(error.errno)" }
        case .read(let path):
            do throws(SystemError) {
                return try await "'\(tree.read("\(function)/\(path)"))'"
            } catch { return "errno \(error.errno)" }
        }
    }

    // MARK: Stages

    private enum Stage {
        case done
        case data([UInt8])
        case stalled
        case nothing
        case tooMuch

        var text: String {
            switch self {
            case .done: "ok"
            case .data(let bytes): Interrogator.text(bytes)
            case .stalled: "stall"
            case .nothing: "nothing"
            case .tooMuch: "too much"
            }
        }
    }

    private func stage(_ body: () async throws(USBTransferError) -> [Bytes]?) async throws(USBTransferError)
        -> Stage
    {
        do throws(USBTransferError) {
            return try await body().map { .data(Array($0.joined())) } ?? .done
        } catch {
            switch error {
            case .stalled: return .stalled
            case .timedOut: return .nothing
            case .babbled: return .tooMuch
            case .disconnected: throw error
            }
        }
    }

    private func out(_ bytes: Bytes) async throws(USBTransferError) -> Stage {
        try await stage { () throws(USBTransferError) in
            try await connection.bulkOut(endpoint: 1, bytes, timeout: patience)
            return nil
        }
    }

    private func receive(_ byteCount: Int) async throws(USBTransferError) -> Stage {
        try await stage { () throws(USBTransferError) in
            try await connection.bulkIn(endpoint: 1, byteCount: byteCount, timeout: patience)
        }
    }

    static func text(_ bytes: [UInt8]) -> String {
        guard !bytes.isEmpty else { return "in 0" }
        guard bytes.count > longByteCount else { return "in \(bytes.count) \(Hexadecimal.text(bytes))" }
        return "in \(bytes.count) \(Hexadecimal.text(bytes.prefix(shownByteCount)))… \(hash(bytes))"
    }

    /// 64-bit FNV-1a: tells other bytes by accident, which is what a record is for.
    static func hash(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return Hexadecimal.text(withUnsafeBytes(of: hash.bigEndian, Array.init))
    }

    // MARK: Commands

    private mutating func ask(_ command: Question.Command) async throws(USBTransferError) -> String {
        let (stages, status) = try await run(command)
        guard let status else { return (stages + [try await recover()]).joined(separator: " | ") }
        var text = stages + [Self.text(status)]
        if status.status == .failed {
            // As every host does at once; what it answers belongs to the command.
            let sense = Question.Command([3, 0, 0, 0, 18, 0], .toHost, 18, lun: command.lun)
            let (stages, status) = try await run(sense)
            if let status, status.status == .passed, status.residue == 0, let data = stages.last {
                text.append("sense" + data.dropFirst("in 18".count))
            } else {
                text += ["sense"] + stages + [status.map(Self.text) ?? "no status"]
                if status == nil { text.append(try await recover()) }
            }
        }
        return text.joined(separator: " | ")
    }

    private static func text(_ status: CommandStatusWrapper) -> String {
        "status \(status.status.rawValue) residue \(status.residue)"
    }

    /// - Returns: the stages in words, and the status if a valid one came.
    private mutating func run(_ command: Question.Command) async throws(USBTransferError)
        -> ([String], CommandStatusWrapper?)
    {
        tag += 1
        var stages: [String] = []
        let wrapper = try await out(command.wrapper(tag: tag)[...])
        if case .done = wrapper {} else { return (["wrapper \(wrapper.text)"], nil) }
        switch command.direction {
        case .none: break
        case .toHost:
            let data = try await receive(command.byteCount)
            stages.append(data.text)
            switch data {
            case .stalled: try await clearHalt(0x81)
            case .nothing, .tooMuch: return (stages, nil)
            case .data, .done: break
            }
        case .fromHost:
            let data = try await out(command.data[...])
            stages.append("out \(data.text)")
            switch data {
            case .stalled: try await clearHalt(0x01)
            case .nothing, .tooMuch: return (stages, nil)
            case .data, .done: break
            }
        }
        var status = try await receive(CommandStatusWrapper.byteCount)
        attempts: for _ in 0..<Self.statusAttempts {
            switch status {
            case .stalled:
                stages.append("stall")
                try await clearHalt(0x81)
            case .data([]): stages.append("in 0")
            default: break attempts
            }
            status = try await receive(CommandStatusWrapper.byteCount)
        }
        guard case .data(let bytes) = status, let decoded = CommandStatusWrapper(decoding: bytes[...]),
            decoded.tag == tag
        else { return (stages + ["status \(status.text)"], nil) }
        return (stages, decoded)
    }

    private func clearHalt(_ endpoint: UInt16) async throws(USBTransferError) {
        _ = try await request(RequestType.endpointOut, StandardRequest.clearFeature, index: endpoint)
    }

    private func request(_ type: UInt8, _ request: UInt8, index: UInt16) async throws(USBTransferError)
        -> Stage
    {
        let setup = SetupPacket(requestType: type, request: request, value: 0, index: index, length: 0)
        return try await stage { () throws(USBTransferError) in
            _ = try await connection.control(setup, data: [], timeout: patience)
            return nil
        }
    }

    /// BOT §5.3.4, so that the next question finds the device as the first did.
    private func recover() async throws(USBTransferError) -> String {
        let steps = [
            try await request(RequestType.classInterfaceOut, ClassRequest.bulkOnlyReset, index: 0),
            try await request(RequestType.endpointOut, StandardRequest.clearFeature, index: 0x81),
            try await request(RequestType.endpointOut, StandardRequest.clearFeature, index: 0x01),
        ]
        return "reset recovery " + steps.map(\.text).joined(separator: " ")
    }
}
