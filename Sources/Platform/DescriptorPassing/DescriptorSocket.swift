import CLinux
import Glibc

/// Unix stream sockets that carry descriptors beside the bytes (unix(7), SCM_RIGHTS). Nothing here
/// blocks: what would is reported as ``Outcome/wouldBlock``.
package enum DescriptorSocket {
    package enum Outcome: Equatable, Sendable {
        case moved(Int)
        case wouldBlock
        /// The other end has closed, or the socket is broken.
        case ended
    }

    /// Descriptors that the kernel lets one message carry (SCM_MAX_FD).
    package static let descriptorsPerMessage = 253

    /// - Throws: ENAMETOOLONG for an address that does not fit, or what the system said.
    package static func connect(to address: SocketAddress) throws(SocketError) -> CInt {
        let descriptor = try open()
        guard let result = address.withPointer({ Glibc.connect(descriptor, $0, $1) }) else {
            close(descriptor)
            throw SocketError(ENAMETOOLONG, "connect \(address.text)")
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw SocketError(code, "connect \(address.text)")
        }
        return descriptor
    }

    package static func listen(at address: SocketAddress) throws(SocketError) -> CInt {
        let descriptor = try open()
        func failure(_ code: CInt, _ operation: String) -> SocketError {
            close(descriptor)
            return SocketError(code, "\(operation) \(address.text)")
        }
        guard let result = address.withPointer({ bind(descriptor, $0, $1) }) else {
            throw failure(ENAMETOOLONG, "bind")
        }
        guard result == 0 else { throw failure(errno, "bind") }
        guard Glibc.listen(descriptor, 128) == 0 else { throw failure(errno, "listen") }
        return descriptor
    }

    /// - Returns: `nil` when nobody waits, or the one who did has gone.
    package static func accept(_ listener: CInt) throws(SocketError) -> CInt? {
        let descriptor = clinux_accept(listener)
        if descriptor >= 0 { return descriptor }
        switch errno {
        case EAGAIN, EINTR, ECONNABORTED: return nil
        default: throw SocketError(errno, "accept")
        }
    }

    /// Sends the slices one after the other; `descriptors` travel with the first byte.
    package static func send(
        _ slices: [ArraySlice<UInt8>], descriptors: [CInt] = [], on socket: CInt
    ) -> Outcome {
        // The vector points into the arrays, so they are pinned one inside the other.
        var vectors: [iovec] = []
        func pin(_ rest: ArraySlice<ArraySlice<UInt8>>) -> Int {
            guard let slice = rest.first else { return transmit(&vectors, descriptors, socket) }
            return slice.withUnsafeBytes { bytes in
                vectors.append(
                    iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
                return pin(rest.dropFirst())
            }
        }
        let count = pin(slices[...])
        if count >= 0 { return .moved(count) }
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? .wouldBlock : .ended
    }

    private static func transmit(_ vectors: inout [iovec], _ descriptors: [CInt], _ socket: CInt) -> Int {
        let byteCount = descriptors.count * MemoryLayout<CInt>.size
        var control = [UInt64](repeating: 0, count: (clinux_cmsg_space(byteCount) + 7) / 8)
        return vectors.withUnsafeMutableBufferPointer { vectors in
            control.withUnsafeMutableBytes { control in
                var message = msghdr()
                message.msg_iov = vectors.baseAddress
                message.msg_iovlen = vectors.count
                if !descriptors.isEmpty {
                    message.msg_control = control.baseAddress
                    message.msg_controllen = clinux_cmsg_space(byteCount)
                    let header = clinux_cmsg_first(&message)!
                    header.pointee.cmsg_level = SOL_SOCKET
                    header.pointee.cmsg_type = CInt(SCM_RIGHTS)
                    header.pointee.cmsg_len = clinux_cmsg_length(byteCount)
                    descriptors.withUnsafeBytes {
                        clinux_cmsg_data(header)!.copyMemory(from: $0.baseAddress!, byteCount: byteCount)
                    }
                }
                return sendmsg(socket, &message, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
            }
        }
    }

    /// Sends one datagram, waiting for room as long as there is none.
    ///
    /// - Returns: whether it was taken.
    package static func sendDatagram(_ bytes: [UInt8], to address: SocketAddress) -> Bool {
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let count = address.withPointer { pointer, length in
            sendto(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL), pointer, length)
        }
        return count == bytes.count
    }

    /// Receives into `buffer`; descriptors that came along are appended, close-on-exec, and belong to
    /// the caller.
    package static func receive(
        into buffer: UnsafeMutableRawBufferPointer, descriptors: inout [CInt], from socket: CInt
    ) -> Outcome {
        let byteCount = descriptorsPerMessage * MemoryLayout<CInt>.size
        return withUnsafeTemporaryAllocation(byteCount: clinux_cmsg_space(byteCount), alignment: 8) {
            control in
            var vector = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
            return withUnsafeMutablePointer(to: &vector) { vector in
                var message = msghdr()
                message.msg_iov = vector
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = control.count
                let flags = CInt(MSG_DONTWAIT) | CInt(MSG_CMSG_CLOEXEC)
                let count = recvmsg(socket, &message, flags)
                guard count >= 0 else {
                    return errno == EAGAIN || errno == EINTR ? .wouldBlock : .ended
                }
                collect(&message, &descriptors)
                return count == 0 ? .ended : .moved(count)
            }
        }
    }

    private static func collect(_ message: inout msghdr, _ descriptors: inout [CInt]) {
        var next = clinux_cmsg_first(&message)
        while let header = next {
            if header.pointee.cmsg_level == SOL_SOCKET, header.pointee.cmsg_type == CInt(SCM_RIGHTS) {
                let byteCount = Int(header.pointee.cmsg_len) - clinux_cmsg_length(0)
                let data = UnsafeRawBufferPointer(start: clinux_cmsg_data(header), count: byteCount)
                for offset in stride(from: 0, to: byteCount, by: MemoryLayout<CInt>.size) {
                    descriptors.append(data.loadUnaligned(fromByteOffset: offset, as: CInt.self))
                }
            }
            next = clinux_cmsg_next(&message, header)
        }
    }

    /// The user, process and groups at the other end, as they were when it connected.
    package static func peer(of socket: CInt) -> (userID: UInt32, processID: UInt32, groupIDs: [UInt32])? {
        var credentials = clinux_ucred()
        guard clinux_peer_credentials(socket, &credentials) == 0 else { return nil }
        var groups = [UInt32](repeating: 0, count: 65_536)
        var byteCount = socklen_t(groups.count * MemoryLayout<UInt32>.size)
        let hasGroups = getsockopt(socket, SOL_SOCKET, CInt(CLINUX_SO_PEERGROUPS), &groups, &byteCount) == 0
        let count = hasGroups ? Int(byteCount) / MemoryLayout<UInt32>.size : 0
        let all = Set(groups.prefix(count) + [credentials.gid]).sorted()
        return (credentials.uid, UInt32(bitPattern: credentials.pid), all)
    }

    private static func open() throws(SocketError) -> CInt {
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw SocketError(errno, "socket") }
        return descriptor
    }
}
