internal import VirtualMedia

extension SlotUnderTest {
    /// A medium that was asked for.
    struct Medium {
        /// Of the mount, from 1; several may be asked for at the same time.
        var number: UInt64
        /// Mounts of one number bring the same blocks.
        var content: UInt64
        var url: String
        var image: String
        var isReadWrite: Bool
        var kind: MediumKind
        var oracle: MediumOracle
        /// Unmounts that had been called for when the mount was accepted.
        var unmountCallsBefore = 0
        /// Its Completion was 0.
        var isInserted = false
        /// An unmount was accepted, or the service gave it up.
        var isLeaving = false
        /// The service that inserted it has died: it goes without a word once the next one is there.
        var isOrphaned = false
        /// A command of the host did not pass, so that what was not flushed may never be.
        var hadTrouble = false

        /// Carried out once more, by the same or the next service.
        mutating func comesAgain() {
            (isInserted, isLeaving, isOrphaned, hadTrouble) = (false, false, false, false)
        }
    }

    /// A write that a host has begun.
    struct HostWrite: Sendable {
        /// ``Medium/content`` of the medium that it was meant for.
        var content: UInt64
        /// Of the write, as the medium's oracle counts.
        var number: UInt32
        var range: Range<UInt64>
        /// The medium takes none.
        var isProtected: Bool
    }

    struct Counters: Sendable {
        var provenByteCount: UInt64 = 0
        var failedReads = 0
        var failedWrites = 0
        var timedOutCommands = 0
        var resets = 0
        var slowestCommand = Duration.zero
    }
}
