/// What can be asked of the files of a store; the raw value is the operation's name in a fault.
package enum StoreOperation: String, Codable, CaseIterable, Sendable {
    case lookup, getattr, setattr, truncate, readdir, open, create, read, write, flush, fsync, release,
        statfs,
        unlink, mkdir, rmdir, rename

    /// Those that change what the store holds.
    package static let changing: Set<StoreOperation> = [
        .setattr, .truncate, .create, .write, .unlink, .mkdir, .rmdir, .rename,
    ]
}

/// Why an operation failed, in the system's numbers.
package struct Errno: Error, Equatable, Sendable {
    package let number: CInt
    package init(_ number: CInt) { self.number = number }
}
