import VirtualMedia

/// Our own registry, "MediaRig": why media could not be inserted or ejected. The whole of it is served under
/// /redfish/v1/Registries/MediaRig.
extension MessageDefinition {
    package static let mediaRegistryVersion = "1.0.0"

    private static func media(
        _ key: String, _ severity: Severity, _ status: Int, _ text: String, _ resolution: String,
        arguments argumentCount: Int = 0
    ) -> MessageDefinition {
        MessageDefinition(
            registry: "MediaRig.1.0", key: key, text: text, argumentCount: argumentCount, severity: severity,
            status: status, resolution: resolution)
    }

    static let imageNotFound = media(
        "ImageNotFound", .critical, 400, "There is no image at the address.", "Correct the address.")
    static let mediaPathFailed = media(
        "MediaPathFailed", .critical, 503, "A part of the media path inside the BMC failed.",
        "Try again; LastError of the slot says which part.")
    static let imageForbidden = media(
        "ImageForbidden", .critical, 400, "The image may not be read.",
        "Give the image other permissions, or pass another user name.")
    static let deviceBusy = media(
        "DeviceBusy", .critical, 503, "The block device of the slot is used by another program.",
        "Use another slot.")
    static let noController = media(
        "NoController", .critical, 503, "No USB device controller is free.",
        "Eject media or end other uses of USB.")
    static let imageIsDirectory = media(
        "ImageIsDirectory", .critical, 400, "The address names a directory.", "Name a file.")
    static let imageInvalid = media(
        "ImageInvalid", .critical, 400, "The address of the image, or what it asks for, makes no sense.",
        "Use an address that begins with https:// and names a file.")
    static let imageTooLarge = media(
        "ImageTooLarge", .critical, 400, "The image is too large for a CD-ROM.",
        "Insert it as a USB stick.")
    static let imageLengthUnknown = media(
        "ImageLengthUnknown", .critical, 502, "The server does not say how long the image is.",
        "Use a server that sends Content-Length.")
    static let imageReadOnly = media(
        "ImageReadOnly", .critical, 400, "Writing was asked for and is not possible.",
        "Insert with WriteProtected true.")
    static let socketPathTooLong = media(
        "SocketPathTooLong", .critical, 503, "The path of the slot's socket is too long.",
        "Correct the configuration of the slot.")
    static let imageRedirected = media(
        "ImageRedirected", .critical, 502, "The server sends elsewhere.", "Use the address it sends to.")
    static let imageGone = media(
        "ImageGone", .critical, 400, "The image was removed for good.", "Use another image.")
    static let notAnExport = media(
        "NotAnExport", .critical, 502, "The other side does not speak NBD, or refused the export.",
        "Look at the program that serves the image.")
    static let imageEmpty = media(
        "ImageEmpty", .critical, 400, "The image has no bytes, or fewer than the medium needs.",
        "Use another image.")
    static let sourceLost = media(
        "SourceLost", .critical, 502, "The connection to the source broke and could not be made again.",
        "Look at the network and the server.")
    static let tlsFailed = media(
        "TLSFailed", .critical, 502, "TLS with the server failed.",
        "Look at the versions and ciphers of the server.")
    static let imageTruncated = media(
        "ImageTruncated", .critical, 502, "Less came from the server than it promised.",
        "Look at the server.")
    static let notASocket = media(
        "NotASocket", .critical, 503, "The socket path of the slot is something else.",
        "Correct the configuration of the slot.")
    static let imageLengthWrong = media(
        "ImageLengthWrong", .critical, 502, "The server contradicts itself about lengths.",
        "Look at the server.")
    static let rangeNotSupported = media(
        "RangeNotSupported", .critical, 502, "The server cannot serve a part of the image.",
        "Use a server that answers Range requests with 206.")
    static let serverUnreachable = media(
        "ServerUnreachable", .critical, 502, "There is no route to the server.",
        "Look at the network of the BMC.")
    static let addressNotAllowed = media(
        "AddressNotAllowed", .warning, 403,
        "The name of the server leads to an address of the BMC itself, which this account may not use.",
        "Name a server elsewhere, or ask an administrator.")
    static let mountTimedOut = media(
        "TimedOut", .critical, 504, "The media path was not ready in time, or the server did not answer.",
        "Try again; look at the server and the network.")
    static let connectionRefused = media(
        "ConnectionRefused", .critical, 502, "Nobody listens at the server's address.",
        "Start the server, or correct the port.")
    static let hostNotFound = media(
        "HostNotFound", .critical, 502, "The name of the server is not known.",
        "Correct the name, or the BMC's name servers.")
    static let imageChanged = media(
        "ImageChanged", .critical, 409, "The image is not the one that was inserted.",
        "Eject and insert it again.")
    static let serverFailed = media(
        "ServerFailed", .critical, 502, "The server failed.", "Look at the server's log.")
    static let requestCancelled = media(
        "Cancelled", .warning, 409, "The insertion was cancelled.", "None.")
    static let certificateUntrusted = media(
        "CertificateUntrusted", .critical, 502, "The certificate of the server is not trusted.",
        "Have the certificate's authority trusted by the BMC.")
    static let credentialsWrong = media(
        "CredentialsWrong", .critical, 400, "The server refused user name and password.",
        "Correct UserName and Password.")
    static let unknownFailure = media(
        "UnknownFailure", .critical, 502, "The virtual media service reported error %1.",
        "Look into the log of the virtual media service.", arguments: 1)

