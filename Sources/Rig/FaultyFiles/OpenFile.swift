import Glibc
import Synchronization

/// A file of the store that somebody has open.
package final class OpenFile: Sendable {
    /// Inside the store: "disk.img".
    package let path: String
    let descriptor: CInt
    let state: FileState
    /// How often the store had crashed when it was opened.
    let epoch: Int
    /// Each write is on the disk when it is acknowledged.
    let isSynchronous: Bool
    private let claims = Mutex<(byteCount: Int64?, modification: Int64?)>((nil, nil))

    init(path: String, descriptor: CInt, state: FileState, epoch: Int, isSynchronous: Bool) {
        self.path = path
        self.descriptor = descriptor
        self.state = state
        self.epoch = epoch
        self.isSynchronous = isSynchronous
    }

    deinit { close(descriptor) }

    /// What whoever has it open is told of it from now on instead of the truth.
    func claim(_ plan: OperationPlan) {
        claims.withLock { claims in
            claims.byteCount = plan.claimedBytes ?? claims.byteCount
            claims.modification = plan.claimedModification ?? claims.modification
        }
    }

    var claimedBytes: Int64? { claims.withLock { $0.byteCount } }
    var claimedModification: Int64? { claims.withLock { $0.modification } }
}
