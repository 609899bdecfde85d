internal import DBusProtocol
internal import HostObserver
internal import RunLog
internal import Scenarios
import Synchronization
internal import VirtualMedia
internal import Worlds

/// One slot as a client and a host deal with it, and what must be true of it.
///
/// What the watch tells it arrives in the very moment in which the service says it, so that the account
/// is never behind the host.
final class SlotUnderTest: Sendable {
    /// A D-Bus caller gives up after so long (libdbus, sd-bus).
    static let callTimeout = Duration.seconds(25)

    /// What a caller hears whose call may have arrived all the same.
    private static let lostAnswers: Set<String> = [ErrorName.noReply, ErrorName.disconnected]

    private struct State {
        /// Asked for, and not yet accepted; in the order of asking.
        var pending: [Medium] = []
        /// Which Completion belongs to an accepted mount, by its number.
        var completionOfMount: [UInt64: Int] = [:]
        /// Asked for by a call whose answer was lost: it may be the medium that comes.
        var uncertain: Medium?
        var medium: Medium?
        /// The one before, and when it went: a read that began while it was in may end later.
        var former: (medium: Medium, until: Duration)?
        var counters = Counters()
        /// What the client of a Proxy slot has on its disk outlives a mount.
        var proxyOracles: [String: MediumOracle] = [:]
        /// By image, the number of the first mount that brought it.
        var proxyContents: [String: UInt64] = [:]
        var client: (any BusConnection)?
        var mountCount: UInt64 = 0

        /// What a host sees where nothing is known to be in is what may have come.
        mutating func adoptUncertain() {
            guard medium == nil, let uncertain else { return }
            (medium, self.uncertain) = (uncertain, nil)
        }
    }

    let name: String
    let plan: Scenario.Slot
    let configuration: SlotConfiguration
    let context: RunContext
    let watch: BusWatch
    private let state = Mutex(State())

    init(_ plan: Scenario.Slot, _ configuration: SlotConfiguration, _ context: RunContext, watch: BusWatch) {
        name = plan.name
        self.plan = plan
        self.configuration = configuration
        self.context = context
        self.watch = watch
    }

    var counters: Counters { state.withLock { $0.counters } }
    /// The medium of the present mount is in, for all that was said.
    var isInserted: Bool { state.withLock { $0.medium.map { $0.isInserted && !$0.isLeaving } ?? false } }
    /// Its medium was asked back, or given up, and has not gone yet.
    var isLeaving: Bool { state.withLock { $0.medium?.isLeaving ?? false } }
    /// Somebody has called Unmount since the mount was accepted, whether that was answered or not.
    var isAskedBack: Bool {
        let calls = watch.ledger(of: name).unmountCalls
        return state.withLock { $0.medium.map { $0.isLeaving || calls > $0.unmountCallsBefore } ?? true }
    }
    var mediumNumber: UInt64? { state.withLock { $0.medium?.number } }
    /// Sizes that the medium may have; `nil` without one.
    var mediumSizes: [UInt64]? { state.withLock { $0.medium?.oracle.byteCounts } }

    /// What the service itself promises.
    private var limits: SlotMachine.Limits { SlotMachine.Limits(configuration) }

    // MARK: Requests

    enum RequestEnd: Equatable, Sendable {
        case completed(CompletionCode)
        case refused(name: String)
        /// No Completion within the limit.
        case late
        /// The service died before it could answer.
        case orphaned
        /// Accepted; nobody waits for the rest.
        case accepted
        /// The service, or the bus, stood still and does so yet: nothing can be said.
        case standingStill
        /// The client has no image to offer.
        case imageMissing(String)
    }

