package import FaultPoints

/// The faults of layer `store`, and on which operations each is carried out.
package enum StoreFaults {
    package static let carriedOut =
        table(
            StoreOperation.allCases,
            [
                "delay", "hold", "uninterruptible", "fail", "fail-afterwards", "crash-before", "crash-after",
                "truncate", "grow", "replace",
            ])
        + table([.read, .write], ["bandwidth", "short", "torn", "corrupt"])
        // What succeeds without being done, and is believed.
        + table(
            [.write, .flush, .fsync, .release, .setattr, .truncate, .unlink, .rmdir, .rename], ["pretend"])
        + table([.write], ["drop"])
        + table([.getattr, .lookup, .open, .read], ["lie-size", "lie-mtime"])
        + table([.statfs], ["lie-free"])

    private static func table(_ operations: [StoreOperation], _ actions: [String]) -> FaultTable {
        FaultTable(.store, operations.map(\.rawValue), actions)
    }
}
