/// What to verify, and how.
package struct VerificationPlan: Sendable {
    package enum Mode: String, CaseIterable, Codable, Sendable {
        /// The BMC fetches the image from a server.
        case legacy
        /// A client serves the image to the BMC.
        case proxy
    }

    package enum MediumKind: String, CaseIterable, Codable, Sendable {
        case disk
        case cdrom
    }

    package enum Expectation: Sendable {
        /// The image itself, where it is a local file.
        case image
        case file(String)
        /// 64 hexadecimal digits.
        case sha256(String)
    }

    /// A path, or an https:// URL.
    package var image: String
    package var expectation = Expectation.image
    package var mode = Mode.proxy
    package var medium = MediumKind.disk
    package var isReadWrite = false
    /// Extra reads at random places after the sequential one.
    package var randomReads = 64
    /// Only the first block, the last block and the random reads: for images too large to read. The
    /// outcome is then never "proven".
    package var isSampled = false
    package var seed: UInt64 = 1
    /// A slot of the configuration; `nil` takes the first one of the mode.
    package var slot: String?
    /// The BMC's configuration file; `nil` is the built-in one with four slots.
    package var configurationFile: String?
    /// Trusted in place of the system's certificates, for https:// images.
    package var certificateAuthorityFile: String?
    package var userName: String?
    /// Read from a descriptor or a file by the caller; never from the command line.
    package var password: [UInt8]?
    /// Whether a host is on the other end of the cable.
    package var isHostPresent = true
    /// The host is elsewhere: it imports the device over USB/IP, by TCP on loopback.
    package var isOverUSBIP = false
    /// For each step that waits: insert, enumerate, one host command, eject.
    package var timeout: Duration = .seconds(30)

    package init(image: String) { self.image = image }

    package var isRemote: Bool { image.contains("://") }
}

/// Why a verification could not even start: the user's to mend.
package struct PlanError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
