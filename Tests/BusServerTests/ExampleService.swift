import BusServer
import DBusProtocol
import Glibc
import LinuxPlatform
import MessageBus

/// A service written on ``ObjectTree``, on a thread of its own, so that tests may wait for foreign
/// programs that talk to it.
final class ExampleService: Sendable {
    static let name = "org.mediarig.Example"
    static let path = "/org/mediarig/Example/Item_0"
    static let interface = "org.mediarig.Example.Item"

    static let description = InterfaceDescription(
        interface,
        methods: [
            MethodDescription("Echo", input: [Argument("value", "v")], output: [Argument("value", "v")]),
            MethodDescription(
                "Join", input: [Argument("words", "as"), Argument("with", "s")],
                output: [Argument("text", "s")]),
            MethodDescription("Fail", input: [Argument("text", "s")]),
            MethodDescription("Announce", input: [Argument("text", "s")]),
            MethodDescription(
                "ReadAll", input: [Argument("file", "h")], output: [Argument("byteCount", "t")]),
            MethodDescription("Pick", input: [Argument("a", "s")], output: [Argument("which", "s")]),
            MethodDescription(
                "Pick", input: [Argument("a", "s"), Argument("b", "b")], output: [Argument("which", "s")],
                isListed: false),
        ],
        signals: [SignalDescription("Announced", [Argument("text", "s")])],
        properties: [
            PropertyDescription("Label", "s", access: .readWrite),
            PropertyDescription("Size", "t", change: .constant),
            PropertyDescription("Extra", "a{sv}", change: .invalidates),
        ])

    private let thread = ThreadExecutor(name: "example service")
    private let connection: any BusConnection
    private let serving: Task<Void, Never>

    init(_ connection: any BusConnection) async throws {
        self.connection = connection
        _ = try await connection.call(
            .methodCall(
                destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus,
                member: "RequestName", body: [.string(Self.name), .uint32(4)]))
        var tree = ObjectTree(machineID: BusIdentity.machine())
        tree.addObjectManager(at: "/org/mediarig/Example")
        _ = tree.export(
            at: Self.path, [Self.description],
            properties: [
                Self.interface: [
                    "Label": .stored(.string("first")), "Size": .stored(.uint64(1 << 40)),
                    "Extra": .stored(
                        .dictionary(key: "s", value: "v", [.init(.string("k"), .variant(.int16(-7)))])),
                ]
            ])
        let initial = tree
        serving = Task(executorPreference: thread) { await Self.serve(connection, initial) }
    }

    func stop() async {
        await connection.close()
        await serving.value
        thread.stop()
    }

    private static func serve(_ connection: any BusConnection, _ initial: ObjectTree) async {
        var tree = initial
        for await message in connection.incoming {
            let answers: [Message?]
            switch tree.handle(message) {
            case .nothing: answers = []
            case .send(let reply): answers = [reply]
            case .write(let write): answers = tree.accept(write)
            case .invoke(let invocation): answers = invoke(invocation)
            }
            for answer in answers.compactMap(\.self) { try? await connection.send(answer) }
        }
    }

    private static func invoke(_ invocation: Invocation) -> [Message?] {
        let arguments = invocation.arguments
        switch (invocation.member, arguments.count) {
        case ("Echo", _): return [invocation.reply([arguments[0]])]
        case ("Join", _):
            guard case .array(_, let words) = arguments[0] else { return [] }
            let text = words.compactMap(\.text).joined(separator: arguments[1].text ?? "")
            return [invocation.reply([.string(text)])]
        case ("Fail", _):
            return [invocation.failure(BusError("org.mediarig.Example.Error", arguments[0].text ?? ""))]
        case ("Announce", _):
            let signal = Message.signal(
                path: path, interface: interface, member: "Announced", body: arguments)
            return [signal, invocation.reply()]
        case ("ReadAll", _):
            let descriptor = invocation.call.descriptors[0]
            return [invocation.reply([.uint64(UInt64(byteCount(of: descriptor.number)))])]
        default: return [invocation.reply([.string(invocation.method.inputSignature)])]
        }
    }

    private static func byteCount(of descriptor: CInt) -> Int {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        var total = 0
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 { total += count }
        return total
    }
}
