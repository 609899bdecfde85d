package import FaultPoints
import Glibc

/// What is done to one operation: the actions that met it, put in order. Waiting comes first, then the
/// deed with what changes it, then the answer.
package struct OperationPlan: Equatable, Sendable {
    package enum Deed: Equatable, Sendable {
        case carryOut
        /// Nothing is done.
        case fail(errno: CInt)
        /// It is done, and said to have failed.
        case failAfterwards(errno: CInt)
        /// Nothing is done, and it is said to have succeeded.
        case pretend
    }
    package enum Crash: Equatable, Sendable {
        /// - Parameter survivors: How many of the unsynced writes, oldest first, are on the disk all the same.
        case before(survivors: Int)
        case after(survivors: Int)
    }
    package enum Resizing: Equatable, Sendable {
        case truncate(byteCount: UInt64)
        case grow(byBytes: UInt64)
    }

    package var delay = Duration.zero
    package var holds: [FaultHold] = []
    /// Waits until the store is healed, beside any holds.
    package var hangs = false
    /// A signal to the client ends neither delay nor hold.
    package var survivesInterruption = false
    package var bytesPerSecond: Int?
    package var deed = Deed.carryOut
    /// Of what would be read or written, which never becomes nothing: that would be the end of the file.
    package var missingBytes = 0
    package var tornSectors: UInt64?
    package var corruptions: [FaultAction.Corruption] = []
    package var claimedBytes: Int64?
    package var claimedModification: Int64?
    package var claimedFreeBytes: Int64?
    package var resizing: Resizing?
    /// The file becomes another one of the same size; each number has its own content.
    package var generation: Int64?
    package var crash: Crash?
    /// What was done, for the log: "delay", "fail".
    package var words: [String] = []

    /// Whether anything keeps it from being carried out at once.
    package var waits: Bool { delay > .zero || !holds.isEmpty || hangs || bytesPerSecond != nil }

    package init() {}

    /// Traps on an action that ``StoreFaults/carriedOut`` does not list for the operation.
    package init(_ actions: [FaultAction], for operation: StoreOperation) {
        StoreFaults.carriedOut.check(actions, on: operation.rawValue, of: .store)
        for action in actions {
            words.append(action.word)
            add(action)
        }
        // By itself it has no end of its own.
        if survivesInterruption, delay == .zero, holds.isEmpty { hangs = true }
    }

    private mutating func add(_ action: FaultAction) {
        switch action {
        case .delay(let time): delay += time
        case .hold(let hold): holds.append(hold)
        case .fail(let number): deed = .fail(errno: number)
        case .failAfterwards(let number): deed = .failAfterwards(errno: number)
        case .pretend, .drop: deed = .pretend
        case .short(let byteCount): missingBytes = byteCount
        case .torn(let sectors): tornSectors = sectors
        case .corrupt(let corruption): corruptions.append(corruption)
        case .bandwidth(let bytesPerSecond): self.bytesPerSecond = bytesPerSecond
        case .lie("size", let value): claimedBytes = value
        case .lie("mtime", let value): claimedModification = value
        case .lie("free", let value): claimedFreeBytes = value
        case .special("truncate", let value): resizing = .truncate(byteCount: UInt64(max(0, value)))
        case .special("grow", let value): resizing = .grow(byBytes: UInt64(max(0, value)))
        case .special("replace", let value): generation = value
        case .special("crash-before", let value): crash = .before(survivors: Int(max(0, value)))
        case .special("crash-after", let value): crash = .after(survivors: Int(max(0, value)))
        case .special("uninterruptible", let milliseconds):
            survivesInterruption = true
            delay += .milliseconds(max(0, milliseconds))
        case .duplicate, .reorder, .close, .reset, .slice, .lie, .status, .sense, .special:
            preconditionFailure("the store does not carry out \(action)")
        }
    }
}
