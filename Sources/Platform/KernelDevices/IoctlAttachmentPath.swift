import CLinux
import Glibc
import Synchronization
import Threads
import VirtualMedia

/// Through the device file, for kernels without the netlink family: a thread stays in the driver for as
/// long as the device is attached, and an attachment that has lost its connection is over.
final class IoctlAttachmentPath: AttachmentPath {
    /// How long the driver may take to start or to end.
    private static let limit = Duration.seconds(10)
    private static let look = Duration.milliseconds(10)

    /// One attachment, from the start of its thread to the end.
    private struct Stay {
        var backendIdentifier: String
        var failure: SystemError?
        var hasEnded = false
    }

    private let files: NBDDeviceFiles
    private let stays = Monitor<[String: Stay]>([:])

    init(files: NBDDeviceFiles) { self.files = files }

    func connect(_ attachment: NBDAttachment, number: UInt32, descriptors: [CInt]) throws(SystemError) {
        let device = attachment.device
        let operation = "attach \(device)"
        guard !files.isAttached(device) else { throw SystemError(EBUSY, operation) }
        var kept: [CInt] = []
        for descriptor in descriptors {
            // The caller may close its own before the thread has handed it over.
            let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else {
                for descriptor in kept { close(descriptor) }
                throw SystemError(EMFILE, operation)
            }
            kept.append(copy)
        }
        stays.change { $0[device] = Stay(backendIdentifier: attachment.backendIdentifier) }
        let (stays, files, sockets) = (stays, files, kept)
        let isStarted = BlockingThread.start(device) {
            let failure = Self.stay(attachment, files, sockets)
            stays.change {
                $0[device]?.failure = failure
                $0[device]?.hasEnded = true
            }
        }
        guard isStarted else {
            for descriptor in kept { close(descriptor) }
            stays.change { $0[device] = nil }
            throw SystemError(EAGAIN, operation)
        }
        // The driver says nothing when it has begun; its `pid` file is there then.
        let deadline = Monotonic.now + Self.limit
        while !files.isAttached(device) {
            let ended = stays.wait(atMost: Self.look) { stays in
                stays[device].flatMap { $0.hasEnded ? $0 : nil }
            }
            if let ended { throw ended.failure ?? SystemError(ENOTCONN, "\(operation): the server hung up") }
            guard Monotonic.now < deadline else { throw SystemError(ETIMEDOUT, operation) }
        }
    }

    /// Returns once the attachment is over.
    private static func stay(_ attachment: NBDAttachment, _ files: NBDDeviceFiles, _ sockets: [CInt])
        -> SystemError?
    {
        defer { for socket in sockets { close(socket) } }
        let operation = "attach \(attachment.device)"
        let descriptor = open("\(files.devices)/\(attachment.device)", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return SystemError(errno, operation) }
        defer { close(descriptor) }
        let block = UInt64(attachment.blockBytes)
        var calls: [(UInt, UInt)] = [
            (UInt(CLINUX_NBD_SET_BLKSIZE), UInt(block)),
            (UInt(CLINUX_NBD_SET_SIZE_BLOCKS), UInt(attachment.byteCount / max(1, block))),
            (UInt(CLINUX_NBD_SET_FLAGS), UInt(attachment.transmissionFlags)),
            (UInt(CLINUX_NBD_SET_TIMEOUT), UInt(attachment.requestTimeout?.wholeSeconds ?? 0)),
        ]
        calls += sockets.map { (UInt(CLINUX_NBD_SET_SOCK), UInt($0)) }
        for (request, argument) in calls where clinux_ioctl(descriptor, request, argument) != 0 {
            let failure = SystemError(errno, operation)
            clinux_ioctl(descriptor, UInt(CLINUX_NBD_CLEAR_SOCK), 0)
            return failure
        }
        let status = clinux_ioctl(descriptor, UInt(CLINUX_NBD_DO_IT), 0)
        let failure = status == 0 ? nil : SystemError(errno, operation)
        clinux_ioctl(descriptor, UInt(CLINUX_NBD_CLEAR_SOCK), 0)
        return failure
    }

    /// - Throws: EOPNOTSUPP always: this path cannot.
    func reconfigure(_ device: String, number: UInt32, descriptors: [CInt]) throws(SystemError) {
        throw SystemError(EOPNOTSUPP, "reconfigure \(device): only netlink can")
    }

    func disconnect(_ device: String, number: UInt32) throws(SystemError) {
        let operation = "detach \(device)"
        let descriptor = open("\(files.devices)/\(device)", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(errno, operation) }
        // EINVAL: nothing is attached.
        let status = clinux_ioctl(descriptor, UInt(CLINUX_NBD_DISCONNECT), 0)
        let code = status == 0 ? 0 : errno
        clinux_ioctl(descriptor, UInt(CLINUX_NBD_CLEAR_SOCK), 0)
        close(descriptor)
        guard code == 0 || code == EINVAL else { throw SystemError(code, operation) }
        let hasEnded = stays.wait(atMost: Self.limit) { stays in
            stays[device].map(\.hasEnded) ?? true ? true : nil
        }
        guard hasEnded == true else { throw SystemError(ETIMEDOUT, operation) }
        stays.change { $0[device] = nil }
    }

    func backendIdentifier(of device: String) -> String? {
        stays.withLock { $0[device]?.backendIdentifier }
    }

    /// The end of the device tells by itself.
    func watch(_ died: @escaping @Sendable (UInt32) -> Void) {}
}
