import WireFormat

/// The client side of authentication (D-Bus specification, "Authentication Protocol").
package struct ClientAuthentication {
    package struct Progress: Equatable, Sendable {
        package var reply: [UInt8] = []
        /// Set once BEGIN is among the bytes to send: the stream carries messages from here on.
        package var isFinished = false
        package var canPassDescriptors = false
        /// What the server sent after its last line.
        package var rest: [UInt8] = []
    }

    private enum State {
        case waitingForOK(AuthenticationMechanism)
        case waitingForAgreement
        case waitingForRejection
        case finished
    }

    private var state = State.waitingForAgreement
    private var lines = AuthenticationLines()
    private var untried: [AuthenticationMechanism]
    private let userID: UInt32
    private let wantsDescriptors: Bool
    /// The server's name for itself, from its OK.
    package private(set) var guid = ""

    /// - Parameter mechanisms: in the order to try them; at least one.
    package init(
        userID: UInt32, mechanisms: [AuthenticationMechanism] = [.external], wantsDescriptors: Bool = true
    ) {
        precondition(!mechanisms.isEmpty, "no mechanism to authenticate with")
        self.userID = userID
        untried = mechanisms
        self.wantsDescriptors = wantsDescriptors
    }

    /// The first bytes to send.
    package mutating func start() -> [UInt8] { [0] + line(nextAttempt()!) }

    /// - Throws: when the server offers nothing that works, or breaks the protocol.
    package mutating func receive(_ bytes: some Collection<UInt8>) throws(WireViolation) -> Progress {
        lines.append(bytes)
        var progress = Progress()
        while !progress.isFinished, let text = try lines.next() { try handle(text, &progress) }
        return progress
    }

    private mutating func handle(_ text: String, _ progress: inout Progress) throws(WireViolation) {
        let words = text.split(separator: " ")
        let command = words.first.map(String.init) ?? ""
        switch (command, state) {
        case ("OK", .waitingForOK):
            guard words.count == 2, let bytes = Hexadecimal.bytes(words[1]), !bytes.isEmpty else {
                throw WireViolation("OK without the server's GUID")
            }
            guid = String(words[1])
            guard wantsDescriptors else { return finish(&progress, descriptors: false) }
            state = .waitingForAgreement
            progress.reply += line("NEGOTIATE_UNIX_FD")
        case ("REJECTED", .waitingForOK), ("REJECTED", .waitingForRejection):
            untried.removeAll { !words.dropFirst().contains(Substring($0.rawValue)) }
            guard let attempt = nextAttempt() else {
                throw WireViolation("server accepts none of our mechanisms, only: \(text.dropFirst(9))")
            }
            progress.reply += line(attempt)
        case ("DATA", .waitingForOK): progress.reply += line("DATA")
        case ("ERROR", .waitingForOK):
            state = .waitingForRejection
            progress.reply += line("CANCEL")
        case ("AGREE_UNIX_FD", .waitingForAgreement): finish(&progress, descriptors: true)
        case ("ERROR", .waitingForAgreement): finish(&progress, descriptors: false)
        case (_, .waitingForOK):
            progress.reply += line("ERROR \"Unknown command\"")
        default: throw WireViolation("unexpected \(command) while authenticating")
        }
    }

    private mutating func finish(_ progress: inout Progress, descriptors: Bool) {
        state = .finished
        progress.reply += line("BEGIN")
        progress.isFinished = true
        progress.canPassDescriptors = descriptors
        progress.rest = lines.takeRest()
    }

    private mutating func nextAttempt() -> String? {
        guard !untried.isEmpty else { return nil }
        let mechanism = untried.removeFirst()
        state = .waitingForOK(mechanism)
        switch mechanism {
        case .external: return "AUTH EXTERNAL " + Hexadecimal.text(String(userID).utf8)
        case .anonymous: return "AUTH ANONYMOUS " + Hexadecimal.text("mediarig".utf8)
        }
    }

    private func line(_ text: String) -> [UInt8] {
        Array(text.utf8) + [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
    }
}
