import CLinux
import Glibc
import Netlink
import Synchronization
import Threads
import VirtualMedia

/// Through generic netlink: attachments outlive the process, have a name, and take new connections.
final class NetlinkAttachmentPath: AttachmentPath {
    private let files: NBDDeviceFiles
    private let isWatching = Mutex(false)
    /// Readable once the watcher is to end.
    private let stop: CInt

    init(files: NBDDeviceFiles) {
        self.files = files
        stop = eventfd(0, CInt(EFD_CLOEXEC))
        precondition(stop >= 0, "eventfd: \(String(cString: strerror(errno)))")
    }

    deinit {
        // The watcher owns the descriptor once it runs.
        if isWatching.withLock({ $0 }) { eventfd_write(stop, 1) } else { close(stop) }
    }

    func connect(_ attachment: NBDAttachment, number: UInt32, descriptors: [CInt]) throws(SystemError) {
        let operation = "attach \(attachment.device)"
        var control = try Control(operation)
        do throws(SystemError) {
            try control.request(
                NBDControl.connect(
                    NBDControl.Connection(
                        index: number, byteCount: attachment.byteCount,
                        blockBytes: UInt64(attachment.blockBytes),
                        timeoutSeconds: attachment.requestTimeout?.wholeSeconds,
                        deadConnectionTimeoutSeconds: attachment.deadConnectionTimeout.wholeSeconds,
                        serverFlags: UInt64(attachment.transmissionFlags), descriptors: descriptors,
                        backendIdentifier: attachment.backendIdentifier),
                    to: control.family), operation)
        } catch {
            guard error.errno == EBUSY else { throw error }
            throw SystemError(EBUSY, "\(operation), which \(user(of: attachment.device))")
        }
    }

    private func user(of device: String) -> String {
        guard files.isAttached(device) else { return "another program has open" }
        let owner = files.backendIdentifier(of: device).map { " by \($0)" } ?? ""
        return "is attached\(owner)"
    }

    func reconfigure(_ device: String, number: UInt32, descriptors: [CInt]) throws(SystemError) {
        let operation = "reconfigure \(device)"
        var control = try Control(operation)
        try control.request(
            NBDControl.reconfigure(
                number, descriptors: descriptors, backendIdentifier: backendIdentifier(of: device),
                to: control.family
            ), operation)
    }

    func disconnect(_ device: String, number: UInt32) throws(SystemError) {
        let operation = "detach \(device)"
        var control = try Control(operation)
        try control.request(NBDControl.disconnect(number, to: control.family), operation)
    }

    func backendIdentifier(of device: String) -> String? { files.backendIdentifier(of: device) }

    /// A socket, and the number that the family has on this kernel.
    private struct Control: ~Copyable {
        private var socket: NetlinkSocket
        let family: GenericNetlinkFamily

        /// - Throws: ENODEV with its remedy when the kernel has no such family.
        init(_ operation: String) throws(SystemError) {
            var socket = try NetlinkSocket()
            do throws(SystemError) { family = try socket.family(NBDControl.familyName) } catch {
                guard error.errno == ENOENT else { throw error }
                throw SystemError(
                    ENODEV, "\(operation): the kernel has no netlink family nbd; load nbd, or use ioctl")
            }
            self.socket = socket
        }

        mutating func request(_ body: GenericNetlinkBody, _ operation: String) throws(SystemError) {
            _ = try socket.request(body, to: family, operation)
        }
    }

    // MARK: Dead links

    func watch(_ died: @escaping @Sendable (UInt32) -> Void) {
        guard
            isWatching.withLock({ isWatching in
                defer { isWatching = true }
                return !isWatching
            })
        else { return }
        let stop = stop
        let isStarted = BlockingThread.start("nbd events") {
            Self.listen(until: stop, died)
            close(stop)
        }
        if !isStarted { isWatching.withLock { $0 = false } }
    }

    /// Without the group nothing is lost but a hint: each connection's own end is watched too.
    private static func listen(until stop: CInt, _ died: (UInt32) -> Void) {
        let operation = "listen to nbd"
        guard var socket = try? NetlinkSocket(), let family = try? socket.family(NBDControl.familyName),
            let group = family.groups[NBDControl.multicastGroup],
            (try? socket.join(group, operation)) != nil
        else { return }
        while true {
            var entries = [
                pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&entries, 2, -1) > 0 else { continue }
            if entries[1].revents != 0 { return }
            // An overrun, ENOBUFS, means that there was more than one hint.
            guard let datagram = try? socket.receive(operation) else { continue }
            var rest = datagram[...]
            while let message = try? NetlinkMessage.decode(from: &rest) {
                guard message.kind == family.kind,
                    let body = try? GenericNetlinkBody(decoding: message.payload[...]),
                    let number = try? NBDControl.deadLink(body)
                else { continue }
                died(number)
            }
        }
    }
}
