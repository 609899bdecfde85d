import Glibc
import Synchronization

/// A descriptor in use by many threads, closed once and only when nobody is inside a call with it:
/// a number that was closed under a running call might by then mean another file.
final class SharedDescriptor: Sendable {
    let number: CInt
    private static let closedBit: UInt64 = 1 << 63
    private let uses = Atomic<UInt64>(0)

    init(_ number: CInt) { self.number = number }

    deinit { close() }

    /// - Throws: ``StorageError/Code/shuttingDown`` once closed.
    func use<Result>(_ body: (CInt) throws(StorageError) -> Result) throws(StorageError) -> Result {
        let before = uses.add(1, ordering: .acquiring).oldValue
        defer { leave() }
        guard before & Self.closedBit == 0 else {
            throw StorageError(.shuttingDown, "the store is closed")
        }
        return try body(number)
    }

    func close() {
        let before = uses.bitwiseOr(Self.closedBit, ordering: .acquiringAndReleasing).oldValue
        if before == 0 { closeOnce() }
    }

    private func leave() {
        let after = uses.subtract(1, ordering: .acquiringAndReleasing).newValue
        if after == Self.closedBit { closeOnce() }
    }

    /// A call that came after `close()` leaves too, so the last of them may not be the only one.
    private func closeOnce() {
        let isFirst = uses.compareExchange(
            expected: Self.closedBit, desired: Self.closedBit | Self.closedBit >> 1,
            ordering: .acquiringAndReleasing
        ).exchanged
        if isFirst { Glibc.close(number) }
    }
}
