import DBusProtocol
import VirtualMedia

/// Follows a virtual media service over the bus: its slots as they are now, and requests to them with
/// their Completions.
///
/// The bus, and the service on it, may come and go at any time: without them there are no slots, and what is
/// under way fails.
actor MediaClient {
    /// One slot is not what it was; `nil` is one that is not there.
    typealias Watcher = @Sendable (_ old: MediaSlot?, _ new: MediaSlot?) -> Void

    private let platform: RedfishPlatform
    private let busName: String
    private let rootPath: String
    private let changed: Watcher
    private var connection: (any BusConnection)?
    /// The unique name of the service: what others send in its name is not believed.
    private var owner: String?
    private var slots: [String: MediaSlot] = [:] {
        didSet {
            inOrder = slots.values.sorted { ($0.name, $0.path) < ($1.name, $1.path) }
            announcesChanges = inOrder.allSatisfy { $0.details != nil }
        }
    }
    /// In the order of their names.
    private var inOrder: [MediaSlot] = []
    /// Our own service announces every change; what another one shows may be old until it is read again.
    private var announcesChanges = true
    private var isComplete = false
    /// Signals that came while the slots were being read, with their serials.
    private var signalsWhileReading: [Message]?
    private var reading: Promise<Bool>?
    /// Completions by slot, kept while somebody waits for one.
    private var pending: [String: [Expectation]] = [:]

    private final class Expectation: Sendable {
        let completion = Promise<Ending>()
        let skipsCancelled: Bool
        /// Completions that the service sent before this one of its messages belong to others.
        let after: UInt32
        init(skipsCancelled: Bool, after: UInt32) {
            self.skipsCancelled = skipsCancelled
            self.after = after
        }
    }

    private enum Ending: Sendable {
        case code(Int32)
        case serviceGone
    }

    /// Completions that came before the reply was seen, by slot, with the serials of the service.
    private var early: [String: [(serial: UInt32, code: Int32)]] = [:]
    private var awaitingReply: [String: Int] = [:]

    init(
        _ platform: RedfishPlatform, busName: String, rootPath: String, changed: @escaping Watcher
    ) {
        self.platform = platform
        self.busName = busName
        self.rootPath = rootPath
        self.changed = changed
    }

    // MARK: The connection

    /// Connects, follows, connects again; returns when its task is cancelled.
    func run() async {
        while true {
            do throws(BusError) { try await follow(try await platform.bus.connect()) } catch {}
            forgetService()
            connection = nil
            let pause = platform.clock.now + RedfishLimits.busReconnect
            do throws(CancellationError) { try await platform.clock.sleep(until: pause) } catch { return }
        }
    }

    private func follow(_ connection: any BusConnection) async throws(BusError) {
        self.connection = connection
        let rules = [
            "type='signal',sender='\(busName)'",
            "type='signal',sender='\(WellKnown.bus)',member='NameOwnerChanged',arg0='\(busName)'",
        ]
        for rule in rules {
            _ = try await call(
                .methodCall(
                    destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus,
                    member: "AddMatch", body: [.string(rule)]))
        }
        platform.spawner.spawn("read slots", .shared) { [self] in _ = await read() }
        for await message in connection.incoming where message.kind == .signal { take(message) }
    }

    /// A call that ends in any case.
    private func call(_ message: Message) async throws(BusError) -> Message {
        guard let connection else { throw BusError(ErrorName.disconnected, "there is no message bus") }
        let answer = Promise<Result<Message, BusError>>()
        let caller = platform.spawner.spawn("bus call", .shared) {
            do throws(BusError) { answer.settle(.success(try await connection.call(message))) } catch {
                answer.settle(.failure(error))
            }
        }
        let deadline = platform.clock.now + RedfishLimits.busAnswer
        guard let result = await answer.value(until: deadline, platform.clock, platform.spawner) else {
            caller.cancel()
            throw BusError(ErrorName.noReply, "no answer within \(RedfishLimits.busAnswer)")
        }
        return try result.get()
    }

    // MARK: Reading

    /// The slots in the order of their names; `nil` while the service is not there.
    func current() async -> [MediaSlot]? {
        if !isComplete { _ = await read() } else if !announcesChanges { _ = await read() }
        return isComplete ? inOrder : nil
    }

    /// - Returns: whether the slots are known now. Readers at the same time share one call.
    private func read() async -> Bool {
        if let reading {
            let deadline = platform.clock.now + RedfishLimits.busAnswer
            return await reading.value(until: deadline, platform.clock, platform.spawner) ?? false
        }
        guard connection != nil else { return false }
        let promise = Promise<Bool>()
        reading = promise
        signalsWhileReading = []
        let asked = connection
        let reply: Message?
        do throws(BusError) {
            reply = try await call(
                .methodCall(
                    destination: busName, path: rootPath, interface: WellKnown.objectManager,
                    member: "GetManagedObjects"))
        } catch { reply = nil }
        if let reply, connection?.uniqueName == asked?.uniqueName { show(reply) }
        signalsWhileReading = nil
        reading = nil
        promise.settle(isComplete)
        return isComplete
    }

    private func show(_ reply: Message) {
        guard case .dictionary(_, _, let objects)? = reply.body.first else { return }
        if owner != reply.sender { forgetService() }
        owner = reply.sender
        var found: [String: MediaSlot] = [:]
        for object in objects {
            guard case .objectPath(let path) = object.key,
                case .dictionary(_, _, let interfaces) = object.value
            else { continue }
            found[path] = MediaSlot(path: path, interfaces: interfaces)
        }
        // What was announced after the service had put its answer together is newer than it.
        for signal in signalsWhileReading ?? [] where signal.serial > reply.serial {
            Self.apply(signal, to: &found)
        }
        replace(found)
        isComplete = true
    }

    private func replace(_ found: [String: MediaSlot]) {
        let old = slots
        slots = found
        for path in Set(old.keys).union(found.keys).sorted() where old[path] != found[path] {
            changed(old[path], found[path])
        }
    }

    private func forgetService() {
        owner = nil
        isComplete = false
        replace([:])
        let waiting = pending.sorted { $0.key < $1.key }.flatMap(\.value)
        pending = [:]
        early = [:]
        for expectation in waiting { expectation.completion.settle(.serviceGone) }
    }

    // MARK: Signals

    private func take(_ signal: Message) {
        if signal.sender == WellKnown.bus {
            guard signal.member == "NameOwnerChanged", signal.body.first == .string(busName) else { return }
            forgetService()
            if case .string(let newOwner)? = signal.body.last, !newOwner.isEmpty {
                platform.spawner.spawn("read slots", .shared) { [self] in _ = await read() }
            }
            return
        }
        signalsWhileReading?.append(signal)
        guard owner == nil || signal.sender == owner else { return }
        if signal.member == "Completion", let path = signal.path, case .int32(let code)? = signal.body.first {
            return complete(path, code, serial: signal.serial)
        }
        guard isComplete else { return }
        var found = slots
        Self.apply(signal, to: &found)
        replace(found)
    }

    private static func apply(_ signal: Message, to slots: inout [String: MediaSlot]) {
        switch signal.member {
        case "PropertiesChanged":
            guard let path = signal.path, signal.body.count >= 2,
                case .string(let interface) = signal.body[0],
                case .dictionary(_, _, let properties) = signal.body[1]
            else { return }
            for property in properties { slots[path]?.set(property, of: interface) }
        case "InterfacesAdded":
            guard signal.body.count == 2, case .objectPath(let path) = signal.body[0],
                case .dictionary(_, _, let interfaces) = signal.body[1],
                let slot = MediaSlot(path: path, interfaces: interfaces)
            else { return }
            slots[path] = slot
        case "InterfacesRemoved":
            guard case .objectPath(let path)? = signal.body.first else { return }
            slots[path] = nil
        default: return
        }
    }

    private func complete(_ path: String, _ code: Int32, serial: UInt32) {
        if awaitingReply[path] != nil { early[path, default: []].append((serial, code)) }
        deliver(path, code, serial: serial)
    }

    /// Completions come in the order in which the service accepted the requests.
    private func deliver(_ path: String, _ code: Int32, serial: UInt32) {
        guard let expectation = pending[path]?.first, serial > expectation.after else { return }
        if expectation.skipsCancelled, code == CompletionCode.cancelled.rawValue { return }
        pending[path]?.removeFirst()
        if pending[path]?.isEmpty == true { pending[path] = nil }
        expectation.completion.settle(.code(code))
    }

    // MARK: Requests

    /// Inserts and waits for the end, however long the service takes within its own limit.
    func insert(_ request: InsertionRequest, into slot: MediaSlot) async -> MediaOutcome {
        var descriptor: PassedDescriptor?
        if let secret = request.secret {
            do throws(SystemError) { descriptor = try platform.secrets.pipe(holding: secret) } catch {
                return .failed(MessageEntry(.internalError), detail: "the pipe for the credentials: \(error)")
            }
        }
        let call = request.call(to: slot, of: busName, secret: descriptor)
        return await perform(call, on: slot, skipsCancelled: false)
    }

    /// For a slot whose socket somebody serves.
    func mountProxy(_ slot: MediaSlot) async -> MediaOutcome {
        await perform(
            .methodCall(
                destination: busName, path: slot.path, interface: slot.methods, member: "Mount"),
            on: slot, skipsCancelled: false)
    }

    func eject(_ slot: MediaSlot) async -> MediaOutcome {
        await perform(
            .methodCall(
                destination: busName, path: slot.path, interface: slot.methods, member: "Unmount"),
            on: slot, skipsCancelled: true)
    }

    /// - Parameter skipsCancelled: An unmount never ends with 125: that is the mount which it cancelled.
    private func perform(_ request: Message, on slot: MediaSlot, skipsCancelled: Bool) async -> MediaOutcome {
        let path = slot.path
        awaitingReply[path, default: 0] += 1
        let reply: Result<Message, BusError>
        do throws(BusError) { reply = .success(try await call(request)) } catch { reply = .failure(error) }
        // A Completion may overtake the reply on its way through this process. Our own service sends the reply
        // first, so one that it sent before belongs to somebody else's request; others are known to send the
        // Completion of a mount that fails at once before the reply.
        let isOrdered = slot.details != nil
        var after: UInt32 = 0
        if case .success(let reply) = reply, isOrdered { after = reply.serial }
        let overtaken = (early[path] ?? []).filter { $0.serial > after }
        awaitingReply[path, default: 1] -= 1
        if awaitingReply[path] == 0 {
            awaitingReply[path] = nil
            early[path] = nil
        }
        switch reply {
        case .failure(let error): return Self.refusal(error)
        case .success(let reply):
            guard reply.body.first == .boolean(true) else {
                return .failed(MessageEntry(.mediaPathFailed), detail: "the service refused the request")
            }
            let codes = overtaken.map(\.code).filter {
                !(skipsCancelled && $0 == CompletionCode.cancelled.rawValue)
            }
            if let code = codes.first { return outcome(code, of: path) }
        }
        let expectation = Expectation(skipsCancelled: skipsCancelled, after: after)
        pending[path, default: []].append(expectation)
        let limit = Duration.seconds(slot.timeoutSeconds) + RedfishLimits.completionGrace
        let ending = await expectation.completion.value(
            until: platform.clock.now + limit, platform.clock, platform.spawner)
        switch ending {
        case .code(let code): return outcome(code, of: path)
        case .serviceGone: return .failed(MessageEntry(.serviceAbsent), detail: "it went away meanwhile")
        case nil:
            pending[path]?.removeAll { $0 === expectation }
            return .failed(MessageEntry(.serviceSilent), detail: "no Completion within \(limit)")
        }
    }

    private func outcome(_ code: Int32, of path: String) -> MediaOutcome {
        MediaOutcome(code: code, detail: code == 0 ? "" : slots[path]?.details?.lastError ?? "")
    }

    private static func refusal(_ error: BusError) -> MediaOutcome {
        switch error.name {
        case "System.Error.EBUSY": .failed(MessageEntry(.resourceInUse), detail: error.message)
        case ErrorName.accessDenied:
            .failed(MessageEntry(.slotOccupied), detail: error.message)
        case ErrorName.invalidArguments: .failed(MessageEntry(.imageInvalid), detail: error.message)
        case ErrorName.noReply, ErrorName.timeout:
            .failed(MessageEntry(.serviceSilent), detail: error.message)
        case ErrorName.serviceUnknown, ErrorName.nameHasNoOwner, ErrorName.disconnected,
            ErrorName.unknownObject:
            .failed(MessageEntry(.serviceAbsent), detail: error.message)
        default: .failed(MessageEntry(.mediaPathFailed), detail: error.message)
        }
    }
}
