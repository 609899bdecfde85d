import DBusProtocol
import Glibc
import VirtualMedia

/// A pipe that already holds `user NUL password NUL`, for passing over D-Bus.
enum SecretPipe {
    static func filled(with credentials: Credentials) throws(BusError) -> PassedDescriptor {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw BusError(ErrorName.failed, "no pipe for the credentials (errno \(errno))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }
        let user = Array(credentials.userName.utf8) + [0]
        // Short enough for a pipe's buffer, so no write waits for a reader.
        _ = write(ends[1], user, user.count)
        credentials.withPassword { password in
            var bytes = Array(password) + [0]
            _ = write(ends[1], bytes, bytes.count)
            for index in bytes.indices { bytes[index] = 0 }
        }
        return PassedDescriptor(ends[0]) { close($0) }
    }
}
