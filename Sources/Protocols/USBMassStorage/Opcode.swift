/// A SCSI operation code (SPC-4, SBC-3, MMC-6). Open: unknown ones decode.
package struct Opcode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let testUnitReady = Opcode(rawValue: 0x00)
    package static let requestSense = Opcode(rawValue: 0x03)
    package static let formatUnit = Opcode(rawValue: 0x04)
    package static let read6 = Opcode(rawValue: 0x08)
    package static let write6 = Opcode(rawValue: 0x0A)
    package static let inquiry = Opcode(rawValue: 0x12)
    package static let modeSelect6 = Opcode(rawValue: 0x15)
    package static let modeSense6 = Opcode(rawValue: 0x1A)
    package static let startStopUnit = Opcode(rawValue: 0x1B)
    package static let sendDiagnostic = Opcode(rawValue: 0x1D)
    package static let preventAllowMediumRemoval = Opcode(rawValue: 0x1E)
    package static let readFormatCapacities = Opcode(rawValue: 0x23)
    package static let readCapacity10 = Opcode(rawValue: 0x25)
    package static let read10 = Opcode(rawValue: 0x28)
    package static let write10 = Opcode(rawValue: 0x2A)
    package static let verify10 = Opcode(rawValue: 0x2F)
    package static let synchronizeCache10 = Opcode(rawValue: 0x35)
    package static let readTOC = Opcode(rawValue: 0x43)
    package static let readHeader = Opcode(rawValue: 0x44)
    package static let getConfiguration = Opcode(rawValue: 0x46)
    package static let getEventStatusNotification = Opcode(rawValue: 0x4A)
    package static let readDiscInformation = Opcode(rawValue: 0x51)
    package static let readTrackInformation = Opcode(rawValue: 0x52)
    package static let modeSelect10 = Opcode(rawValue: 0x55)
    package static let modeSense10 = Opcode(rawValue: 0x5A)
    package static let read16 = Opcode(rawValue: 0x88)
    package static let write16 = Opcode(rawValue: 0x8A)
    package static let verify16 = Opcode(rawValue: 0x8F)
    package static let synchronizeCache16 = Opcode(rawValue: 0x91)
    package static let serviceActionIn16 = Opcode(rawValue: 0x9E)
    package static let reportLUNs = Opcode(rawValue: 0xA0)
    package static let read12 = Opcode(rawValue: 0xA8)
    package static let write12 = Opcode(rawValue: 0xAA)
    package static let verify12 = Opcode(rawValue: 0xAF)
}

/// Service actions of ``Opcode/serviceActionIn16``.
package enum ServiceAction {
    package static let readCapacity16: UInt8 = 0x10
}

extension Opcode {
    /// The commands that have a name here, by it, in the order of their codes.
    package static let names: [(opcode: Opcode, name: String)] = [
        (.testUnitReady, "TEST UNIT READY"), (.requestSense, "REQUEST SENSE"), (.formatUnit, "FORMAT UNIT"),
        (.read6, "READ(6)"), (.write6, "WRITE(6)"), (.inquiry, "INQUIRY"), (.modeSelect6, "MODE SELECT(6)"),
        (.modeSense6, "MODE SENSE(6)"), (.startStopUnit, "START STOP UNIT"),
        (.sendDiagnostic, "SEND DIAGNOSTIC"), (.preventAllowMediumRemoval, "PREVENT ALLOW MEDIUM REMOVAL"),
        (.readFormatCapacities, "READ FORMAT CAPACITIES"), (.readCapacity10, "READ CAPACITY(10)"),
        (.read10, "READ(10)"), (.write10, "WRITE(10)"), (.verify10, "VERIFY(10)"),
        (.synchronizeCache10, "SYNCHRONIZE CACHE(10)"), (.readTOC, "READ TOC"), (.readHeader, "READ HEADER"),
        (.getConfiguration, "GET CONFIGURATION"),
        (.getEventStatusNotification, "GET EVENT STATUS NOTIFICATION"),
        (.readDiscInformation, "READ DISC INFORMATION"), (.readTrackInformation, "READ TRACK INFORMATION"),
        (.modeSelect10, "MODE SELECT(10)"), (.modeSense10, "MODE SENSE(10)"), (.read16, "READ(16)"),
        (.write16, "WRITE(16)"), (.verify16, "VERIFY(16)"), (.synchronizeCache16, "SYNCHRONIZE CACHE(16)"),
        (.serviceActionIn16, "READ CAPACITY(16)"), (.reportLUNs, "REPORT LUNS"), (.read12, "READ(12)"),
        (.write12, "WRITE(12)"), (.verify12, "VERIFY(12)"),
    ]

    private static let table: [String?] = {
        var table = [String?](repeating: nil, count: 256)
        for (opcode, name) in names { table[Int(opcode.rawValue)] = name }
        return table
    }()

    /// As the standards write it: "READ(10)"; `nil` for one that is not known here.
    package var name: String? { Self.table[Int(rawValue)] }
}
