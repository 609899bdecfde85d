internal import WireFormat

/// Pages of vital product data (SPC-4 §7.8).
enum VitalProductData {
    private static let supportedPages: UInt8 = 0x00
    private static let unitSerialNumber: UInt8 = 0x80
    private static let deviceIdentification: UInt8 = 0x83

    static func page(_ page: UInt8, unit: LogicalUnit, serialNumber: String) throws(CommandRefusal) -> [UInt8]
    {
        let serial = Array(serialNumber.utf8.prefix(64))
        let body: [UInt8] =
            switch page {
            case supportedPages: [supportedPages, unitSerialNumber, deviceIdentification]
            case unitSerialNumber: serial
            case deviceIdentification: designator(unit, serial: serial)
            default: throw .sense(.invalidFieldInCommand)
            }
        var reply: [UInt8] = [unit.configuration.isCD ? 5 : 0, page]
        reply.appendBigEndian(UInt16(body.count))
        return reply + body
    }

    /// One designator: ASCII, T10 vendor identification, of the logical unit.
    private static func designator(_ unit: LogicalUnit, serial: [UInt8]) -> [UInt8] {
        let name = unit.inquiryText.prefix(24) + serial
        return [0x02, 0x01, 0, UInt8(name.count)] + name
    }
}
