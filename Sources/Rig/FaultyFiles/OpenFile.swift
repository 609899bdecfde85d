import Glibc

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

    init(path: String, descriptor: CInt, state: FileState, epoch: Int, isSynchronous: Bool) {
        self.path = path
        self.descriptor = descriptor
        self.state = state
        self.epoch = epoch
        self.isSynchronous = isSynchronous
    }

    deinit { close(descriptor) }
}
