import CCurl
import CLinux
import Glibc
import Synchronization
import VirtualMedia

/// Keeps connections off this machine's own addresses. It looks at the very address that is about to be connected to,
/// so a name that leads elsewhere the next time it is asked for gains nothing.
final class AddressGuard: Sendable {
    private let refused = Atomic<Bool>(false)

    /// Whether an address was refused since ``reset()``.
    var hasRefused: Bool { refused.load(ordering: .acquiring) }

    func reset() { refused.store(false, ordering: .releasing) }

    /// - Precondition: lives as long as the handle.
    func watch(_ easy: UnsafeMutableRawPointer) {
        let codes = [
            ccurl_set_socket_function(easy, Self.open),
            ccurl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, Unmanaged.passUnretained(self).toOpaque()),
        ]
        precondition(codes.allSatisfy { $0 == CURLE_OK }, "libcurl refuses to be watched")
    }

    private static let open: ccurl_socket_function = {
        (
            context: UnsafeMutableRawPointer?, _: curlsocktype,
            address: UnsafeMutablePointer<curl_sockaddr>?
        ) -> curl_socket_t in
        // CURL_SOCKET_BAD; the macro is not imported.
        guard let address, let context else { return -1 }
        guard !(withUnsafePointer(to: &address.pointee.addr) { AddressGuard.isLocal($0) }) else {
            Unmanaged<AddressGuard>.fromOpaque(context).takeUnretainedValue().refused
                .store(true, ordering: .releasing)
            return -1
        }
        return socket(
            address.pointee.family, address.pointee.socktype | CInt(SOCK_CLOEXEC.rawValue),
            address.pointee.protocol)
    }

    /// What is neither IPv4 nor IPv6 is local.
    static func isLocal(_ address: UnsafePointer<sockaddr>) -> Bool {
        switch CInt(address.pointee.sa_family) {
        case AF_INET:
            let number = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
            return IPAddresses.isLocal(version4: UInt32(bigEndian: number))
        case AF_INET6:
            // The address stands behind family, port and flow (RFC 3493 §3.3).
            let start = UnsafeRawPointer(address) + 8
            let words = (0..<8).map {
                UInt16(bigEndian: start.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
            }
            return IPAddresses.isLocal(version6: words)
        default: return true
        }
    }
}
