import CLinux
package import DBusProtocol
import Glibc
import LinuxPlatform
import RedfishServer
package import VirtualMedia

/// getrandom(2).
package struct SystemEntropy: Entropy {
    package init() {}

    package func bytes(_ count: Int) -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
}

/// CLOCK_REALTIME.
package struct SystemWallClock: WallClock {
    package init() {}
    package var secondsSince1970: Int64 { Int64(time(nil)) }
}

/// Connects to a bus at an address, or to the system bus.
package struct SocketBusConnector: BusConnector {
    private let address: String?

    /// - Parameter address: "unix:path=/run/dbus/system_bus_socket"; `nil` for the system bus.
    package init(address: String? = nil) { self.address = address }

    package func connect() async throws(BusError) -> any BusConnection {
        if let address { return try await SocketBusConnection.connect(to: address) }
        return try await SocketBusConnection.system()
    }
}

/// Anonymous pipes, whose ends no child process inherits.
package struct SystemPipes: SecretPipes {
    package init() {}

    package func pipe(holding bytes: [UInt8]) throws(SystemError) -> PassedDescriptor {
        var ends: [CInt] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { throw SystemError(errno, "pipe") }
        defer { close(ends[1]) }
        // A new pipe takes 4096 bytes at least without a reader.
        let written = bytes.withUnsafeBytes { write(ends[1], $0.baseAddress, $0.count) }
        guard written == bytes.count else {
            let code = written < 0 ? errno : EMSGSIZE
            close(ends[0])
            throw SystemError(code, "write to the pipe for the credentials")
        }
        return PassedDescriptor(ends[0]) { close($0) }
    }
}