    static let slotOccupied = media(
        "SlotOccupied", .warning, 409, "There is a medium in the slot.", "Eject it first.")
    static let slotEmpty = media(
        "SlotEmpty", .warning, 409, "There is no medium in the slot.", "Nothing needs to be ejected.")
    static let serviceAbsent = media(
        "ServiceAbsent", .critical, 503, "The virtual media service is not running.",
        "Start it, or try again in a moment.")
    static let serviceSilent = media(
        "ServiceSilent", .critical, 504, "The virtual media service did not answer.",
        "Look into the log of the virtual media service.")
    static let sourceNotAllowed = media(
        "SourceNotAllowed", .critical, 403, "Images may not come from %1.",
        "Use a server that the configuration of the BMC allows.", arguments: 1)
    static let mediaInserted = media(
        "MediaInserted", .ok, 200, "A medium was inserted into %1.", "None.", arguments: 1)
    static let mediaEjected = media(
        "MediaEjected", .ok, 200, "The medium was ejected from %1.", "None.", arguments: 1)
    static let sourceRecovering = media(
        "SourceRecovering", .warning, 200, "The source of the medium in %1 is lost and sought again.",
        "Look at the network and the server.", arguments: 1)

    static let sourceRecovered = media(
        "SourceRecovered", .ok, 200, "The source of the medium in %1 is back.", "None.", arguments: 1)

    /// Every cause of a failed mount has a message of its own.
    package static func failure(_ code: Int32) -> MessageEntry {
        guard let known = CompletionCode(rawValue: code) else {
            return MessageEntry(unknownFailure, ["\(code)"])
        }
        let definition: MessageDefinition =
            switch known {
            case .done: success
            case .notFound: imageNotFound
            case .inputOutput: mediaPathFailed
            case .forbidden: imageForbidden
            case .busy: deviceBusy
            case .noController: noController
            case .isDirectory: imageIsDirectory
            case .invalid: imageInvalid
            case .tooLarge: imageTooLarge
            case .lengthUnknown: imageLengthUnknown
            case .readOnly: imageReadOnly
            case .pathTooLong: socketPathTooLong
            case .redirected: imageRedirected
            case .gone: imageGone
            case .notAnExport: notAnExport
            case .empty: imageEmpty
            case .connectionLost: sourceLost
            case .tlsFailed: tlsFailed
            case .truncated: imageTruncated
            case .notASocket: notASocket
            case .wrongLength: imageLengthWrong
            case .rangeNotSupported: rangeNotSupported
            case .addressNotAllowed: addressNotAllowed
            case .unreachable: serverUnreachable
            case .timedOut: mountTimedOut
            case .connectionRefused: connectionRefused
            case .hostNotFound: hostNotFound
            case .changed: imageChanged
            case .serverError: serverFailed
            case .cancelled: requestCancelled
            case .untrustedCertificate: certificateUntrusted
            case .wrongCredentials: credentialsWrong
            }
        return MessageEntry(definition)
    }

    package static let allMedia: [MessageDefinition] =
        CompletionCode.allCases.filter { $0 != .done }.map { failure($0.rawValue).definition } + [
            unknownFailure, slotOccupied, slotEmpty, serviceAbsent, serviceSilent, sourceNotAllowed,
            mediaInserted, mediaEjected, sourceRecovering, sourceRecovered,
        ]
}
