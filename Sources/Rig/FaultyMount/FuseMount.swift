import CFuse
import CLinux
package import FaultyFiles
import Glibc
import Threads

/// The tree as a file system of this kernel, from ``init(_:at:usesPageCache:)`` until ``stop()`` or until
/// somebody unmounts it.
///
/// Threads read requests from the kernel; what a fault makes wait goes to the tree's waiting room, so that
/// no thread is ever held by it.
package final class FuseMount: @unchecked Sendable {
    /// Threads that take requests from the kernel.
    package static let threadCount = 4
    /// Within this, whatever waits has been answered at ``stop()``.
    package static let stopTimeout = Duration.seconds(5)

    package let path: String
    private let front: FuseFront
    private let session: OpaquePointer
    private let wakeUp: CInt
    private let state = Monitor(State())

    private struct State {
        var threadCount = 0
        var isStopping = false
        var isUnmounted = false
    }

    /// Mounted when it returns. A dead mount of an earlier store is detached first.
    ///
    /// - Parameters:
    ///   - path: An existing folder; what it holds is hidden meanwhile.
    ///   - usesPageCache: Lets the kernel answer reads from its own cache: faster, and allows shared
    ///     mappings, but many reads never come here, and others come in other sizes.
    package init(_ tree: FaultyTree, at path: String, usesPageCache: Bool = false) throws(MountFailure) {
        self.path = try Self.absolute(path)
        try StaleMount.clear(self.path)
        front = FuseFront(tree, usesPageCache: usesPageCache)
        session = try Self.mount(front, at: self.path, isReadOnly: tree.isReadOnly)
        wakeUp = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeUp >= 0 else {
            let number = errno
            fuse_session_unmount(session)
            fuse_session_destroy(session)
            throw MountFailure("make an event", errno: number)
        }
        let descriptor = fuse_session_fd(session)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        for number in 0..<Self.threadCount {
            state.withLock { $0.threadCount += 1 }
            if !BlockingThread.start("store fuse \(number)", { [self] in serve() }) { leave() }
        }
    }

    deinit { close(wakeUp) }

    /// Unmounts: whoever waits is told ENOTCONN, files that are open fail from now on. Harmless when
    /// repeated.
    package func stop() {
        front.tree.waitingRoom.stop()
        _ = front.tree.waitingRoom.waitUntilEmpty(atMost: Self.stopTimeout)
        state.change { $0.isStopping = true }
        eventfd_write(wakeUp, 1)
        _ = state.wait { $0.threadCount == 0 ? true : nil }
        let isMine = state.withLock { state in
            defer { state.isUnmounted = true }
            return !state.isUnmounted
        }
        guard isMine else { return }
        // Closes the device, which ends every request and every open file, and then unmounts.
        fuse_session_unmount(session)
        fuse_session_destroy(session)
    }

    /// Returns when nobody serves the mount any more: stopped, or unmounted by somebody else.
    package func waitUntilEnded() { _ = state.wait { $0.threadCount == 0 ? true : nil } }

    /// Whether it is served.
    package var isServing: Bool { state.withLock { $0.threadCount > 0 && !$0.isStopping } }

    // MARK: Mounting

    private static func absolute(_ path: String) throws(MountFailure) -> String {
        // A dead mount point has no attributes, but its parent has a path.
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        let number = errno
        guard number == ENOTCONN || number == ECONNABORTED else { throw MountFailure(path, errno: number) }
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        let slash = trimmed.lastIndex(of: "/")
        let parent = slash.map { String(trimmed[..<$0]) } ?? "."
        guard let resolved = realpath(parent.isEmpty ? "/" : parent, nil) else {
            throw MountFailure(path, errno: errno)
        }
        defer { free(resolved) }
        let folder = String(cString: resolved)
        let name = slash.map { trimmed[trimmed.index(after: $0)...] } ?? trimmed[...]
        return folder == "/" ? "/\(name)" : "\(folder)/\(name)"
    }

    private static func mount(_ front: FuseFront, at path: String, isReadOnly: Bool)
        throws(MountFailure) -> OpaquePointer
    {
        var options = ["fsname=mediarig-store", "subtype=mediarig", "default_permissions"]
        if geteuid() == 0 { options.append("allow_other") }
        if isReadOnly { options.append("ro") }
        let texts = ["mediarig", "-o", options.joined(separator: ",")]
        var words: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var table = FuseOperations.table()
        let session = words.withUnsafeMutableBufferPointer { words in
            var arguments = fuse_args(argc: CInt(words.count - 1), argv: words.baseAddress, allocated: 0)
            defer { fuse_opt_free_args(&arguments) }
            return fuse_session_new(
                &arguments, &table, MemoryLayout<fuse_lowlevel_ops>.size,
                Unmanaged.passUnretained(front).toOpaque())
        }
        guard let session else { throw MountFailure("\(path): libfuse refused its options") }
        guard fuse_session_mount(session, path) == 0 else {
            fuse_session_destroy(session)
            throw MountFailure(
                "\(path): cannot mount: is /dev/fuse there, and may this user mount (root, or the package fuse3)?"
            )
        }
        return session
    }

    // MARK: Serving

    /// The kernel wakes one waiting thread for each request; the event wakes all.
    private func serve() {
        defer { leave() }
        let poll = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard poll >= 0 else { return }
        defer { close(poll) }
        let exclusive: UInt32 = 1 << 28  // EPOLLEXCLUSIVE
        watch(poll, fuse_session_fd(session), EPOLLIN.rawValue | exclusive)
        watch(poll, wakeUp, EPOLLIN.rawValue)
        var buffer = fuse_buf()
        defer { free(buffer.mem) }
        while !state.withLock({ $0.isStopping }) {
            let result = fuse_session_receive_buf(session, &buffer)
            if result > 0 {
                fuse_session_process_buf(session, &buffer)
            } else if result == -EAGAIN {
                var event = epoll_event()
                epoll_wait(poll, &event, 1, -1)
            } else if result != -EINTR {
                break
            }
        }
    }

    private func watch(_ poll: CInt, _ descriptor: CInt, _ events: UInt32) {
        var event = epoll_event()
        event.events = events
        epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event)
    }

    private func leave() { state.change { $0.threadCount -= 1 } }
}
