package import VirtualMedia

extension Scenario {
    /// One thing that a person or program does to the system, or looks at. Steps run one after another;
    /// what fails ends the run with a violation named after the step.
    package indirect enum Step: Equatable, Sendable {
        case insert(Insert)
        case eject(Eject)
        case wait(Wait)
        case expect(Condition)
        case read(Read)
        case write(Write)
        case host(HostAction)
        case process(ProcessAction)
        case image(ImageChange)
        case heal(Heal)
        case mark(String)
        case `repeat`(Repeat)
        case parallel(Parallel)
        case choose(Choose)
    }
}

extension Scenario.Step {
    /// Calls Mount and, unless told otherwise, waits for its Completion.
    package struct Insert: Equatable, Sendable {
        package var slot: Scenario.SlotChoice
        /// `nil`: the slot's own.
        package var image: String?
        /// `nil`: as the slot says.
        package var isReadWrite: Bool?
        package var kind: MediumKind?
        package var credentials = Credentials.fitting
        /// In place of the image's own URL; Legacy slots only.
        package var url: String?
        /// Anything else is a violation.
        package var outcomes: [Outcome]
        /// If not, the step ends when the call is answered.
        package var isAwaited = true
        /// `nil`: the slot's timeout and 5 s.
        package var within: Duration?

        package init(
            _ slot: Scenario.SlotChoice = .all, image: String? = nil,
            _ outcomes: [Outcome] = [.completed(.done)]
        ) {
            self.slot = slot
            self.image = image
            self.outcomes = outcomes
        }
    }

    /// What is handed over with a mount.
    package enum Credentials: String, Sendable, CaseIterable {
        /// Those that the store wants; none if it wants none.
        case fitting
        case wrong, none
    }

    /// Calls Unmount and, unless told otherwise, waits for its Completion.
    package struct Eject: Equatable, Sendable {
        package var slot: Scenario.SlotChoice
        package var outcomes: [Outcome]
        package var isAwaited = true
        /// `nil`: 35 s.
        package var within: Duration?

        package init(
            _ slot: Scenario.SlotChoice = .all, _ outcomes: [Outcome] = [.completed(.done)]
        ) {
            self.slot = slot
            self.outcomes = outcomes
        }
    }

    /// How a request may end.
    package enum Outcome: Hashable, Sendable {
        case completed(CompletionCode)
        /// The call itself was answered with an error; `nil` any.
        case refused(Refusal?)
        /// Completed with any code, or refused.
        case any

        package enum Refusal: String, Sendable, CaseIterable {
            /// System.Error.EBUSY.
            case busy
            /// org.freedesktop.DBus.Error.AccessDenied.
            case denied
            /// org.freedesktop.DBus.Error.InvalidArgs.
            case invalid
        }
    }

    package enum Wait: Equatable, Sendable {
        case time(Duration)
        /// Until it holds; a violation if it does not within so long.
        case until(Scenario.Condition, within: Duration)
    }

    /// How a transfer of the host may end.
    package enum DataOutcome: String, Sendable, CaseIterable {
        /// Every request succeeds, and what was read is right.
        case good
        /// At least one request fails, with sense data; what was read is right.
        case error
        /// Each request succeeds and is right, or fails.
        case any
    }

    /// The host reads; every byte is compared with what must be there.
    package struct Read: Equatable, Sendable {
        package var slot: Scenario.SlotChoice
        package var spans: [Scenario.Span]
        /// `nil`: as the host's profile.
        package var requestByteCount: Int?
        package var outcome: DataOutcome
        /// For all of it; `nil` leaves it to the budget of the run.
        package var within: Duration?

        package init(
            _ slot: Scenario.SlotChoice = .all, _ spans: [Scenario.Span] = [.whole],
            _ outcome: DataOutcome = .good
        ) {
            self.slot = slot
            self.spans = spans
            self.outcome = outcome
        }
    }

    /// The host writes bytes drawn from a stream.
    package struct Write: Equatable, Sendable {
        package var slot: Scenario.SlotChoice
        package var spans: [Scenario.Span]
        package var stream = "write"
        /// SYNCHRONIZE CACHE after the last one.
        package var isFlushed = true
        /// Force unit access on each.
        package var isDurable = false
        package var outcome: DataOutcome
        package var within: Duration?

        package init(
            _ slot: Scenario.SlotChoice = .all, _ spans: [Scenario.Span], _ outcome: DataOutcome = .good
        ) {
            self.slot = slot
            self.spans = spans
            self.outcome = outcome
        }
    }

