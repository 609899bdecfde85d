import DBusProtocol
import RunLog
import Synchronization
import Testing
import VirtualMedia

@testable import Runs

/// What is on the bus, made up.
struct BusWatchTests {
    static let slot = SlotConfiguration(name: "Slot_0", mode: .legacy, device: "nbd0")

    static func watch(
        _ violations: Violations, _ recorder: RunRecorder,
        now: @escaping @Sendable () -> Duration = { .zero },
        accepted: @escaping @Sendable (BusWatch.Call) -> Void = { _ in }
    ) throws -> BusWatch {
        BusWatch(
            MediaConfiguration(slots: [slot]), recorder: recorder, violations: violations,
            answersAtOnce: true, now: now, accepted: accepted, moved: { _ in }, completed: { _, _ in })
    }

    static func callMount(_ watch: BusWatch, _ url: String = "https://a/b", serial: UInt32) throws {
        var call = Message.methodCall(
            destination: MediaInterfaces.busName, path: MediaInterfaces.path(of: slot),
            interface: MediaInterfaces.methods(of: .legacy).name, member: "Mount",
            body: [.string(url)])
        (call.sender, call.serial) = (":1.5", serial)
        watch.saw(try Envelope(call))
    }

    static func answer(_ watch: BusWatch, serial: UInt32, error: String? = nil) throws {
        var answer = Message(kind: error == nil ? .methodReturn : .error)
        (answer.destination, answer.replySerial, answer.serial) = (":1.5", serial, 1)
        answer.errorName = error
        watch.saw(try Envelope(answer))
    }

    static func mount(_ watch: BusWatch, serial: UInt32) throws {
        try callMount(watch, serial: serial)
        try answer(watch, serial: serial)
    }

    static func tell(_ watch: BusWatch, _ changes: [(String, Value)]) throws {
        var signal = Message(kind: .signal)
        (signal.path, signal.serial) = (MediaInterfaces.path(of: slot), 2)
        (signal.interface, signal.member) = (WellKnown.properties, "PropertiesChanged")
        signal.body = [
            .string(MediaInterfaces.slot.name),
            .dictionary(
                key: "s", value: "v", changes.map { Value.Entry(.string($0.0), .variant($0.1)) }),
        ]
        watch.saw(try Envelope(signal))
    }

    static func complete(_ watch: BusWatch, _ code: Int32) throws {
        var signal = Message(kind: .signal)
        (signal.path, signal.serial) = (MediaInterfaces.path(of: slot), 3)
        (signal.interface, signal.member) = (MediaInterfaces.methods(of: .legacy).name, "Completion")
        signal.body = [.int32(code)]
        watch.saw(try Envelope(signal))
    }

    /// Code of the Completion, what the properties say, and whether that explains it.
    static let told: [(Int32, Int32, String, Bool)] = [
        (0, 0, "", true), (5, 5, "read: errno 5", true), (5, 0, "", false), (5, 5, "", false),
        (5, 110, "too late", false), (125, 0, "", true),
    ]

    @Test(arguments: told.indices)
    func `who is told of a failure can read why`(index: Int) throws {
        let (code, property, text, isExplained) = Self.told[index]
        let recorder = RunRecorder(now: { .zero })
        let violations = Violations(recorder: recorder, off: [], now: { .zero })
        let watch = try Self.watch(violations, recorder)
        try Self.mount(watch, serial: 7)
        try Self.tell(watch, [("State", .string("Activating"))])
        try Self.tell(watch, [("LastErrorCode", .int32(property)), ("LastError", .string(text))])
        try Self.complete(watch, code)
        #expect(violations.all.map(\.name) == (isExplained ? [] : ["explicit-errors"]), "\(violations.all)")
    }

    @Test func `of two mounts at the same time the watch tells which was accepted`() throws {
        let recorder = RunRecorder(now: { .zero })
        let urls = Mutex<[String]>([])
        let watch = try Self.watch(
            Violations(recorder: recorder, off: [], now: { .zero }), recorder,
            accepted: { call in urls.withLock { $0.append(call.url) } })
        try Self.callMount(watch, "https://a/first", serial: 7)
        try Self.callMount(watch, "https://a/second", serial: 8)
        try Self.answer(watch, serial: 8)
        try Self.answer(watch, serial: 7, error: "System.Error.EBUSY")
        #expect(urls.withLock { $0 } == ["https://a/second"])
        let ledger = watch.ledger(of: "Slot_0")
        #expect(ledger.accepted == 1 && ledger.refused == 1)
    }

    @Test func `a mount whose answer was lost counts from when it was asked for`() throws {
        let time = Mutex(Duration.seconds(3))
        let recorder = RunRecorder(now: { .zero })
        let violations = Violations(recorder: recorder, off: [], now: { .zero })
        let watch = try Self.watch(violations, recorder, now: { time.withLock { $0 } })
        try Self.callMount(watch, serial: 7)
        time.withLock { $0 = .seconds(9) }
        try Self.complete(watch, 0)
        let ledger = watch.ledger(of: "Slot_0")
        #expect(ledger.accepted == 1 && ledger.askedAt == .seconds(3) && ledger.acceptedAt == .seconds(9))
        #expect(violations.all.isEmpty, "\(violations.all)")
    }

    @Test func `a call that was delivered twice may be carried out twice, and not three times`() throws {
        let recorder = RunRecorder(now: { .zero })
        let violations = Violations(recorder: recorder, off: [], now: { .zero })
        let second = Mutex(0)
        let watch = try Self.watch(
            violations, recorder,
            accepted: { call in second.withLock { $0 += call.isSecondDelivery ? 1 : 0 } })
        try Self.callMount(watch, serial: 7)
        watch.callDoubled(to: "Slot_0")
        try Self.answer(watch, serial: 7)
        try Self.tell(watch, [("LastErrorCode", .int32(5)), ("LastError", .string("read: errno 5"))])
        try Self.complete(watch, 5)
        #expect(second.withLock { $0 } == 0)
        try Self.complete(watch, 0)
        #expect(second.withLock { $0 } == 1 && violations.all.isEmpty, "\(violations.all)")
        try Self.complete(watch, 0)
        #expect(violations.all.map(\.name) == ["bounded"])
    }
}