    func insert(_ step: Scenario.Step.Insert) async -> RequestEnd {
        let image = step.image ?? plan.image ?? context.scenario.topology.images.first?.name ?? ""
        let isReadWrite = step.isReadWrite ?? plan.isReadWrite
        let kind = step.kind ?? plan.kind
        let arguments: MountArguments
        do throws(WorldFailure) {
            let url =
                step.url == nil || configuration.mode == .proxy
                ? try await context.world.offer(image, to: configuration, isReadWrite: isReadWrite) : ""
            arguments = MountArguments(
                url: step.url ?? url, isReadWrite: isReadWrite, kind: kind,
                secret: try secret(step.credentials))
        } catch { return .imageMissing(error.description) }
        let number = expect(image, at: arguments.url, isReadWrite: isReadWrite, kind: kind)
        let limit = step.within ?? limits.activation + limits.teardown
        return await request(
            arguments.message(for: configuration), mount: number, within: limit, isAwaited: step.isAwaited)
    }

    func eject(_ step: Scenario.Step.Eject) async -> RequestEnd {
        let wasSound = state.withLock { $0.medium.map { $0.isInserted && !$0.hadTrouble } ?? false }
        let image = state.withLock { $0.medium?.image }
        let end = await request(
            .methodCall(
                destination: MediaInterfaces.busName, path: MediaInterfaces.path(of: configuration),
                interface: MediaInterfaces.methods(of: configuration.mode).name, member: "Unmount"),
            within: step.within ?? limits.flush + limits.teardown, isAwaited: step.isAwaited)
        // The kernel writes back what is dirty before it lets go of a device that answers.
        let isFlushed = end == .completed(.done) && wasSound
        state.withLock { state in
            guard let image, let oracle = state.proxyOracles[image] else { return }
            if isFlushed { oracle.flushed() } else { oracle.crashed() }
        }
        return end
    }

    /// What the mount will bring when it is accepted.
    ///
    /// - Returns: its number.
    private func expect(_ image: String, at url: String, isReadWrite: Bool, kind: MediumKind) -> UInt64 {
        let contents = context.world.content(of: image).map { [$0] } ?? []
        return state.withLock { state in
            state.mountCount += 1
            let seed = context.seed &+ state.mountCount &* 7919
            var oracle = MediumOracle(images: contents, seed: seed)
            var content = state.mountCount
            if configuration.mode == .proxy {
                oracle = state.proxyOracles[image] ?? oracle
                state.proxyOracles[image] = oracle
                content = state.proxyContents[image] ?? content
                state.proxyContents[image] = content
            }
            state.pending.append(
                Medium(
                    number: state.mountCount, content: content, url: url, image: image,
                    isReadWrite: isReadWrite, kind: kind, oracle: oracle))
            return state.mountCount
        }
    }

    private func secret(_ credentials: Scenario.Step.Credentials) throws(WorldFailure) -> PassedDescriptor? {
        let store = context.scenario.topology.store
        guard configuration.mode == .legacy, let user = store.user, let password = store.password else {
            return nil
        }
        switch credentials {
        case .none: return nil
        case .fitting: return try context.world.secretPipe(user: user, password: password)
        case .wrong: return try context.world.secretPipe(user: user, password: "not-\(password)")
        }
    }

    /// Calls, and waits for the Completion that belongs to it.
    ///
    /// - Parameter mount: its number; `nil` for an unmount.
    private func request(
        _ message: Message, mount: UInt64? = nil, within limit: Duration, isAwaited: Bool
    ) async -> RequestEnd {
        let before = watch.ledger(of: name)
        let born = watch.incarnation
        let answer = await call(message)
        let number =
            if let mount {
                state.withLock { $0.completionOfMount[mount] }
            } else {
                watch.ledger(of: name).accepted > before.accepted ? before.accepted + 1 : nil
            }
        if case .failure(let error) = answer, number == nil {
            let isAnswerLost = Self.lostAnswers.contains(error.name) && watch.incarnation == born
            if error.name == ErrorName.serviceUnknown, let member = message.member {
                watch.notDelivered(member, to: name)
            }
            state.withLock { state in
                guard let own = state.pending.firstIndex(where: { $0.number == mount }) else { return }
                let medium = state.pending.remove(at: own)
                if isAnswerLost { state.uncertain = medium }
            }
            return watch.incarnation == born ? .refused(name: error.name) : .orphaned
        }
        guard isAwaited else { return .accepted }
        // A bus that delays the call or its answer takes nothing off the service's time.
        let deadline = (watch.ledger(of: name).acceptedAt ?? context.now) + limit
        let completionNumber = number ?? before.accepted + 1
        let watch = self.watch
        let name = self.name
        let finding = { @Sendable () -> RequestEnd? in
            let ledger = watch.ledger(of: name)
            guard watch.incarnation == born else { return .orphaned }
            guard ledger.completions.count >= completionNumber else { return nil }
            let code = ledger.completions[completionNumber - 1]
            return .completed(CompletionCode(rawValue: code) ?? .inputOutput)
        }
        if let end = await context.wait(until: deadline, finding) { return end }
        // Who stands still cannot keep a deadline; time begins anew when it goes on.
        let standstills = context.standstills
        guard let last = standstills.last(since: deadline - limit) else { return .late }
        guard let ended = last.end else { return .standingStill }
        return await context.wait(until: ended + limit, finding) ?? .late
    }

