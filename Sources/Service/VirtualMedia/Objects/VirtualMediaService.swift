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

    private let platform: MediaPlatform
    private let slots: [Slot]
    private let objects: [SlotObject]
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

    /// - Parameter machineID: 32 hexadecimal digits, for Peer.GetMachineId.
    package init(
        _ configuration: MediaConfiguration, on platform: MediaPlatform, machineID: String,
        deciding: SlotDecisions = .asDesigned
    ) {
        self.platform = platform
        let (stream, continuation) = AsyncStream.makeStream(of: News.self)
        news = stream
        newsInlet = continuation
        let controllers = ControllerPool()
        slots = configuration.slots.enumerated().map { index, slot in
            Slot(slot, on: platform, sharing: controllers, deciding: deciding) {
                continuation.yield(.notice($0, slot: index))
            }
        }
        objects = configuration.slots.map { SlotObject($0, clock: platform.clock) }
        tree = ObjectTree(machineID: machineID)
        tree.addObjectManager(at: MediaInterfaces.rootPath)
        for object in objects { _ = object.export(in: &tree) }
    }

    /// Removes what an earlier process left of any slot, and watches for events. Once is enough.
    ///
    /// Only for a service without a bus: ``serve(on:)`` does it once the name is taken, so that a
    /// second process, which never gets it, leaves the media of the first alone.
    package func start() async {
        guard background.isEmpty else { return }
        listen()
        for slot in slots { await slot.start() }
    }

    /// Takes the bus name and answers calls until the connection ends. Media stay as they are, and
    /// another connection may follow: it is told the state of every slot anew, and then the Completions that
    /// this one did not take.
    package func serve(on connection: any BusConnection) async throws(BusError) {
        try await requestName(on: connection)
        let outbox = Outbox(connection)
        let sender = platform.spawner.spawn("bus sender", .shared) { await outbox.run() }
        if !background.isEmpty {
            for object in objects { for signal in object.everything(in: tree) { outbox.send(signal) } }
        }
        for completion in unsentCompletions { outbox.send(completion) }
        unsentCompletions = []
        self.outbox = outbox
        await start()
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
        let downs = slots.map { slot in
            platform.spawner.spawn("\(slot.configuration.name) shut down", .shared) { await slot.shutDown() }
        }
        for down in downs { await down.finished() }
        newsInlet.finish()
        await background.first?.finished()
        for task in background.dropFirst() { task.cancel() }
    }

    /// Reports of all slots, in the order of their names.
    package func reports() async -> [(name: String, report: SlotReport)] {
        var reports: [(String, SlotReport)] = []
        for slot in slots { reports.append((slot.configuration.name, await slot.report)) }
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
                member: "RequestName", body: [.string(MediaInterfaces.busName), .uint32(doNotQueue)]))
        guard reply.body == [.uint32(isPrimaryOwner)] || reply.body == [.uint32(isOwnerAlready)] else {
            throw BusError(
                ErrorName.failed, "another program has the bus name \(MediaInterfaces.busName)")
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
        guard let outbox, let index = objects.firstIndex(where: { $0.path == invocation.path }) else {
            return
        }
        let slot = slots[index]
        guard invocation.member != "Unmount" else {
            return await answer(invocation, outbox) { accepted in try await slot.unmount(accepted: accepted) }
        }
        let call: MountCall
        do throws(BusError) { call = try MountCall(invocation, slot: slot.configuration) } catch {
            return outbox.send(invocation.failure(error))
        }
        guard let secret = call.secret else { return await mount(call, nil, on: slot, invocation, outbox) }
        guard awaitingSecret.insert(index).inserted else {
            return outbox.send(
                invocation.failure(BusError(.busy("another caller's credentials are being read"))))
        }
        let platform = self.platform
        platform.spawner.spawn("\(slot.configuration.name) secret", .shared) { [self] in
            do throws(SecretFailure) {
                let credentials = try await SecretText.read(secret.number, on: platform)
                await finishedSecret(index)
                await mount(call, credentials, on: slot, invocation, outbox)
            } catch {
                await finishedSecret(index)
                outbox.send(invocation.failure(BusError(error)))
            }
        }
    }

    private func finishedSecret(_ index: Int) { awaitingSecret.remove(index) }

    private func mount(
        _ call: MountCall, _ credentials: Credentials?, on slot: Slot, _ invocation: Invocation,
        _ outbox: Outbox
    ) async {
        let request = MountRequest(
            imageURL: call.imageURL, credentials: credentials, isReadWrite: call.isReadWrite, kind: call.kind)
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
                    case .notice(let notice, let index): await show(notice, of: index)
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

    private func show(_ notice: SlotNotice, of index: Int) {
        switch notice {
        case .report(let report):
            for signal in objects[index].show(report, in: &tree) { outbox?.send(signal) }
        case .completion(_, let code):
            let completion = objects[index].completion(code)
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
        for slot in slots where isMeant(slot.configuration) { await slot.hint() }
    }
}
