internal import Glibc
package import NBDServer
package import USBIPProtocol

/// Why no device could be had over USB/IP.
package enum USBIPFailure: Error, Equatable, Sendable {
    case unreachable(ListenAddress, errno: Int32)
    case unknownHost(ListenAddress)
    case refused(busID: String, OperationStatus)
    case violation(USBIPViolation)
    case closed
    case timedOut
    /// The system has no thread or descriptor left.
    case exhausted
}

extension USBIPFailure: CustomStringConvertible {
    /// Lower case, no full stop, with what to do about it.
    package var description: String {
        switch self {
        case .unreachable(let address, let errno):
            "\(address): \(String(cString: strerror(errno))); is a USB/IP server running there?"
        case .unknownHost(let address): "\(address): no such host"
        case .refused(let busID, let status):
            "device \(busID): \(status); ask the server for its list of devices"
        case .violation(let violation): violation.description
        case .closed: "the USB/IP server closed the connection"
        case .timedOut: "the USB/IP server did not answer in time"
        case .exhausted: "no thread or descriptor left"
        }
    }
}
