import Synchronization
import USBIPProtocol
import USBMassStorage
import VirtualMedia
import WireFormat

/// One host's connection to a ``USBIPServer``.
///
/// The loop's thread decodes; one task hands transfers to the device in their order; the device's
/// completions go out from wherever they come. None of them waits for another.
final class ExportConnection: Sendable {
    private let loop: StreamLoop
    private let devices: [any ExportableDevice]
    private let spawner: any Spawner
    private let session = Mutex(USBIPServerSession())
    /// At most ``USBIPLimits/pendingTransfers`` submits wait in it, and an unlink for each.
    private let events = AsyncStream.makeStream(of: USBIPServerSession.Event.self)

    init(_ loop: StreamLoop, devices: [any ExportableDevice], spawner: any Spawner) {
        self.loop = loop
        self.devices = devices
        self.spawner = spawner
    }

    /// - Parameter ended: called once, when the host has gone and the device is free again.
    func start(ended: @escaping @Sendable () -> Void) -> Bool {
        let isStarted = loop.start(
            "usbip export",
            StreamLoop.Owner(
                received: { [self] in received($0) },
                ended: { [self] in
                    _ = session.withLock { $0.end() }
                    events.continuation.finish()
                }))
        guard isStarted else { return false }
        spawner.spawn("usbip export", .shared) { [self] in
            await serve()
            ended()
        }
        return true
    }

    func close() { loop.abort() }

    private func received(_ bytes: Bytes) {
        session.withLock { $0.receive(bytes) }
        passOnEvents()
    }

    /// Two threads come here; the lock keeps the events in the order of the bytes.
    private func passOnEvents() {
        do throws(USBIPViolation) {
            try session.withLock { session throws(USBIPViolation) in
                while let event = try session.nextEvent() { events.continuation.yield(event) }
            }
        } catch { loop.abort() }
    }

    private func serve() async {
        var plugged: (any PluggedDevice)?
        for await event in events.stream {
            switch event {
            case .listRequested:
                var present: [ExportedDevice] = []
                for device in devices {
                    if let announcement = await device.announcement() { present.append(announcement) }
                }
                let reply = session.withLock { $0.listReply(present) }
                loop.send([reply[...]])
                // As usbipd: one list a connection.
                loop.close()
            case .importRequested(let busID):
                let (device, reply) = await plugIn(busID)
                plugged = device
                loop.send([reply[...]])
                if device == nil { loop.close() } else { passOnEvents() }
            case .submitted(let number, let transfer):
                await plugged?.submit(transfer, as: number) { [self] outcome in
                    loop.send(session.withLock { $0.completed(number, outcome) })
                }
            case .cancelled(let number): await plugged?.cancel(number)
            case .send(let pieces): loop.send(pieces)
            }
        }
        await plugged?.unplug()
    }

    private func plugIn(_ busID: String) async -> ((any PluggedDevice)?, reply: [UInt8]) {
        for device in devices {
            guard let announcement = await device.announcement(), announcement.busID == busID else {
                continue
            }
            guard let plugged = await device.plugIn(departed: { [loop] in loop.abort() }) else {
                return (nil, session.withLock { $0.importReply(refusing: .busy) })
            }
            return (plugged, session.withLock { $0.importReply(announcement) })
        }
        return (nil, session.withLock { $0.importReply(refusing: .noSuchDevice) })
    }
}
