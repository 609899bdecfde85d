package import DBusProtocol
internal import RunLog
import Synchronization
internal import VirtualMedia

/// Reads along what the service and its clients put on the bus, before any fault touches it.
///
/// It knows which requests were accepted and which Completions came, and through which states each
/// slot went: what the service *said*, whatever of it arrived.
package final class BusWatch: Sendable {
    struct Transition: Equatable, Sendable {
        var slot: String
        var from: String
        var to: String
    }

    struct Ledger: Equatable, Sendable {
        /// Mounts and unmounts that were answered with true.
        var accepted = 0
        var refused = 0
        /// In the order in which the service sent them.
        var completions: [Int32] = []
        var state = "Ready"
        var stateSince = Duration.zero
        /// The service's present connection to the bus has told the state.
        var isTold = false
        /// Unmounts that were asked for.
        var unmountCalls = 0
        /// When the last accepted request was answered.
        var acceptedAt: Duration?
        /// When that request was made; its answer may have been lost, and come to light much later.
        var askedAt: Duration?
        /// An unmount was accepted, and the slot has not been Ready since.
        var isUnmountOpen = false
        var mayBeUnmounting = false
        /// By name: what the service last told of a property, since it has its bus name.
        var told: [String: String] = [:]
        /// It became Active under the eyes of the bus.
        var wasActivationTold = false

        var openRequests: Int { accepted - completions.count }

        mutating func forgetTold() {
            told = [:]
            wasActivationTold = false
        }
    }

    private struct PendingCall: Hashable {
        var caller: String
        var serial: UInt32
    }

    /// A Mount or Unmount on its way.
    struct Call: Equatable, Sendable {
        var slot: String
        var member: String
        /// Of the image; "" where none is named.
        var url = ""
        var number = 0
        var since = Duration.zero
        /// Unmounts that were asked for before it, or are it.
        var unmountCallsBefore = 0
        /// An unmount was under way when it was made.
        var cameDuringUnmount = false
        /// A fault has delivered it twice, and this is the second time.
        var isSecondDelivery = false
    }

    private struct State {
        var ledgers: [String: Ledger]
        var pending: [PendingCall: Call] = [:]
        /// Calls that a fault has delivered twice: the second may be carried out too, and only its Completion
        /// tells, because the bus passes on one answer to a call.
        var doubled: [Call] = []
        var callCount = 0
        var secrets: [[UInt8]] = []
        var incarnation = 0
    }

    /// The transitions that the service's own diagram has; a state may also be told anew.
    static let legalTransitions: Set<[String]> = [
        ["Ready", "Activating"], ["Activating", "Active"], ["Activating", "Deactivating"],
        ["Active", "Recovering"], ["Active", "Deactivating"], ["Recovering", "Active"],
        ["Recovering", "Deactivating"], ["Deactivating", "Ready"],
    ]
    /// Calls that nobody answered are forgotten after so many.
    private static let maximumPending = 4096
    /// A slot answers at once; what takes longer waits for something that is not its business.
    private static let answerLimit = Duration.seconds(5)

    private let state: Mutex<State>
    private let answersAtOnce: Bool
    private let slotOfPath: [String: String]
    private let now: @Sendable () -> Duration
    private let recorder: RunRecorder
    private let violations: Violations
    private let moved: @Sendable (Transition) -> Void
    private let completed: @Sendable (_ slot: String, _ code: Int32) -> Void
    private let accepted: @Sendable (Call) -> Void

    /// - Parameters:
    ///   - answersAtOnce: nothing in the scenario keeps the service or its bus from answering.
    ///   - accepted: called for each request that the service takes on.
    ///   - moved: called for each change of a slot's state.
    ///   - completed: called for each Completion.
    init(
        _ configuration: MediaConfiguration, recorder: RunRecorder, violations: Violations,
        answersAtOnce: Bool, now: @escaping @Sendable () -> Duration,
        accepted: @escaping @Sendable (Call) -> Void,
        moved: @escaping @Sendable (Transition) -> Void,
        completed: @escaping @Sendable (_ slot: String, _ code: Int32) -> Void
    ) {
        slotOfPath = Dictionary(
            uniqueKeysWithValues: configuration.slots.map { (MediaInterfaces.path(of: $0), $0.name) })
        state = Mutex(
            State(
                ledgers: Dictionary(
                    uniqueKeysWithValues: configuration.slots.map { ($0.name, Ledger()) })))
        self.answersAtOnce = answersAtOnce
        self.now = now
        self.recorder = recorder
        self.violations = violations
        self.moved = moved
        self.accepted = accepted
        self.completed = completed
    }

    /// Counts the deaths of the service.
    var incarnation: Int { state.withLock { $0.incarnation } }

    func ledger(of slot: String) -> Ledger { state.withLock { $0.ledgers[slot] ?? Ledger() } }

    /// No message may hold these bytes.
    func forbid(_ secret: [UInt8]) { state.withLock { $0.secrets.append(secret) } }

    /// A service that died without a word will never answer; the next one starts from the beginning. A call
    /// that the bus has held back may reach that one.
    func serviceDied() {
        let time = now()
        state.withLock { state in
            state.incarnation += 1
            for slot in state.ledgers.keys.sorted() {
                state.ledgers[slot]!.accepted = state.ledgers[slot]!.completions.count
                state.ledgers[slot]!.state = "Ready"
                state.ledgers[slot]!.stateSince = time
                state.ledgers[slot]!.isUnmountOpen = false
                state.ledgers[slot]!.mayBeUnmounting = false
                state.ledgers[slot]!.forgetTold()
            }
        }
    }

    /// Called for every message, sender stamped, as it enters the bus.
    package func saw(_ envelope: Envelope) {
        let header = envelope.header
        checkSecrets(envelope)
        if header.kind == .methodCall { forgetNamesake(of: header) }
        switch header.kind {
        case .methodCall where header.member == "RequestName": sawService(envelope)
        case .methodCall: sawCall(envelope)
        case .methodReturn: sawAnswer(header, isAccepted: true)
        case .error: sawAnswer(header, isAccepted: false)
        case .signal: sawSignal(envelope)
        }
    }

    /// The service has come to the bus, for the first time or again.
    private func sawService(_ envelope: Envelope) {
        guard (try? envelope.values(atMost: 2).first) == .string(MediaInterfaces.busName) else { return }
        state.withLock { state in
            for slot in state.ledgers.keys.sorted() {
                state.ledgers[slot]!.isTold = false
                state.ledgers[slot]!.forgetTold()
                // An unmount may have been accepted that the last bus was not told of.
                state.ledgers[slot]!.mayBeUnmounting = state.ledgers[slot]!.state != "Ready"
            }
        }
    }

    /// A bus that was restarted gives its names anew: an earlier call of the same caller and serial will get
    /// no answer, and the answer to this one is not its.
    private func forgetNamesake(of header: Message) {
        guard let caller = header.sender else { return }
        let key = PendingCall(caller: caller, serial: header.serial)
        state.withLock { state in
            guard let earlier = state.pending.removeValue(forKey: key) else { return }
            state.pending[PendingCall(caller: "", serial: UInt32(clamping: earlier.number))] = earlier
        }
    }

    private func sawCall(_ envelope: Envelope) {
        let header = envelope.header
        guard let path = header.path, let slot = slotOfPath[path], let member = header.member,
            ["Mount", "MountWith", "Unmount"].contains(member), let caller = header.sender
        else { return }
        recorder.record(.dbus, slot: slot, member)
        var call = Call(slot: slot, member: member)
        if case .string(let url)? = try? envelope.values(atMost: 1).first { call.url = url }
        call.since = now()
        state.withLock { [call] state in
            if state.pending.count >= Self.maximumPending { state.pending = [:] }
            state.callCount += 1
            if member == "Unmount" { state.ledgers[slot]?.unmountCalls += 1 }
            var call = call
            call.number = state.callCount
            call.unmountCallsBefore = state.ledgers[slot]?.unmountCalls ?? 0
            call.cameDuringUnmount = state.ledgers[slot]?.isUnmountOpen ?? false
            state.pending[PendingCall(caller: caller, serial: header.serial)] = call
        }
    }

    private func sawAnswer(_ header: Message, isAccepted: Bool) {
        guard let caller = header.destination, let serial = header.replySerial else { return }
        let time = now()
        let isBusy = header.errorName == "System.Error.EBUSY"
        let (found, isWrong) = state.withLock { state -> (Call?, Bool) in
            let key = PendingCall(caller: caller, serial: serial)
            guard let call = state.pending.removeValue(forKey: key) else { return (nil, false) }
            let isWrong =
                isBusy && call.member == "Unmount" && !call.cameDuringUnmount
                && state.ledgers[call.slot]?.isUnmountOpen == false
                && state.ledgers[call.slot]?.mayBeUnmounting == false
            if isAccepted {
                state.ledgers[call.slot]?.accepted += 1
                state.ledgers[call.slot]?.acceptedAt = time
                state.ledgers[call.slot]?.askedAt = call.since
                if call.member == "Unmount" { state.ledgers[call.slot]?.isUnmountOpen = true }
            } else {
                state.ledgers[call.slot]?.refused += 1
            }
            return (call, isWrong)
        }
        guard let call = found else { return }
        let waited = time - call.since
        if answersAtOnce, waited > Self.answerLimit {
            violations.report(
                .isolation, slot: call.slot, "\(call.member) was answered only after \(waited)")
        }
        if isWrong {
            violations.report(
                .transitions, slot: call.slot, "Unmount was refused as busy, and no unmount was under way")
        }
        if isAccepted { accepted(call) }
        recorder.record(
            .dbus, slot: call.slot, "\(call.member) \(isAccepted ? "accepted" : "refused")",
            hasSucceeded: isAccepted)
    }

    private func sawSignal(_ envelope: Envelope) {
        guard let path = envelope.header.path, let slot = slotOfPath[path] else { return }
        switch envelope.header.member {
        case "Completion":
            guard case .int32(let code)? = try? envelope.values(atMost: 1).first else { return }
            adoptUnanswered(slot, code)
            let (isExpected, stateOfEarlyEnd) = state.withLock { state -> (Bool, String?) in
                state.ledgers[slot]?.completions.append(code)
                guard let ledger = state.ledgers[slot] else { return (true, nil) }
                guard ledger.openRequests == 0 else { return (ledger.openRequests > 0, nil) }
                let isEarly =
                    code == 0 && ledger.isUnmountOpen && ledger.isTold && ledger.state != "Ready"
                return (true, isEarly ? ledger.state : nil)
            }
            if let stateOfEarlyEnd {
                violations.report(
                    .truth, slot: slot, "the unmount completed while the slot was \(stateOfEarlyEnd)")
            }
            recorder.record(.dbus, slot: slot, "Completion", detail: "\(code)", hasSucceeded: code == 0)
            checkCause(of: code, slot)
            if !isExpected {
                violations.report(.bounded, slot: slot, "Completion(\(code)) for no accepted request")
            }
            completed(slot, code)
        case "PropertiesChanged":
            let changed = Self.changes(envelope)
            state.withLock { $0.ledgers[slot]?.told.merge(changed) { $1 } }
            if let next = changed["State"] { enter(next, slot) }
        default: break
        }
    }

    /// New values of properties of the slot's object, as text.
    private static func changes(_ envelope: Envelope) -> [String: String] {
        guard let values = try? envelope.values(atMost: 2), values.count == 2,
            case .dictionary(_, _, let entries) = values[1]
        else { return [:] }
        var changes: [String: String] = [:]
        for entry in entries {
            guard case .string(let name) = entry.key, case .variant(let value) = entry.value else { continue }
            changes[name] = SlotUnderTest.text(value)
        }
        return changes
    }

    /// Whoever is told of a failure can read why; of a mount that he cancelled himself he knows.
    private func checkCause(of code: Int32, _ slot: String) {
        let ledger = ledger(of: slot)
        let (toldCode, text) = (ledger.told["LastErrorCode"] ?? "0", ledger.told["LastError"] ?? "")
        guard code != 0, code != CompletionCode.cancelled.rawValue, ledger.isTold,
            toldCode != "\(code)" || text.isEmpty
        else { return }
        violations.report(
            .explicitErrors, slot: slot,
            "Completion(\(code)), but LastErrorCode is \(toldCode) and LastError '\(text)'")
    }

    /// A Completion that nobody's accepted request waits for belongs to a call whose answer the bus never
    /// saw, because the connection ended first.
    private func adoptUnanswered(_ slot: String, _ code: Int32? = nil) {
        let time = now()
        let call = state.withLock { state -> Call? in
            guard let ledger = state.ledgers[slot] else { return nil }
            // What an unmount has cancelled is a mount, answered or not.
            let isCancelled =
                code == CompletionCode.cancelled.rawValue && ledger.isUnmountOpen && ledger.openRequests == 1
            guard ledger.openRequests == 0 || isCancelled else { return nil }
            let onlyMounts = isCancelled || code == nil
            let candidates = state.pending.filter {
                $0.value.slot == slot && !(onlyMounts && $0.value.member == "Unmount")
            }
            let adopted: Call
            if let oldest = candidates.min(by: { $0.value.number < $1.value.number }) {
                state.pending[oldest.key] = nil
                adopted = oldest.value
            } else if let index = state.doubled.firstIndex(where: {
                $0.slot == slot && !(onlyMounts && $0.member == "Unmount")
            }) {
                adopted = state.doubled.remove(at: index)
            } else {
                return nil
            }
            state.ledgers[slot]!.accepted += 1
            state.ledgers[slot]!.acceptedAt = time
            state.ledgers[slot]!.askedAt = adopted.since
            return adopted
        }
        if let call { accepted(call) }
    }

    /// A fault has just doubled the last call to this slot.
    func callDoubled(to slot: String) {
        state.withLock { state in
            let calls = state.pending.values.filter { $0.slot == slot }
            guard var last = calls.max(by: { $0.number < $1.number }) else { return }
            last.isSecondDelivery = true
            state.doubled.append(last)
        }
    }

    /// The bus itself has refused the last call of this kind; the service never saw it.
    func notDelivered(_ member: String, to slot: String) {
        state.withLock { state in
            let calls = state.pending.filter { $0.value.slot == slot && $0.value.member == member }
            guard let last = calls.max(by: { $0.value.number < $1.value.number }) else { return }
            state.pending[last.key] = nil
        }
    }

    private func enter(_ next: String, _ slot: String) {
        let time = now()
        let (previous, isAnew) = state.withLock { state -> (String?, Bool) in
            guard let ledger = state.ledgers[slot] else { return (nil, false) }
            let isAnew = !ledger.isTold
            state.ledgers[slot]!.isTold = true
            guard ledger.state != next else { return (nil, isAnew) }
            state.ledgers[slot]!.state = next
            state.ledgers[slot]!.stateSince = time
            if next == "Ready" {
                state.ledgers[slot]!.isUnmountOpen = false
                state.ledgers[slot]!.mayBeUnmounting = false
            }
            if next == "Active", ledger.state == "Activating", !isAnew {
                state.ledgers[slot]!.wasActivationTold = true
            }
            return (ledger.state, isAnew)
        }
        guard let previous else { return }
        // Nothing but a mount leads out of Ready, so one was accepted even if the answer got lost.
        if previous == "Ready" { adoptUnanswered(slot) }
        recorder.record(.slot, slot: slot, "state \(next)")
        // What it went through while the service was off the bus, nobody was told.
        if !isAnew, !Self.legalTransitions.contains([previous, next]) {
            violations.report(.transitions, slot: slot, "from \(previous) to \(next)")
        }
        moved(Transition(slot: slot, from: previous, to: next))
    }

    private func checkSecrets(_ envelope: Envelope) {
        let secrets = state.withLock { $0.secrets }
        for secret in secrets where !secret.isEmpty && envelope.body.contains(secret) {
            violations.report(
                .secrets, "a password in a message, member \(envelope.header.member ?? "none")")
        }
    }
}
