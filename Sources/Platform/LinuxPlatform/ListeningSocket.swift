import DescriptorPassing
import Glibc
import Synchronization
package import VirtualMedia

/// A local socket that listens.
package final class ListeningSocket: Sendable {
    private let path: String
    private let descriptor: CInt
    private let isOpen = Mutex(true)

    /// Only this user may connect. A socket that nobody listens on any more is replaced.
    ///
    /// - Throws: EADDRINUSE when somebody does; ENOENT, EACCES, ENAMETOOLONG and the like.
    package init(at path: String) throws(SystemError) {
        let operation = "listen at \(path)"
        if let other = try? DescriptorSocket.connect(to: .path(path)) {
            Glibc.close(other)
            throw SystemError(EADDRINUSE, operation)
        }
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unlink(path) }
        do throws(SocketError) { descriptor = try DescriptorSocket.listen(at: .path(path)) } catch {
            throw SystemError(error.errno, operation)
        }
        self.path = path
        _ = chmod(path, 0o600)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { Glibc.close(descriptor) }

    /// - Returns: the next connection; `nil` once closed.
    package func accept() async -> SocketChannel? {
        while isOpen.withLock({ $0 }) {
            if let number = try? DescriptorSocket.accept(descriptor) { return SocketChannel(owning: number) }
            do { try await DescriptorWaiter.readable.wait(for: descriptor) } catch { return nil }
        }
        return nil
    }

    /// Stops listening, and removes the path. Harmless when repeated.
    package func close() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        guard wasOpen else { return }
        unlink(path)
        // Wakes whoever waits; the number is given back when nobody can use it any more.
        shutdown(descriptor, CInt(SHUT_RDWR))
    }
}