    /// A call with a caller's patience, over a connection that is made anew when the old one has ended.
    func call(_ message: Message) async -> Result<Message, BusError> {
        for attempt in 1...2 {
            let connection: any BusConnection
            do throws(BusError) { connection = try await busConnection() } catch { return .failure(error) }
            let result = await PatientCall<Result<Message, BusError>>.run(
                "\(name) call", within: Self.callTimeout, clock: context.clock,
                spawner: context.world.spawner
            ) {
                do throws(BusError) { return .success(try await connection.call(message)) } catch {
                    return .failure(error)
                }
            }
            if case .failure(let error)? = result, error.name == ErrorName.disconnected, attempt == 1 {
                state.withLock { state in
                    state.client = nil
                    // The call may have arrived before its connection ended.
                    if let pending = state.pending.last { state.uncertain = pending }
                }
                continue
            }
            return result ?? .failure(BusError(ErrorName.noReply, "no reply in \(Self.callTimeout)"))
        }
        return .failure(BusError(ErrorName.disconnected, "the bus is gone"))
    }

    private func busConnection() async throws(BusError) -> any BusConnection {
        if let client = state.withLock({ $0.client }) { return client }
        let connection = try await context.world.connectClient()
        state.withLock { $0.client = connection }
        return connection
    }

    func close() async { await state.withLock { $0.client }?.close() }

    // MARK: What the watch tells

    func accepted(_ call: BusWatch.Call) {
        let ledger = watch.ledger(of: name)
        state.withLock { state in
            if call.isSecondDelivery, call.member != "Unmount" {
                // The same call was carried out before; so the same medium comes once more.
                guard var again = state.medium ?? state.former?.medium else { return }
                again.comesAgain()
                again.unmountCallsBefore = call.unmountCallsBefore
                state.completionOfMount[again.number] = ledger.accepted
                state.medium = again
            } else if call.member == "Unmount" {
                state.medium?.isLeaving = true
            } else {
                let index =
                    state.pending.lastIndex { $0.url == call.url } ?? state.pending.indices.last
                // One that was uncertain may already have shown itself to the host.
                state.medium = index.map { state.pending.remove(at: $0) } ?? state.uncertain ?? state.medium
                state.medium?.unmountCallsBefore = call.unmountCallsBefore
                if let number = state.medium?.number { state.completionOfMount[number] = ledger.accepted }
                state.uncertain = nil
            }
        }
    }

    func completed(_ code: Int32) {
        state.withLock { state in
            guard code == 0, state.medium?.isLeaving == false else { return }
            state.medium?.isInserted = true
        }
    }

    func entered(_ name: String) {
        state.withLock { state in
            switch name {
            case "Recovering": state.medium?.hadTrouble = true
            case "Deactivating":
                // Not asked for, so that nobody has flushed.
                if state.medium?.isLeaving == false { state.medium?.hadTrouble = true }
                state.medium?.isLeaving = true
            case "Ready":
                if let medium = state.medium, medium.hadTrouble, configuration.mode == .proxy {
                    medium.oracle.crashed()
                }
                if let medium = state.medium { state.former = (medium, context.now) }
                state.medium = nil
                state.uncertain = nil
            default: break
            }
        }
    }

