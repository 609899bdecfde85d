import LinuxPlatform
package import VirtualMedia
package import WebFront

/// Local sockets of this system.
package struct SystemListeners: LocalListeners {
    package init() {}

    package func listen(at path: String) async throws(SystemError) -> any LocalListener {
        Listener(socket: try ListeningSocket(at: path))
    }

    private struct Listener: LocalListener {
        let socket: ListeningSocket
        func accept() async -> (any ByteChannel)? { await socket.accept() }
        func close() { socket.close() }
    }
}
