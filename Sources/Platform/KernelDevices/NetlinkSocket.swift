import CLinux
import Glibc
import Netlink
import VirtualMedia

/// A generic netlink socket. Its calls wait.
struct NetlinkSocket: ~Copyable {
    /// The kernel answers within the call that asks, so this is for a broken one.
    private static let answerTimeoutMilliseconds: CInt = 10_000

    let descriptor: CInt
    private var sequence: UInt32 = 0

    init() throws(SystemError) {
        descriptor = socket(
            AF_NETLINK, CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue), CInt(CLINUX_NETLINK_GENERIC))
        guard descriptor >= 0 else { throw SystemError(errno, "open a netlink socket") }
    }

    deinit { close(descriptor) }

    /// - Throws: ENOENT when the kernel has no family of that name: its module is not loaded.
    mutating func family(_ name: String) throws(SystemError) -> GenericNetlinkFamily {
        let operation = "find the kernel's netlink family \(name)"
        let answers = try request(GenericNetlinkFamily.lookUp(name), to: .control, operation)
        return try Self.understand(operation) { () throws(NetlinkViolation) in
            guard let answer = answers.first else { throw .missing("family") }
            return try GenericNetlinkFamily(answer)
        }
    }

    /// - Returns: what the kernel said before it acknowledged.
    mutating func request(
        _ body: GenericNetlinkBody, to family: GenericNetlinkFamily, _ operation: String
    ) throws(SystemError) -> [GenericNetlinkBody] {
        sequence += 1
        var exchange = NetlinkExchange(body, to: family, sequence: sequence)
        try send(exchange.outgoing, operation)
        while true {
            let datagram = try receive(operation)
            let progress = try Self.understand(operation) { () throws(NetlinkViolation) in
                try exchange.receive(datagram[...])
            }
            switch progress {
            case .waiting: continue
            case .failed(let errno): throw SystemError(errno, operation)
            case .done(let messages):
                return try Self.understand(operation) { () throws(NetlinkViolation) in
                    var bodies: [GenericNetlinkBody] = []
                    for message in messages {
                        bodies.append(try GenericNetlinkBody(decoding: message.payload[...]))
                    }
                    return bodies
                }
            }
        }
    }

    func join(_ group: UInt32, _ operation: String) throws(SystemError) {
        var group = group
        let status = setsockopt(
            descriptor, CInt(CLINUX_SOL_NETLINK), CInt(CLINUX_ADD_MEMBERSHIP), &group,
            socklen_t(MemoryLayout<UInt32>.size))
        guard status == 0 else { throw SystemError(errno, operation) }
    }

    /// One datagram of the kernel; what other processes send is dropped.
    func receive(_ operation: String) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: NetlinkMessage.maximumByteCount)
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, Self.answerTimeoutMilliseconds)
            if ready == 0 { throw SystemError(ETIMEDOUT, operation) }
            var sender = sockaddr_nl()
            var senderBytes = socklen_t(MemoryLayout<sockaddr_nl>.size)
            let count = withUnsafeMutablePointer(to: &sender) { sender in
                sender.withMemoryRebound(to: sockaddr.self, capacity: 1) { sender in
                    bytes.withUnsafeMutableBytes {
                        recvfrom(
                            descriptor, $0.baseAddress, $0.count, CInt(MSG_TRUNC), sender,
                            &senderBytes)
                    }
                }
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError(errno, operation)
            }
            guard sender.nl_pid == 0 else { continue }
            guard count <= bytes.count else { throw SystemError(EMSGSIZE, operation) }
            return Array(bytes.prefix(count))
        }
    }

    private func send(_ bytes: [UInt8], _ operation: String) throws(SystemError) {
        var kernel = sockaddr_nl()
        kernel.nl_family = sa_family_t(AF_NETLINK)
        let count = withUnsafePointer(to: &kernel) { kernel in
            kernel.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
            }
        }
        guard count == bytes.count else { throw SystemError(count < 0 ? errno : EIO, operation) }
    }

    private static func understand<Value>(
        _ operation: String, _ body: () throws(NetlinkViolation) -> Value
    ) throws(SystemError) -> Value {
        do throws(NetlinkViolation) { return try body() } catch {
            throw SystemError(EPROTO, "\(operation): \(error)")
        }
    }
}
