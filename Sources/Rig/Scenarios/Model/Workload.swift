extension Scenario {
    /// What the host does in the background. It begins when a step has inserted the slot's medium, goes
    /// on over resets and re-enumerations, and ends after ``byteCount``, or when the medium is ejected
    /// by a step. Every byte read is compared, every byte written is kept account of.
    package struct Workload: Equatable, Sendable {
        package var slot: SlotChoice
        package var kind: Kind
        /// Bytes to move; for `idle` it does not matter.
        package var byteCount: UInt64
        /// Bytes of one request; `nil` what the host's profile moves at once.
        package var requestByteCount: Int?
        /// Name of the random stream for places, kinds and bytes; slots draw from streams of their own.
        package var stream: String
        /// From the end of one request to the next.
        package var think = Duration.zero
        /// For `write` only.
        package var mix = Mix()

        package enum Kind: String, Sendable, CaseIterable {
            /// As a machine boots: the first blocks, a directory, then bursts at many places.
            case boot
            /// From the first block on, and over again.
            case sequential
            /// At random places.
            case random
            /// Reads, writes and flushes at random places, with a durability oracle.
            case write
            /// Nothing but TEST UNIT READY now and then.
            case idle
        }

        /// Weights of what a writing host does next.
        package struct Mix: Equatable, Sendable {
            package var read = 6
            package var write = 3
            /// A write with force unit access.
            package var durableWrite = 1
            package var flush = 1
            package init() {}
            package init(read: Int, write: Int, durableWrite: Int = 0, flush: Int = 0) {
                self.read = read
                self.write = write
                self.durableWrite = durableWrite
                self.flush = flush
            }
        }

        package init(
            _ kind: Kind, _ byteCount: UInt64, slot: SlotChoice = .all, requestByteCount: Int? = nil,
            stream: String = "workload", think: Duration = .zero, mix: Mix = Mix()
        ) {
            self.kind = kind
            self.byteCount = byteCount
            self.slot = slot
            self.requestByteCount = requestByteCount
            self.stream = stream
            self.think = think
            self.mix = mix
        }
    }

    /// The slots that something concerns.
    package enum SlotChoice: Hashable, Sendable, ExpressibleByStringLiteral {
        /// Each of them, at the same time.
        case all
        case named(String)

        /// "all" or a slot's name.
        package init(_ text: String) { self = text == "all" ? .all : .named(text) }
        package init(stringLiteral text: String) { self.init(text) }
        package var text: String {
            switch self {
            case .all: "all"
            case .named(let name): name
            }
        }
    }

    /// A stretch of a medium, either end counted from its start or from its end, so that a scenario may
    /// speak of the last block, and of blocks beyond it.
    package struct Span: Equatable, Sendable {
        package var start: Place
        package var end: Place

        package enum Place: Equatable, Sendable {
            case fromStart(UInt64)
            /// Negative before the end, positive beyond.
            case fromEnd(Int64)

            package func offset(in byteCount: UInt64) -> UInt64 {
                switch self {
                case .fromStart(let offset): offset
                case .fromEnd(let distance) where distance < 0: byteCount - min(byteCount, distance.magnitude)
                case .fromEnd(let distance): byteCount + distance.magnitude
                }
            }
        }

        package init(_ start: Place, _ end: Place) {
            self.start = start
            self.end = end
        }

        package init(_ range: Range<UInt64>) {
            self.init(.fromStart(range.lowerBound), .fromStart(range.upperBound))
        }

        /// Empty where the start is not before the end; not cut at the end of the medium.
        package func bytes(of byteCount: UInt64) -> Range<UInt64> {
            let first = start.offset(in: byteCount)
            return first..<max(first, end.offset(in: byteCount))
        }

        package static let whole = Span(.fromStart(0), .fromEnd(0))
    }
}
