/// A login that lasts: a token until it is deleted, or not used for the timeout.
struct Session: Equatable, Sendable {
    let id: String
    let userName: String
    /// Where it was created from, as text.
    let clientAddress: String
    /// On the wall clock, in seconds.
    let createdAt: Int64
    /// What a browser has to send beside its cookie; other sites do not know it.
    let crossSiteToken: String
    fileprivate let token: [UInt8]
    fileprivate(set) var lastUse: Duration
}

/// All sessions, in the order of their creation.
struct SessionTable {
    private var sessions: [String: Session] = [:]
    private var order: [String] = []
    /// Without a request for so long, a session ends.
    var timeout = Duration.seconds(1800)

    /// Ids are written at the head of the token, so that finding it needs no comparison with all of them.
    private static let idCharacters = 16

    var all: [Session] { order.compactMap { sessions[$0] } }
    var count: Int { sessions.count }
    func count(of userName: String) -> Int { sessions.values.count { $0.userName == userName } }
    subscript(id: String) -> Session? { sessions[id] }

    /// - Returns: the session and its token, which is kept nowhere else in readable form.
    mutating func create(
        for userName: String, from address: String, entropy: any Entropy, now: Duration, wallClock: Int64
    ) -> (session: Session, token: String) {
        let id = Hexadecimal.text(entropy.bytes(Self.idCharacters / 2))
        let token = id + Hexadecimal.text(entropy.bytes(RedfishLimits.tokenBytes))
        let session = Session(
            id: id, userName: userName, clientAddress: address, createdAt: wallClock,
            crossSiteToken: Hexadecimal.text(entropy.bytes(RedfishLimits.tokenBytes)),
            token: Array(token.utf8), lastUse: now)
        sessions[id] = session
        order.append(id)
        return (session, token)
    }

    /// The session of a token, its idle time begun anew.
    mutating func use(token: String, at now: Duration) -> Session? {
        guard var session = sessions[String(token.prefix(Self.idCharacters))],
            constantTimeEqual(Array(token.utf8), session.token), now - session.lastUse < timeout
        else { return nil }
        session.lastUse = now
        sessions[session.id] = session
        return session
    }

    /// Something that is bound to the session, such as a stream of events, shows that it is in use.
    mutating func touch(_ id: String, at now: Duration) { sessions[id]?.lastUse = now }

    mutating func remove(_ id: String) {
        guard sessions.removeValue(forKey: id) != nil else { return }
        order.removeAll { $0 == id }
    }

    /// Ids of the sessions that have timed out, oldest first.
    func expired(at now: Duration) -> [String] {
        order.filter { id in sessions[id].map { now - $0.lastUse >= timeout } ?? false }
    }

    /// When the next session times out if it is not used.
    var nextExpiry: Duration? { sessions.values.map(\.lastUse).min().map { $0 + timeout } }
}

/// Compares without telling by its time where the first difference is.
func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    var difference = left.count ^ right.count
    for index in 0..<left.count {
        difference |= Int(left[index] ^ (right.isEmpty ? 0xFF : right[index % right.count]))
    }
    return difference == 0
}

enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
