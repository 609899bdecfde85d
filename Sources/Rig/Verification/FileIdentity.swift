import Glibc

/// What tells that a file is still the one that it was: size and time of its last change.
struct FileIdentity: Equatable, Sendable {
    private let byteCount: Int
    private let seconds: Int
    private let nanoseconds: Int

    /// - Returns: `nil` when there is no such file.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        byteCount = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

/// The local files that a run depends on, as they were at its start.
struct WatchedFiles: Sendable {
    private let files: [(path: String, identity: FileIdentity?)]

    init(_ plan: VerificationPlan) {
        var paths: [String] = plan.isRemote ? [] : [plan.image]
        if case .file(let path) = plan.expectation { paths.append(path) }
        files = paths.map { ($0, FileIdentity(path: $0)) }
    }

    /// - Returns: which of them are no longer what they were.
    var changed: [String] {
        files.filter { FileIdentity(path: $0.path) != $0.identity }.map(\.path)
    }
}
