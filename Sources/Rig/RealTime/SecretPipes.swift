import DBusProtocol
import Foundation
import Glibc
import Synchronization
import VirtualMedia
internal import Worlds

/// Pipes with user name and password in them, and whether anybody still has one open.
final class SecretPipes: Sendable {
    /// By the number that /proc shows of a pipe; none is used twice while the system runs.
    private let made = Mutex<Set<UInt64>>([])

    /// A pipe whose writer has written everything and closed it.
    func pipe(user: String, password: String) throws(WorldFailure) -> PassedDescriptor {
        var ends: [CInt] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw WorldFailure("no pipe: errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }
        var status = stat()
        if fstat(ends[0], &status) == 0 { made.withLock { _ = $0.insert(UInt64(status.st_ino)) } }
        let bytes = Array(user.utf8) + [0] + Array(password.utf8) + [0]
        // Short enough for a pipe's buffer, so that no write waits for a reader.
        guard write(ends[1], bytes, bytes.count) == bytes.count else {
            close(ends[0])
            throw WorldFailure("a user name and password of \(bytes.count) bytes do not fit into a pipe")
        }
        return PassedDescriptor(ends[0]) { close($0) }
    }

    /// Descriptors of this process that lead to one of them.
    var openCount: Int { openCount(inFolder: "/proc/self/fd") }

    /// The same of another process.
    func openCount(ofProcess process: Int32) -> Int { openCount(inFolder: "/proc/\(process)/fd") }

    private func openCount(inFolder folder: String) -> Int {
        let made = made.withLock { $0 }
        guard !made.isEmpty else { return 0 }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.count { name in
            var status = stat()
            return stat("\(folder)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
                && made.contains(UInt64(status.st_ino))
        }
    }
}
