import Glibc
import LinuxPlatform
import SimulatedNetwork
import VirtualMedia
import WireFormat

/// Carries bytes between a socket and a connection in memory, each way until it ends. What faults do to the
/// connection in memory is seen on the socket; a reset arrives there as an end.
enum SocketBridge {
    private static let bufferBytes = 64 << 10

    /// - Parameter spawner: of the process whose socket it is.
    static func join(
        _ socket: SocketChannel, _ memory: MemoryChannel, _ name: String, by spawner: any Spawner
    ) {
        spawner.spawn("\(name) in", .shared) {
            await carry(from: socket, to: memory)
            memory.closeWriting()
        }
        spawner.spawn("\(name) out", .shared) {
            await carry(from: memory, to: socket)
            socket.finishWriting()
        }
    }

    private static func carry(from source: any ByteChannel, to target: any ByteChannel) async {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferBytes, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            do throws(SystemError) {
                let count = try await source.read(into: buffer)
                guard count > 0 else { return }
                try await target.write(Array(buffer[..<count])[...])
            } catch { return }
        }
    }
}