    /// The store has another version of an image; a mount that is on its way may find either.
    func imageChanged(_ image: String) {
        guard configuration.mode == .legacy, let content = context.world.content(of: image) else { return }
        state.withLock { state in
            for medium in state.pending + [state.uncertain, state.medium].compactMap(\.self) {
                guard medium.image == image, !medium.isInserted else { continue }
                medium.oracle.mayBe(content)
            }
        }
    }

    /// Something befell the world that may have cost what was not flushed.
    func struck(losesUnflushedWrites: Bool) {
        state.withLock { state in
            state.medium?.hadTrouble = true
            guard losesUnflushedWrites else { return }
            state.medium?.oracle.crashed()
            for oracle in state.proxyOracles.values { oracle.crashed() }
        }
    }

    func serviceDied() {
        state.withLock { state in
            // A call that the bus has held back may reach the next service.
            state.uncertain = state.pending.last ?? state.uncertain
            state.pending = []
            // The host may go on until the next service removes the medium; what was written to a Legacy
            // slot's overlay went with the service.
            state.medium?.hadTrouble = true
            state.medium?.isLeaving = true
            state.medium?.isOrphaned = true
            if configuration.mode == .legacy { state.medium?.oracle.crashed() }
            for oracle in state.proxyOracles.values { oracle.crashed() }
        }
    }

    // MARK: Account

    func count(_ change: (inout Counters) -> Void) { state.withLock { change(&$0.counters) } }

    /// Whose the bytes are that a host has read in a command begun at `start`.
    ///
    /// - Returns: the verdict, `nil` without a medium; and the medium's ``Medium/content``, `nil` where the bytes
    ///   are of none or may be of two.
    func judge(_ bytes: ArraySlice<UInt8>, at offset: UInt64, since start: Duration)
        throws(ObserverError) -> (finding: MediumOracle.Finding?, content: UInt64?)
    {
        try state.withLock { state throws(ObserverError) in
            state.adoptUncertain()
            let finding = try state.medium?.oracle.judge(bytes, at: offset)
            // The host may have waited for its answer while the medium went.
            let former = state.former.flatMap { start <= $0.until ? $0.medium : nil }
            let earlier = try former?.oracle.judge(bytes, at: offset)
            if finding == .right { return (.right, earlier == .right ? nil : state.medium?.content) }
            if finding == nil || earlier == .right { return (earlier, former?.content) }
            // The one before may have gone with its service, and nobody has said so.
            if state.medium?.isOrphaned == true, let uncertain = state.uncertain,
                try uncertain.oracle.judge(bytes, at: offset) == .right
            {
                (state.medium, state.uncertain) = (uncertain, nil)
                return (.right, uncertain.content)
            }
            return (finding, nil)
        }
    }

    /// Tells the medium that a write was begun on, if it is the present one or the one before, how it ended.
    func wrote(_ write: HostWrite, _ end: MediumOracle.WriteEnd) {
        state.withLock { state in
            if let medium = state.medium, medium.content == write.content {
                medium.oracle.wrote(write.number, write.range, end)
            } else if let former = state.former?.medium, former.content == write.content {
                former.oracle.wrote(write.number, write.range, end.onceGone)
            } else if let shared = state.proxyContents.first(where: { $0.value == write.content })?.key {
                state.proxyOracles[shared]?.wrote(write.number, write.range, end.onceGone)
            }
        }
    }

    /// - Returns: `nil` without a medium.
    func withMedium<Result: Sendable>(_ body: (inout Medium) throws(ObserverError) -> Result)
        throws(ObserverError) -> Result?
    {
        try state.withLock { state throws(ObserverError) in
            state.adoptUncertain()
            guard state.medium != nil else { return nil }
            return try body(&state.medium!)
        }
    }
}
