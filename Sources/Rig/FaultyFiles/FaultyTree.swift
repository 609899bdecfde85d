package import FaultPoints
import Glibc
import Synchronization
import Threads

/// A directory of images as a store that faults can be injected into. Knows nothing of who asks: a file
/// system or a server in front of it first asks ``plan(_:on:bytes:)`` what goes wrong, waits as that says
/// (``Waiting``), and then has the operation carried out.
///
/// Paths are inside the store, without a leading slash; the store itself is "". A symbolic link is shown
/// as what it points to, so that faults reach that too.
package final class FaultyTree: Sendable {
    /// More bytes than this that were written and not synced, in one file, and the oldest count as written
    /// back, as a kernel does it too.
    package static let maximumUnsyncedBytes = 256 << 20

    package let isReadOnly: Bool
    package let recorder: OperationRecorder
    package let waitingRoom: WaitingRoom
    let root: CInt
    private let injector: any FaultInjector
    private let start: Duration
    private let state = Mutex(State())

    struct FileKey: Hashable {
        let device: UInt
        let inode: UInt
    }

    private struct State {
        var files: [FileKey: FileState] = [:]
        var isCrashed = false
        /// Crashes so far.
        var epoch = 0
    }

    /// - Parameter startedAt: on the system's monotonic clock, from when faults count time; now if `nil`.
    /// - Throws: when the directory cannot be opened.
    package init(
        directory: String, isReadOnly: Bool, injector: any FaultInjector,
        recorder: OperationRecorder = OperationRecorder(), startedAt: Duration? = nil
    ) throws(Errno) {
        start = startedAt ?? Monotonic.now
        root = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw Errno(errno) }
        self.isReadOnly = isReadOnly
        self.injector = injector
        self.recorder = recorder
        waitingRoom = WaitingRoom()
    }

    deinit {
        waitingRoom.stop()
        close(root)
    }

    /// Since the store was opened, or the run of which it is a part was started.
    package var now: Duration { Monotonic.now - start }

    /// What goes wrong with an operation.
    ///
    /// - Returns: `nil` when nothing does.
    package func plan(_ operation: StoreOperation, on path: String, bytes: Range<UInt64>? = nil)
        -> OperationPlan?
    {
        let actions = injector.meet(
            FaultOccasion(
                .store, operation.rawValue, on: path, direction: Self.direction(operation), bytes: bytes,
                at: now))
        return actions.isEmpty ? nil : OperationPlan(actions, for: operation)
    }

    private static func direction(_ operation: StoreOperation) -> FaultOccasion.Direction? {
        switch operation {
        case .read: .down
        case .write: .up
        default: nil
        }
    }

    /// What the plan's bandwidth costs so many bytes of the file, from now on.
    package func pace(_ plan: OperationPlan, _ file: OpenFile?, byteCount: Int) -> Duration {
        guard let bytesPerSecond = plan.bytesPerSecond, let file else { return .zero }
        return file.state.reserve(byteCount: byteCount, bytesPerSecond: bytesPerSecond, now: now)
    }

    // MARK: Crash

    package var isCrashed: Bool { state.withLock { $0.isCrashed } }

    /// The store goes down: what was not synced is lost, whoever waits is told that nobody is there, and so
    /// is everybody else until ``restart()``.
    ///
    /// - Parameter survivors: How many unsynced writes of each file, oldest first, are on its disk.
    package func crash(survivors: Int = 0) {
        let files = state.withLock { state -> [FileState] in
            guard !state.isCrashed else { return [] }
            state.isCrashed = true
            state.epoch += 1
            return state.files.values.map { $0 }
        }
        for file in files { loseUnsynced(file, survivors: survivors) }
        waitingRoom.endAll(with: Errno(ENOTCONN))
    }

    /// Files that were open at the crash stay stale; new ones can be opened.
    package func restart() { state.withLock { $0.isCrashed = false } }

    /// Lets all go on that hang, and gives every file its true size again.
    package func heal() {
        let files = state.withLock { $0.files.values.map { $0 } }
        for file in files {
            file.content.withLock { content in
                content.shownBytes = nil
                content.generation = 0
                content.changedAt = nil
                content.nextByteAt = .zero
            }
        }
        endHangs()
    }

    /// Lets those go on that hang without a hold of their own.
    package func endHangs() { waitingRoom.endHangs() }

    private func loseUnsynced(_ file: FileState, survivors: Int) {
        let lost = file.content.withLock { content in
            defer {
                content.unsynced = []
                content.unsyncedBytes = 0
            }
            return content.unsynced.dropFirst(survivors)
        }
        guard !lost.isEmpty else { return }
        let descriptor = openat(root, Self.place(file.path), O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        for replaced in lost.reversed() {
            _ = replaced.bytes.withUnsafeBytes { bytes in
                pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(replaced.offset))
            }
            ftruncate(descriptor, off_t(replaced.fileBytes))
        }
    }

    // MARK: For the operations

    /// Carries out what comes before the operation itself.
    ///
    /// - Throws: what the operation fails with, without being carried out.
    func prepare(_ plan: OperationPlan?, on path: String) throws(Errno) {
        if isCrashed { throw Errno(ENOTCONN) }
        guard let plan else { return }
        if case .before(let survivors)? = plan.crash {
            crash(survivors: survivors)
            throw Errno(ENOTCONN)
        }
        if plan.resizing != nil || plan.generation != nil { change(path, as: plan) }
        if case .fail(let number) = plan.deed { throw Errno(number) }
    }

    /// Carries out what comes after it.
    func finish(_ plan: OperationPlan?) throws(Errno) {
        guard let plan else { return }
        if case .after(let survivors)? = plan.crash {
            crash(survivors: survivors)
            throw Errno(ENOTCONN)
        }
        if case .failAfterwards(let number) = plan.deed { throw Errno(number) }
    }

    func checkFresh(_ file: OpenFile) throws(Errno) {
        let (isCrashed, epoch) = state.withLock { ($0.isCrashed, $0.epoch) }
        if isCrashed { throw Errno(ENOTCONN) }
        if file.epoch != epoch { throw Errno(ESTALE) }
    }

    var epoch: Int { state.withLock { $0.epoch } }

    /// What is remembered of the file, if anything.
    func knownState(_ status: stat) -> FileState? {
        state.withLock { $0.files[FileKey(device: status.st_dev, inode: status.st_ino)] }
    }

    func fileState(_ status: stat, path: String) -> FileState {
        state.withLock { state in
            let key = FileKey(device: status.st_dev, inode: status.st_ino)
            if let known = state.files[key] { return known }
            let new = FileState(path: path)
            state.files[key] = new
            return new
        }
    }

    func forget(_ status: stat) {
        state.withLock { state in
            _ = state.files.removeValue(forKey: FileKey(device: status.st_dev, inode: status.st_ino))
        }
    }

    /// "" stands for the store itself.
    static func place(_ path: String) -> String { path.isEmpty ? "." : path }
}
