/// Something by which a client or the host notices that not all is well.
struct Symptom: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        /// The code with which a mount completed; `nil` where the call was refused.
        case mountFailed(code: Int32?)
        /// Nobody answered a call: its caller, or whoever it was for, has no bus.
        case callLost
        case unmountFailed(code: Int32)
        /// A command of the host ended with sense data that tell of trouble.
        case commandFailed(sense: String)
        /// A command of the host had no answer, or one against the rules.
        case commandLost
        /// The slot let go of a medium that nobody had asked back.
        case givenUp
        /// The device left the host while its slot said nothing of it.
        case deviceLost
    }

    var kind: Kind
    var slot: String
    var time: Duration
}

extension Symptom: CustomStringConvertible {
    var description: String {
        switch kind {
        case .mountFailed(let code?): "the mount failed with \(code)"
        case .mountFailed(nil): "the mount was refused"
        case .callLost: "nobody answered a call"
        case .unmountFailed(let code): "the unmount failed with \(code)"
        case .commandFailed(let sense): "a command of the host failed with \(sense)"
        case .commandLost: "a command of the host had no sound answer"
        case .givenUp: "the medium was given up"
        case .deviceLost: "the device left the host"
        }
    }
}
