import DBusProtocol
import DescriptorPassing
import Glibc

/// A socket to a bus on which authentication is over.
struct AuthenticatedStream: Sendable {
    /// How long the server may take for each of its answers, in milliseconds.
    static let answerTimeout: CInt = 10_000
    /// An answer is a few short lines.
    private static let answerBytes = 4_096

    let descriptor: CInt
    let canPassDescriptors: Bool
    /// What came after the server's last line.
    let rest: [UInt8]

    /// Waits for the server, so it needs a thread of its own.
    init(connectingTo address: SocketAddress) throws(BusError) {
        do throws(SocketError) {
            descriptor = try DescriptorSocket.connect(to: address)
        } catch {
            throw BusError(ErrorName.noServer, "\(error)")
        }
        do throws(BusError) {
            (canPassDescriptors, rest) = try Self.authenticate(on: descriptor)
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func authenticate(on descriptor: CInt) throws(BusError) -> (Bool, [UInt8]) {
        var authentication = ClientAuthentication(
            userID: geteuid(), mechanisms: [.external, .anonymous], wantsDescriptors: true)
        try send(authentication.start(), on: descriptor)
        while true {
            let answer = try receive(from: descriptor)
            let progress: ClientAuthentication.Progress
            do throws(WireViolation) {
                progress = try authentication.receive(answer)
            } catch {
                throw BusError(ErrorName.authFailed, error.description)
            }
            try send(progress.reply, on: descriptor)
            if progress.isFinished { return (progress.canPassDescriptors, progress.rest) }
        }
    }

    private static func send(_ bytes: [UInt8], on descriptor: CInt) throws(BusError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch DescriptorSocket.send([rest], on: descriptor) {
            case .moved(let count): rest.removeFirst(count)
            case .wouldBlock: try wait(for: POLLOUT, on: descriptor)
            case .ended: throw BusError(ErrorName.authFailed, "The bus hung up while authenticating")
            }
        }
    }

    private static func receive(from descriptor: CInt) throws(BusError) -> [UInt8] {
        while true {
            var bytes = [UInt8](repeating: 0, count: answerBytes)
            var descriptors: [CInt] = []
            let outcome = bytes.withUnsafeMutableBytes {
                DescriptorSocket.receive(into: $0, descriptors: &descriptors, from: descriptor)
            }
            for unexpected in descriptors { close(unexpected) }
            switch outcome {
            case .moved(let count): return Array(bytes.prefix(count))
            case .wouldBlock: try wait(for: POLLIN, on: descriptor)
            case .ended: throw BusError(ErrorName.authFailed, "The bus hung up while authenticating")
            }
        }
    }

    private static func wait(for events: CInt, on descriptor: CInt) throws(BusError) {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        guard poll(&entry, 1, answerTimeout) != 0 else {
            throw BusError(ErrorName.timeout, "The bus did not answer while authenticating")
        }
    }
}
