internal import Glibc
package import USBMassStorage

/// Why the host side could not go on.
package enum ObserverError: Error, Equatable, Sendable {
    case usb(USBTransferError, during: String)
    case transport(TransportFault, during: String)
    case malformed(String)
    /// The device cannot be driven as a USB disk.
    case notMassStorage(String)
    case refused(SenseCode, command: String)
    case noMedium
    /// Not ready after all attempts of the profile.
    case notReady(SenseCode)
    case expectedImage(String)
    /// The device took no recovery; the host has given it up.
    case offline
    /// A system call on a block device failed.
    case system(errno: Int32, during: String, isOfOneBlock: Bool)
}

extension ObserverError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .usb(let error, let during):
            switch error {
            case .stalled: "\(during): stalled"
            case .timedOut: "\(during): no answer in time"
            case .disconnected: "\(during): the device is gone"
            case .babbled: "\(during): more data than asked for"
            }
        case .transport(let fault, let during): "\(during): \(fault)"
        case .malformed(let what): what
        case .notMassStorage(let what): "not a mass-storage device: \(what)"
        case .refused(let sense, let command): "\(command): refused with sense \(sense)"
        case .noMedium: "no medium (sense 02/3a/00)"
        case .notReady(let sense): "not ready: sense \(sense)"
        case .offline: "the device is offline: no recovery helped"
        case .system(let errno, let during, _):
            "\(during): \(String(cString: strerror(errno))) (errno \(errno))"
        case .expectedImage(let what): "expected image: \(what)"
        }
    }
}
