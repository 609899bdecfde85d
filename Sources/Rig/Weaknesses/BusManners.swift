internal import DBusProtocol
import Synchronization
internal import VirtualMedia

/// What one of the weaknesses makes of the messages that a service receives and sends.
final class BusManners: Sendable {
    enum Taken {
        case handle(Message)
        case answer(Message)
    }

    private struct Seen {
        var state = "Ready"
        /// An unmount was accepted and has not completed.
        var isUnmounting = false
        /// Its Completion has been sent already.
        var hasCompleted = false
    }

    private struct State {
        /// By object path.
        var seen: [String: Seen] = [:]
        /// Unmount calls that have not been answered: path by caller and serial.
        var calls: [String: String] = [:]
        /// Paths in the order of their mounts.
        var mounted: [String] = []
        /// Of secrets that nobody closes.
        var kept: [PassedDescriptor] = []
    }

    private let weakness: Weakness
    private let secrets: WeakSecrets
    private let state = Mutex(State())

    init(_ weakness: Weakness, _ secrets: WeakSecrets) {
        self.weakness = weakness
        self.secrets = secrets
    }

    // MARK: What comes

    func take(_ message: Message) -> Taken {
        guard message.kind == .methodCall, let path = message.path, let member = message.member else {
            return .handle(message)
        }
        var message = message
        switch (weakness, member) {
        case (.mountNotCancelled, "Unmount"):
            guard state.withLock({ $0.seen[path]?.state }) == "Activating" else { break }
            return .answer(.error(to: message, BusError("System.Error.EBUSY", "the slot is activating")))
        case (.wrongSlotUnmounted, "Unmount"):
            guard let last = state.withLock({ $0.mounted.last }) else { break }
            message.path = last
            message.interface = message.interface.map { _ in
                MediaInterfaces.methods(of: last.contains("/Proxy/") ? .proxy : .legacy).name
            }
        case (.endedTooEarly, "Unmount"):
            state.withLock { $0.calls[Self.key(message.sender, message.serial)] = path }
        case (.secretLeft, _): state.withLock { $0.kept += message.descriptors }
        default: break
        }
        return .handle(message)
    }

    private static func key(_ caller: String?, _ serial: UInt32) -> String { "\(caller ?? "") \(serial)" }

    // MARK: What goes

    /// - Returns: what is sent in place of it.
    func say(_ message: Message) -> [Message] {
        switch (message.kind, message.member) {
        case (.signal, "Completion"): return completion(message)
        case (.signal, "PropertiesChanged"): return change(message)
        case (.methodReturn, _):
            noteAnswer(message)
            return [rewritten(message)]
        default: return [message]
        }
    }

    private func completion(_ message: Message) -> [Message] {
        let hasFailed = message.body != [.int32(0)]
        switch weakness {
        case .completionLost where hasFailed: return []
        case .completionTwice where hasFailed: return [message, message]
        case .endedTooEarly:
            // That of an unmount comes last.
            let isKnown = state.withLock { state in
                guard let path = message.path, state.seen[path]?.hasCompleted == true,
                    state.seen[path]?.state == "Ready"
                else { return false }
                state.seen[path]?.hasCompleted = false
                state.seen[path]?.isUnmounting = false
                return true
            }
            return isKnown ? [] : [message]
        default: return [message]
        }
    }

    private func change(_ message: Message) -> [Message] {
        if weakness == .changesUntold, message.body.first == .string(MediaInterfaces.process.name) {
            return []
        }
        let next = Self.state(in: message)
        guard let path = message.path, let next else { return [rewritten(message)] }
        let endsNow = state.withLock { state -> Bool in
            state.seen[path, default: Seen()].state = next
            state.mounted.removeAll { $0 == path && next != "Recovering" }
            if next == "Active" { state.mounted.append(path) }
            guard weakness == .endedTooEarly, next == "Deactivating", state.seen[path]?.isUnmounting == true
            else { return false }
            state.seen[path]?.hasCompleted = true
            return true
        }
        guard endsNow, let mode = Self.mode(of: path) else { return [rewritten(message)] }
        return [rewritten(message), Self.exitCode(path), Self.completion(path, mode)]
    }

    private func noteAnswer(_ message: Message) {
        guard weakness == .endedTooEarly, let serial = message.replySerial else { return }
        state.withLock { state in
            guard let path = state.calls.removeValue(forKey: Self.key(message.destination, serial)) else {
                return
            }
            state.seen[path, default: Seen()].isUnmounting = true
        }
    }

    private static func mode(of path: String) -> SlotMode? {
        SlotMode.allCases.first { path.contains("/\($0.name)/") }
    }

    private static func completion(_ path: String, _ mode: SlotMode) -> Message {
        .signal(
            path: path, interface: MediaInterfaces.methods(of: mode).name, member: "Completion",
            body: [.int32(0)])
    }

    private static func exitCode(_ path: String) -> Message {
        .signal(
            path: path, interface: WellKnown.properties, member: "PropertiesChanged",
            body: [
                .string(MediaInterfaces.process.name),
                .dictionary(
                    key: "s", value: "v", [Value.Entry(.string("ExitCode"), .variant(.int32(0)))]),
                .array(element: "s", []),
            ])
    }

    private static func state(in message: Message) -> String? {
        guard message.body.count >= 2, message.body[0] == .string(MediaInterfaces.slot.name),
            case .dictionary(_, _, let entries) = message.body[1]
        else { return nil }
        for entry in entries where entry.key == .string("State") {
            if case .variant(.string(let state)) = entry.value { return state }
        }
        return nil
    }

    // MARK: Properties

    private func rewritten(_ message: Message) -> Message {
        guard [.secretInProperty, .secretInError].contains(weakness), let secret = secrets.shown else {
            return message
        }
        var message = message
        message.body = message.body.map { value in
            guard case .dictionary("s", "v", let entries) = value else { return value }
            return .dictionary(key: "s", value: "v", entries.map { showing(secret, $0) })
        }
        return message
    }

    private func showing(_ secret: String, _ entry: Value.Entry) -> Value.Entry {
        guard case .variant(.string(let text)) = entry.value, !text.isEmpty else { return entry }
        switch (weakness, entry.key) {
        case (.secretInProperty, .string("ImageURL")):
            return Value.Entry(
                entry.key, .variant(.string(text.replacing("https://", with: "https://\(secret)@"))))
        case (.secretInError, .string("LastError")):
            return Value.Entry(entry.key, .variant(.string("\(text) (as \(secret))")))
        default: return entry
        }
    }
}
