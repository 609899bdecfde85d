/// How far a verification is; sent at most a few times a second.
package struct Progress: Sendable {
    /// "reading", "random reads", "writing"
    package let phase: String
    package let doneBytes: UInt64
    package let totalBytes: UInt64

    package init(phase: String, doneBytes: UInt64, totalBytes: UInt64) {
        self.phase = phase
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
    }
}
