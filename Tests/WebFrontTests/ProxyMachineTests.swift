import Testing

@testable import WebFront

/// The life of a Proxy slot as its machine decides it.
struct ProxyMachineTests {
    typealias Event = ProxyMachine.Event
    typealias Effect = ProxyMachine.Effect

    /// Link 1 is served on channel 2, and the host has the medium.
    static func serving() -> ProxyMachine {
        var machine = ProxyMachine(.init())
        _ = machine.begin(link: 1)
        _ = machine.handle(.channelOpened(2), at: .zero)
        _ = machine.handle(.mountEnded(failure: nil), at: .zero)
        return machine
    }

    @Test func `a client is mounted first and joined once the service has connected`() {
        var machine = ProxyMachine(.init())
        #expect(machine.begin(link: 1) == [.mount])
        #expect(machine.handle(.channelOpened(2), at: .zero) == [.join(link: 1, channel: 2)])
        #expect(machine.handle(.mountEnded(failure: nil), at: .zero).isEmpty)
        #expect(machine.deadline == nil && !machine.isWaitingForLink)
    }

    /// What happens to a slot that is served, and what is done about it.
    static let ends: [(Event, [Effect])] = [
        (.linkEnded(1, code: .normal), [.unmount]),
        (.linkEnded(1, code: .goingAway), [.closeChannel(2)]),
        (.linkEnded(1, code: nil), [.closeChannel(2)]),
        (.linkEnded(7, code: .normal), []),
        (.channelEnded(2), []),
        (.slotEnded(failure: nil), [.closeLink(1, .normal, "ejected"), .closeChannel(2), .end]),
        (
            .slotEnded(failure: "gone"),
            [.closeLink(1, .mediumLost, "gone"), .closeChannel(2), .end]
        ),
        (.loginEnded, [.unmount]), (.shutDown, [.unmount]), (.tick, []), (.unmountEnded, []),
        (.linkOpened(3), [.closeLink(3, .slotInUse, "the slot is in use")]),
        // The service came again without a word: the client has to begin anew.
        (
            .channelOpened(4),
            [.closeChannel(2), .closeLink(1, .serviceRestart, "connect again")]
        ),
    ]

    @Test(arguments: ends.indices) func `each event of a served slot has its effects`(index: Int) {
        var machine = Self.serving()
        #expect(machine.handle(Self.ends[index].0, at: .seconds(5)) == Self.ends[index].1)
    }

    @Test func `a mount that fails ends everything with its reason`() {
        var machine = ProxyMachine(.init())
        _ = machine.begin(link: 1)
        #expect(machine.handle(.slotEnded(failure: "early"), at: .zero).isEmpty)
        #expect(
            machine.handle(.mountEnded(failure: "no controller"), at: .zero)
                == [.closeLink(1, .mountFailed, "no controller"), .end])
    }

    @Test func `a lost client may come back within the grace time, and not a moment later`() {
        var machine = Self.serving()
        _ = machine.handle(.linkEnded(1, code: nil), at: .seconds(10))
        #expect(machine.isWaitingForLink && machine.deadline == .seconds(40))
        #expect(machine.handle(.tick, at: .milliseconds(39_999)).isEmpty)
        var back = machine
        #expect(back.handle(.linkOpened(3), at: .milliseconds(39_999)).isEmpty)
        #expect(back.handle(.channelOpened(4), at: .milliseconds(39_999)) == [.join(link: 3, channel: 4)])
        #expect(back.handle(.tick, at: .seconds(50)).isEmpty && !back.isWaitingForLink)
        #expect(machine.handle(.tick, at: .seconds(40)) == [.unmount])
        #expect(!machine.isWaitingForLink)
        #expect(machine.handle(.unmountEnded, at: .seconds(41)) == [.end])
    }

    @Test func `the service may be back before the client`() {
        var machine = Self.serving()
        _ = machine.handle(.linkEnded(1, code: nil), at: .zero)
        #expect(machine.handle(.channelOpened(4), at: .seconds(1)).isEmpty)
        #expect(machine.handle(.channelOpened(5), at: .seconds(2)) == [.closeChannel(4)])
        #expect(machine.handle(.linkOpened(3), at: .seconds(3)) == [.join(link: 3, channel: 5)])
    }

    @Test(arguments: [Event.loginEnded, .shutDown])
    func `while the medium is taken away the client serves on, and is told afterwards`(event: Event) {
        var machine = Self.serving()
        #expect(machine.handle(event, at: .zero) == [.unmount])
        #expect(
            machine.handle(.linkOpened(3), at: .zero) == [.closeLink(3, .slotInUse, "the slot is in use")])
        #expect(machine.handle(.channelEnded(2), at: .zero).isEmpty)
        let (code, reason) =
            event == .loginEnded
            ? (WebSocketCloseCode.loginEnded, "the login has ended") : (.goingAway, "the front is ending")
        #expect(machine.handle(.unmountEnded, at: .zero) == [.closeLink(1, code, reason), .end])
    }

    @Test func `an unmount that never ends is waited for no longer than its limit`() {
        var machine = Self.serving()
        _ = machine.handle(.loginEnded, at: .zero)
        #expect(machine.handle(.tick, at: .milliseconds(49_999)).isEmpty)
        #expect(machine.handle(.tick, at: .seconds(50)).last == .end)
    }

    @Test(arguments: ends.indices, ends.indices)
    func `whatever two events come, in whatever order, nothing is left open`(first: Int, second: Int) {
        var machine = Self.serving()
        var open: Set<String> = ["link 1", "channel 2"]
        var hasEnded = false
        func feed(_ event: Event, at now: Duration) {
            switch event {
            case .linkOpened(let number): open.insert("link \(number)")
            case .linkEnded(let number, _): open.remove("link \(number)")
            case .channelOpened(let number): open.insert("channel \(number)")
            case .channelEnded(let number): open.remove("channel \(number)")
            default: break
            }
            for effect in machine.handle(event, at: now) {
                switch effect {
                case .closeLink(let number, _, _): open.remove("link \(number)")
                case .closeChannel(let number): open.remove("channel \(number)")
                case .end:
                    #expect(!hasEnded, "it ended twice")
                    hasEnded = true
                default: break
                }
            }
        }
        feed(Self.ends[first].0, at: .zero)
        feed(Self.ends[second].0, at: .zero)
        feed(.shutDown, at: .zero)
        feed(.unmountEnded, at: .zero)
        #expect(hasEnded && open.isEmpty, "\(open.sorted())")
    }
}
