internal import DBusProtocol
internal import VirtualMedia

/// The service's connection to the bus, with what one of the weaknesses makes of its messages.
final class WeakBusConnection: BusConnection {
    private let base: any BusConnection
    private let manners: BusManners
    let incoming: AsyncStream<Message>

    var uniqueName: String { base.uniqueName }

    /// - Parameter spawner: `nil` leaves what comes as it is.
    init(
        _ base: any BusConnection, _ manners: BusManners, takingCallsOn spawner: (any Spawner)?, _ gate: Gate
    ) {
        self.base = base
        self.manners = manners
        guard let spawner else {
            incoming = base.incoming
            return
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Message.self)
        incoming = stream
        spawner.spawn("bus manners", .shared) {
            for await message in base.incoming {
                await gate.passed()
                switch manners.take(message) {
                case .handle(let message): continuation.yield(message)
                case .answer(let answer): try? await base.send(answer)
                }
            }
            continuation.finish()
        }
    }

    func call(_ message: Message) async throws(BusError) -> Message { try await base.call(message) }

    func send(_ message: Message) async throws(BusError) {
        for message in manners.say(message) { try await base.send(message) }
    }

    func close() async { await base.close() }
}
