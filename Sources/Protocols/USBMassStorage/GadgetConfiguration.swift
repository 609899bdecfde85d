/// How a mass-storage gadget presents itself: what configfs holds for it, plus the bus speed that
/// the host and the UDC agreed on.
package struct GadgetConfiguration: Equatable, Sendable {
    /// Whose behaviour the device has where implementations differ.
    package enum Profile: String, Sendable, CaseIterable {
        /// Linux's f_mass_storage (6.1): what hosts are used to, its departures from BOT included.
        case linuxKernel
        /// The specifications to the letter, with the commands that optical drives are asked for.
        case strict
    }

    package var vendorID: UInt16 = 0x1D6B
    package var productID: UInt16 = 0x0104
    /// bcdDevice; also the revision in the default INQUIRY text.
    package var deviceRelease: UInt16 = 0x0601
    package var manufacturer: String? = "MediaRig"
    package var product: String? = "Virtual Media"
    /// At least twelve characters 0-9A-F (BOT §4.1.1), the same after each re-enumeration.
    package var serialNumber: String? = GadgetConfiguration.serialNumber(derivedFrom: "mediarig")
    package var configurationName: String? = "Mass storage"
    package var maximumPowerMilliamperes = 2
    package var speed = BusSpeed.high
    /// f_mass_storage's `stall`: halt the bulk-in pipe after data that fall short.
    package var mayStall = false
    package var profile = Profile.linuxKernel

    package init() {}

    /// Sixteen upper-case hexadecimal digits that depend on `name` alone (64-bit FNV-1a), so that a
    /// slot keeps its serial number for life.
    package static func serialNumber(derivedFrom name: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        // The last twelve digits must not all be zero.
        if hash << 16 == 0 { hash |= 1 }
        let digits = String(hash, radix: 16, uppercase: true)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// A USB bus speed, with what depends on it alone.
package enum BusSpeed: String, Codable, Sendable, CaseIterable {
    case full, high, superSpeed

    /// wMaxPacketSize of a bulk endpoint (USB 2.0 §5.8.3, USB 3.2 §9.6.6).
    package var bulkPacketByteCount: Int {
        switch self {
        case .full: 64
        case .high: 512
        case .superSpeed: 1024
        }
    }
}

/// What configfs holds for one LUN, apart from its file.
package struct LogicalUnitConfiguration: Equatable, Sendable {
    /// `cdrom`: 2048-byte blocks, peripheral type 5, never writable.
    package var isCD: Bool
    package var isReadOnly: Bool
    package var isRemovable: Bool
    /// `nofua`: FUA writes need not reach the medium.
    package var ignoresForceUnitAccess: Bool
    /// `inquiry_string`: vendor 8, product 16, revision 4 characters; `nil` for the default text.
    package var inquiryText: String?

    package init(
        isCD: Bool = false, isReadOnly: Bool = false, isRemovable: Bool = true,
        ignoresForceUnitAccess: Bool = false, inquiryText: String? = nil
    ) {
        self.isCD = isCD
        self.isReadOnly = isReadOnly
        self.isRemovable = isRemovable
        self.ignoresForceUnitAccess = ignoresForceUnitAccess
        self.inquiryText = inquiryText
    }
}
