import WireFormat

/// The server side of authentication (D-Bus specification, "Authentication Protocol"), in
/// dbus-daemon's reading of it.
///
///     NUL ▶ waitingForAuth ──AUTH──▶ waitingForData ──DATA──▶ waitingForBegin ──BEGIN──▶ finished
///               ▲  REJECTED, ERROR or CANCEL from anywhere ──────────┘
package struct ServerAuthentication {
    /// What the peer proved.
    package struct Identity: Equatable, Sendable {
        /// `nil` for an anonymous peer.
        package let userID: UInt32?
        package let canPassDescriptors: Bool
    }

    package struct Progress: Equatable, Sendable {
        package var reply: [UInt8] = []
        package var identity: Identity?
        /// What came after BEGIN: the first bytes of the message stream.
        package var rest: [UInt8] = []
    }

    /// Rejections after which the peer is hung up on, as dbus-daemon does.
    package static let maximumFailures = 6

    private enum State {
        case waitingForNul
        case waitingForAuth
        case waitingForData
        case waitingForBegin(userID: UInt32?, descriptors: Bool)
        case finished
    }

    private var state = State.waitingForNul
    private var lines = AuthenticationLines()
    private var failures = 0
    private let guid: String
    private let mechanisms: [AuthenticationMechanism]
    private let peerUserID: UInt32?
    private let offersDescriptors: Bool

    /// - Parameters:
    ///   - guid: 32 hexadecimal digits that name this server.
    ///   - peerUserID: as the kernel tells it; `nil` where the transport cannot.
    package init(
        guid: String, mechanisms: [AuthenticationMechanism], peerUserID: UInt32?, offersDescriptors: Bool
    ) {
        self.guid = guid
        self.mechanisms = mechanisms
        self.peerUserID = peerUserID
        self.offersDescriptors = offersDescriptors
    }

    /// - Throws: when the peer has to be hung up on; nothing is sent then.
    package mutating func receive(_ bytes: some Collection<UInt8>) throws(WireViolation) -> Progress {
        lines.append(bytes)
        var progress = Progress()
        if case .waitingForNul = state {
            guard let first = lines.takeByte() else { return progress }
            guard first == 0 else { throw WireViolation("first byte is \(first), not NUL") }
            state = .waitingForAuth
        }
        while progress.identity == nil, let line = try lines.next() {
            if let answer = try handle(line, &progress) {
                progress.reply += Array(answer.utf8) + [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
            }
            guard failures < Self.maximumFailures else {
                throw WireViolation("\(failures) failed attempts to authenticate")
            }
        }
        return progress
    }

    private mutating func handle(_ line: String, _ progress: inout Progress) throws(WireViolation) -> String?
    {
        let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        let command = words.first.map(String.init) ?? ""
        let argument = words.count > 1 ? String(words[1]) : ""
        switch (command, state) {
        case ("AUTH", .waitingForAuth): return authenticate(argument)
        case ("AUTH", _): return "ERROR \"Sent AUTH while another AUTH in progress\""
        case ("DATA", .waitingForData): return response(argument)
        case ("BEGIN", .waitingForBegin(let userID, let descriptors)):
            state = .finished
            progress.identity = Identity(userID: userID, canPassDescriptors: descriptors)
            progress.rest = lines.takeRest()
            return nil
        case ("BEGIN", _): throw WireViolation("BEGIN before authentication")
        case ("NEGOTIATE_UNIX_FD", .waitingForBegin(let userID, _)): return negotiate(userID)
        case ("CANCEL", .waitingForAuth), ("DATA", _):
            return "ERROR \"Not currently in an auth conversation\""
        case ("CANCEL", _), ("ERROR", _): return reject()
        default: return "ERROR \"Unknown command\""
        }
    }

    private mutating func authenticate(_ argument: String) -> String {
        let words = argument.split(separator: " ", omittingEmptySubsequences: true)
        guard let name = words.first, let mechanism = AuthenticationMechanism(rawValue: String(name)),
            mechanisms.contains(mechanism)
        else { return reject() }
        if words.count > 1 {
            guard Hexadecimal.bytes(words[1]) != nil else { return "ERROR \"Invalid hex encoding\"" }
        }
        switch mechanism {
        case .anonymous: return accept(nil)
        case .external:
            guard peerUserID != nil else { return reject() }
            guard words.count > 1 else {
                state = .waitingForData
                return "DATA"
            }
            return response(String(words[1]))
        }
    }

    /// The identity that an EXTERNAL client claims: its user number in decimal, in hexadecimal; or
    /// nothing, which means whoever the socket says.
    private mutating func response(_ argument: String) -> String {
        guard let bytes = Hexadecimal.bytes(argument) else { return "ERROR \"Invalid hex encoding\"" }
        guard let peerUserID else { return reject() }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.isEmpty || UInt32(text) == peerUserID else { return reject() }
        return accept(peerUserID)
    }

    private mutating func accept(_ userID: UInt32?) -> String {
        state = .waitingForBegin(userID: userID, descriptors: false)
        return "OK \(guid)"
    }

    private mutating func negotiate(_ userID: UInt32?) -> String {
        guard offersDescriptors else { return "ERROR \"Unix FD passing not supported\"" }
        state = .waitingForBegin(userID: userID, descriptors: true)
        return "AGREE_UNIX_FD"
    }

    private mutating func reject() -> String {
        state = .waitingForAuth
        failures += 1
        return (["REJECTED"] + mechanisms.map(\.rawValue)).joined(separator: " ")
    }
}