    /// Something that the host does to its medium or its bus.
    package struct HostAction: Equatable, Sendable {
        package var kind: Kind
        /// For what concerns one medium; a whole host has one power switch.
        package var slot: Scenario.SlotChoice

        package enum Kind: String, Sendable, CaseIterable {
            /// START STOP UNIT with LoEj.
            case eject
            case preventRemoval = "prevent-removal"
            case allowRemoval = "allow-removal"
            /// Resets the bus under the device.
            case reset
            case suspend, resume
            case unplug, plug
            /// Everything on the bus loses its host, and gets it back.
            case powerOff = "power-off"
            case powerOn = "power-on"
            /// Off, and on again one second later.
            case powerCycle = "power-cycle"
        }

        package init(_ kind: Kind, _ slot: Scenario.SlotChoice = .all) {
            self.kind = kind
            self.slot = slot
        }
    }

    /// Something that befalls a process.
    package struct ProcessAction: Equatable, Sendable {
        package var kind: Kind
        package var target: Target
        /// For a server or client; the others are there once.
        package var slot: Scenario.SlotChoice

        package enum Kind: String, Sendable, CaseIterable {
            /// SIGKILL: no goodbye.
            case kill
            case start
            /// Kill, and start again at once.
            case restart
            /// SIGSTOP: connections stay, nothing answers.
            case stop
            case `continue`
            /// Ends its connections in good order; it runs on.
            case detach
        }

        package enum Target: String, Sendable, CaseIterable {
            /// The virtual media service.
            case service
            /// What serves a slot's image as NBD: the client of a Proxy slot, the service's own server
            /// for a Legacy slot.
            case server
            /// The message bus.
            case bus
            /// The remote image server.
            case store
        }

        package init(_ kind: Kind, _ target: Target, _ slot: Scenario.SlotChoice = .all) {
            self.kind = kind
            self.target = target
            self.slot = slot
        }
    }

    /// Changes a file on the store.
    package struct ImageChange: Equatable, Sendable {
        package var image: String
        package var kind: Kind
        /// Of the new bytes; for `replace`.
        package var seed: UInt64
        /// The new length; for `resize`.
        package var byteCount: UInt64?

        package enum Kind: String, Sendable, CaseIterable {
            /// Same length, other bytes, another version.
            case replace
            /// Another length; the bytes that stay are the same.
            case resize
            case remove
            /// As it was before the first change.
            case restore
        }

        package init(_ image: String, _ kind: Kind, seed: UInt64 = 2, byteCount: UInt64? = nil) {
            self.image = image
            self.kind = kind
            self.seed = seed
            self.byteCount = byteCount
        }
    }

    /// Ends faults for good.
    package struct Heal: Equatable, Sendable {
        /// Their identifiers; empty for all.
        package var faults: [String]
        package init(_ faults: [String] = []) { self.faults = faults }
    }

    package struct Repeat: Equatable, Sendable {
        package var times: Int
        package var steps: [Scenario.Step]
        package init(_ times: Int, _ steps: [Scenario.Step]) {
            self.times = times
            self.steps = steps
        }
    }

    /// Runs branches at the same time; ends when all have.
    package struct Parallel: Equatable, Sendable {
        package var branches: [[Scenario.Step]]
        package init(_ branches: [[Scenario.Step]]) { self.branches = branches }
    }

    /// Draws steps, by weight, so many times: a random walk. Gone once resolved.
    package struct Choose: Equatable, Sendable {
        package var times: ClosedRange<Int>
        package var options: [Option]

        package struct Option: Equatable, Sendable {
            package var weight: Int
            package var steps: [Scenario.Step]
            package init(_ weight: Int = 1, _ steps: [Scenario.Step]) {
                self.weight = weight
                self.steps = steps
            }
        }

        package init(_ times: ClosedRange<Int>, _ options: [Option]) {
            self.times = times
            self.options = options
        }
    }
}
