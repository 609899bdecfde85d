package import DBusProtocol

/// The virtual media service: its slots, and their objects on a message bus.
///
///     let service = VirtualMediaService(configuration, on: platform, machineID: …)
///     try await service.serve(on: connection)  // until the connection ends; media stay
///     await service.shutDown()                 // takes every medium down
package actor VirtualMediaService {
    /// Pauses taking calls while this many messages wait to be sent, so that a bus that does not
    /// read cannot fill the memory.
    static let maximumBacklog = 256
    /// Of the error when another program has the bus name already.
    package static let nameIsTaken = "net.mediarig.Error.NameIsTaken"

    /// A slot and its object. The number tells it from an earlier one of the same name.
    private struct Entry {
        let number: Int
        let slot: Slot
        let object: SlotObject
    }

    private let platform: MediaPlatform
    private let busName: String
    private let deciding: SlotDecisions
    private let telling: @Sendable (ServiceNews) -> Void
    private let controllers: ControllerPool
    /// In the order of their names.
    private var entries: [Entry]
    private var lastNumber: Int
    /// What goes out on the bus because of slots, in the order in which it came about: a caller must not
    /// hear that its request was accepted before it hears how the one before has ended.
    private enum News: Sendable {
        case notice(SlotNotice, slot: Int)
        /// To the connection that the call came from.
        case reply(Message?, Outbox)
    }

    private let news: AsyncStream<News>
    private let newsInlet: AsyncStream<News>.Continuation
    private var tree: ObjectTree
    private var outbox: Outbox?
    /// Completions that no connection has taken yet; each slot has at most a few requests open.
    private var unsentCompletions: [Message] = []
    private var background: [any SpawnedTask] = []
    /// Slots whose caller's secret is being read.
    private var awaitingSecret: Set<Int> = []

    /// - Parameters:
    ///   - machineID: 32 hexadecimal digits, for Peer.GetMachineId.
    ///   - busName: what clients know the service by.
    ///   - telling: takes what the process may want to know, in order, without waiting.
    package init(
        _ configuration: MediaConfiguration, on platform: MediaPlatform, machineID: String,
        busName: String = MediaInterfaces.busName, deciding: SlotDecisions = .asDesigned,
        telling: @escaping @Sendable (ServiceNews) -> Void = { _ in }
    ) {
        self.platform = platform
        self.busName = busName
        self.deciding = deciding
        self.telling = telling
        let (stream, continuation) = AsyncStream.makeStream(of: News.self)
        news = stream
        newsInlet = continuation
        var tree = ObjectTree(machineID: machineID)
        tree.addObjectManager(at: MediaInterfaces.rootPath)
        let controllers = ControllerPool()
        let entries = configuration.slots.enumerated().map { number, slot in
            Self.entry(number, slot, platform, controllers, deciding, continuation)
        }
        for entry in entries { _ = entry.object.export(in: &tree) }
        self.tree = tree
        self.controllers = controllers
        self.entries = entries
        lastNumber = entries.count - 1
    }

    private static func entry(
        _ number: Int, _ slot: SlotConfiguration, _ platform: MediaPlatform, _ controllers: ControllerPool,
        _ deciding: SlotDecisions, _ inlet: AsyncStream<News>.Continuation
    ) -> Entry {
        Entry(
            number: number,
            slot: Slot(slot, on: platform, sharing: controllers, deciding: deciding) {
                inlet.yield(.notice($0, slot: number))
            }, object: SlotObject(slot, clock: platform.clock))
    }

    /// Removes what an earlier process left of any slot, and watches for events. Once is enough.
    ///
    /// Only for a service without a bus: ``serve(on:)`` does it once the name is taken, so that a
    /// second process, which never gets it, leaves the media of the first alone.
    package func start() async {
        guard background.isEmpty else { return }
        listen()
        for entry in entries { await entry.slot.start() }
    }

    /// Takes the bus name and answers calls until the connection ends. Media stay as they are, and
    /// another connection may follow: it is told the state of every slot anew, and then the Completions that
    /// this one did not take.
    package func serve(on connection: any BusConnection) async throws(BusError) {
        try await requestName(on: connection)
        let outbox = Outbox(connection)
        let sender = platform.spawner.spawn("bus sender", .shared) { await outbox.run() }
        if !background.isEmpty {
            for entry in entries {
                for signal in entry.object.everything(in: tree) { outbox.send(signal) }
            }
        }
        for completion in unsentCompletions { outbox.send(completion) }
        unsentCompletions = []
        self.outbox = outbox
        await start()
        telling(.serving)
        for await message in connection.incoming {
            await outbox.hasRoom(limit: Self.maximumBacklog)
            await handle(message)
        }
        if self.outbox === outbox { self.outbox = nil }
        outbox.finish()
        await sender.finished()
        unsentCompletions =
            outbox.unsent.filter { $0.member == MediaInterfaces.completion.name } + unsentCompletions
    }

    /// Takes every medium down, says so on the bus, and ends; each slot has its deadlines, so this
    /// ends too. The service is not used afterwards.
    package func shutDown() async {
        let downs = entries.map { entry in
            let slot = entry.slot
            return platform.spawner.spawn("\(slot.configuration.name) shut down", .shared) {
                await slot.shutDown()
            }
        }
        for down in downs { await down.finished() }
        newsInlet.finish()
        await background.first?.finished()
        for task in background.dropFirst() { task.cancel() }
    }

    /// Takes another configuration. Slots that are the same stay as they are; of the others those that are
    /// empty go, come, or come anew, and clients are told. What is in use keeps its old configuration.
    ///
    /// - Returns: what became of each slot that is not the same, in the order of their names.
    package func reload(_ configuration: MediaConfiguration) async -> [SlotChange] {
        var changes: [SlotChange] = []
        let wanted = configuration.slots
        for entry in entries {
            let present = entry.slot.configuration
            let next = wanted.first { $0.name == present.name }
            guard next != present else { continue }
            guard await entry.slot.retire() else {
                changes.append(SlotChange(present.name, .inUse))
                continue
            }
            entries.removeAll { $0.number == entry.number }
            for signal in tree.remove(entry.object.path) { outbox?.send(signal) }
            if next == nil {
                changes.append(SlotChange(present.name, .removed))
            } else {
                changes.append(SlotChange(present.name, .changed))
            }
        }
        for slot in wanted where !entries.contains(where: { $0.slot.configuration.name == slot.name }) {
            lastNumber += 1
            let entry = Self.entry(lastNumber, slot, platform, controllers, deciding, newsInlet)
            entries.append(entry)
            entries.sort { $0.slot.configuration.name < $1.slot.configuration.name }
            await entry.slot.start()
            for signal in entry.object.export(in: &tree) { outbox?.send(signal) }
            if !changes.contains(where: { $0.slot == slot.name }) {
                changes.append(SlotChange(slot.name, .added))
            }
        }
        return changes.sorted { $0.slot < $1.slot }
    }

    /// Reports of all slots, in the order of their names.
    package func reports() async -> [(name: String, report: SlotReport)] {
        var reports: [(String, SlotReport)] = []
        for entry in entries { reports.append((entry.slot.configuration.name, await entry.slot.report)) }
        return reports
    }

    // MARK: Bus

    private func requestName(on connection: any BusConnection) async throws(BusError) {
        let doNotQueue: UInt32 = 4
        let isPrimaryOwner: UInt32 = 1
        let isOwnerAlready: UInt32 = 4
        let reply = try await connection.call(
            .methodCall(
                destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus,
                member: "RequestName", body: [.string(busName), .uint32(doNotQueue)]))
        guard reply.body == [.uint32(isPrimaryOwner)] || reply.body == [.uint32(isOwnerAlready)] else {
            throw BusError(Self.nameIsTaken, "another program has the bus name \(busName)")
        }
    }

    private func handle(_ message: Message) async {
        switch tree.handle(message) {
        case .send(let reply): outbox?.send(reply)
        case .invoke(let invocation): await invoke(invocation)
        case .write(let write):
            // No property of ours is writable; the tree has refused before.
            outbox?.send(write.failure(BusError(ErrorName.propertyReadOnly, "read-only")))
        case .nothing: break
        }
    }

    /// Slots answer at once, so calls are carried out in the order in which they came.
    private func invoke(_ invocation: Invocation) async {
        guard let outbox, let entry = entries.first(where: { $0.object.path == invocation.path }) else {
            return
        }
        let slot = entry.slot
        let number = entry.number
        guard invocation.member != "Unmount" else {
            return await answer(invocation, outbox) { accepted in try await slot.unmount(accepted: accepted) }
        }
        let call: MountCall
        do throws(BusError) { call = try MountCall(invocation, slot: slot.configuration) } catch {
            return outbox.send(invocation.failure(error))
        }
        guard let secret = call.secret else { return await mount(call, nil, on: slot, invocation, outbox) }
        guard awaitingSecret.insert(number).inserted else {
            return outbox.send(
                invocation.failure(BusError(.busy("another caller's credentials are being read"))))
        }
        let platform = self.platform
        platform.spawner.spawn("\(slot.configuration.name) secret", .shared) { [self] in
            do throws(SecretFailure) {
                let credentials = try await SecretText.read(secret.number, on: platform)
                await finishedSecret(number)
                await mount(call, credentials, on: slot, invocation, outbox)
            } catch {
                await finishedSecret(number)
                outbox.send(invocation.failure(BusError(error)))
            }
        }
    }

    private func finishedSecret(_ number: Int) { awaitingSecret.remove(number) }

    private func mount(
        _ call: MountCall, _ credentials: Credentials?, on slot: Slot, _ invocation: Invocation,
        _ outbox: Outbox
    ) async {
        let request = MountRequest(
            imageURL: call.imageURL, credentials: credentials, isReadWrite: call.isReadWrite, kind: call.kind,
            authorities: call.authorities, allowsLocalAddresses: call.allowsLocalAddresses)
        await answer(invocation, outbox) { accepted in try await slot.mount(request, accepted: accepted) }
    }

    private typealias Request = @Sendable (_ accepted: @Sendable () -> Void) async throws -> Void

    /// The reply goes out before any signal that the request leads to.
    private func answer(_ invocation: Invocation, _ outbox: Outbox, _ request: Request) async {
        let inlet = newsInlet
        do {
            try await request { inlet.yield(.reply(invocation.reply([.boolean(true)]), outbox)) }
        } catch let refusal as SlotMachine.Refusal {
            inlet.yield(.reply(invocation.failure(BusError(refusal)), outbox))
        } catch {
            inlet.yield(.reply(invocation.failure(BusError(ErrorName.failed, "\(error)")), outbox))
        }
    }

    // MARK: Slots and events

    /// The first task is the one that ends by itself, after the last news.
    private func listen() {
        let (platform, news) = (self.platform, self.news)
        background = [
            platform.spawner.spawn("slot news", .shared) { [self] in
                for await piece in news {
                    switch piece {
                    case .notice(let notice, let number): await show(notice, of: number)
                    case .reply(let message, let outbox): outbox.send(message)
                    }
                }
            },
            platform.spawner.spawn("uevents", .shared) { [self] in
                for await uevent in await platform.uevents.uevents() { await hint(uevent) }
            },
            platform.spawner.spawn("nbd events", .shared) { [self] in
                for await case .linkDead(let device) in await platform.nbd.events() {
                    await hint { $0.device == device }
                }
            },
        ]
    }

    private func show(_ notice: SlotNotice, of number: Int) {
        // What a slot says that is no more concerns nobody.
        guard let entry = entries.first(where: { $0.number == number }) else { return }
        telling(.slot(entry.slot.configuration.name, notice))
        switch notice {
        case .report(let report):
            for signal in entry.object.show(report, in: &tree) { outbox?.send(signal) }
        case .completion(_, let code):
            let completion = entry.object.completion(code)
            if let outbox { outbox.send(completion) } else { unsentCompletions.append(completion) }
        }
    }

    private func hint(_ uevent: Uevent) async {
        let name = uevent.devicePath.split(separator: "/").last.map(String.init)
        switch uevent.subsystem {
        case "block": await hint { $0.device == name }
        case "udc", "gadget": await hint { _ in true }
        default: break
        }
    }

    private func hint(where isMeant: (SlotConfiguration) -> Bool) async {
        for entry in entries where isMeant(entry.slot.configuration) { await entry.slot.hint() }
    }
}
