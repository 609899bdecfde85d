import USBMassStorage

extension SetupPacket {
    static func setConfiguration(_ value: UInt16) -> SetupPacket {
        SetupPacket(requestType: 0, request: 9, value: value, index: 0, length: 0)
    }
}

// Control requests of USB 2.0 §9.4 and BOT §3, right and wrong.
extension Corpus {
    private static func ask(
        _ type: UInt8, _ request: UInt8, _ value: UInt16 = 0, _ index: UInt16 = 0, _ length: UInt16 = 0,
        data: [UInt8] = []
    ) -> Question {
        .control(
            SetupPacket(requestType: type, request: request, value: value, index: index, length: length),
            data: data)
    }

    static let controlsBeforeConfiguration: [Question] = [
        ask(0x80, 8, 0, 0, 1), ask(0x00, 9, 0), ask(0x80, 8, 0, 0, 1),
        ask(0x80, 0, 0, 0, 2), ask(0x81, 0, 0, 0, 2), ask(0x82, 0, 0, 0x81, 2), ask(0x82, 0, 0, 0, 2),
        ask(0x81, 10, 0, 0, 1), ask(0x01, 11, 0, 0), ask(0xA1, 0xFE, 0, 0, 1), ask(0x21, 0xFF),
        ask(0x02, 1, 0, 0x81), ask(0x02, 3, 0, 0x81), ask(0x02, 1, 0, 0),
        ask(0x80, 6, 0x0100, 0, 18), ask(0x80, 6, 0x0200, 0, 255),
    ]

    static let controls: [Question] = descriptors + standardRequests + classRequests

    private static let descriptors: [Question] = [
        ask(0x80, 6, 0x0100, 0, 64), ask(0x80, 6, 0x0100, 0, 8), ask(0x80, 6, 0x0100, 0, 1),
        ask(0x80, 6, 0x0100, 0, 0), ask(0x80, 6, 0x0101, 0, 18), ask(0x80, 6, 0x0100, 0x0409, 18),
        ask(0x80, 6, 0x0200, 0, 9), ask(0x80, 6, 0x0200, 0, 255), ask(0x80, 6, 0x0200, 0, 4),
        ask(0x80, 6, 0x0201, 0, 255), ask(0x80, 6, 0x0600, 0, 10), ask(0x80, 6, 0x0700, 0, 255),
        ask(0x80, 6, 0x0701, 0, 255), ask(0x80, 6, 0x0300, 0, 255), ask(0x80, 6, 0x0301, 0x0409, 255),
        ask(0x80, 6, 0x0302, 0x0409, 255), ask(0x80, 6, 0x0302, 0x0409, 2), ask(0x80, 6, 0x0303, 0x0409, 255),
        ask(0x80, 6, 0x0304, 0x0409, 255), ask(0x80, 6, 0x0305, 0x0409, 255),
        ask(0x80, 6, 0x0306, 0x0409, 255), ask(0x80, 6, 0x0301, 0, 255), ask(0x80, 6, 0x0301, 0x0407, 255),
        ask(0x80, 6, 0x03EE, 0, 255), ask(0x80, 6, 0x03FF, 0x0409, 255), ask(0x80, 6, 0x0F00, 0, 255),
        ask(0x80, 6, 0x0400, 0, 9), ask(0x80, 6, 0x0500, 0, 7), ask(0x80, 6, 0x2100, 0, 9),
        ask(0x80, 6, 0x2200, 0, 255), ask(0x80, 6, 0x2900, 0, 255), ask(0x81, 6, 0x0100, 0, 18),
        ask(0x00, 7, 0x0100, 0, 0),
    ]

    private static let standardRequests: [Question] = [
        ask(0x00, 9, 1), ask(0x80, 8, 0, 0, 1), ask(0x00, 9, 2), ask(0x80, 8, 0, 0, 1), ask(0x00, 9, 0x0101),
        ask(0x80, 8, 0, 0, 1), ask(0x00, 9, 1), ask(0x80, 0, 0, 0, 2), ask(0x80, 0, 0, 0, 1),
        ask(0x80, 0, 0, 0, 4), ask(0x81, 0, 0, 0, 2), ask(0x81, 0, 0, 1, 2), ask(0x82, 0, 0, 0x81, 2),
        ask(0x82, 0, 0, 0x01, 2), ask(0x82, 0, 0, 0x82, 2), ask(0x82, 0, 0, 0x02, 2), ask(0x82, 0, 0, 0, 2),
        ask(0x82, 0, 0, 0x80, 2), ask(0x81, 10, 0, 0, 1), ask(0x81, 10, 0, 1, 1), ask(0x01, 11, 0, 0),
        ask(0x01, 11, 1, 0), ask(0x01, 11, 0, 1), ask(0x00, 3, 1), ask(0x80, 0, 0, 0, 2), ask(0x00, 1, 1),
        ask(0x80, 0, 0, 0, 2), ask(0x00, 3, 48),
        ask(0x00, 1, 48), ask(0x01, 3, 0), ask(0x02, 3, 1, 0x81), ask(0x02, 3, 0, 0x83), ask(0x02, 1, 0, 0),
        ask(0x02, 1, 0, 0x80), ask(0x82, 12, 0, 0x81, 2), ask(0x00, 48, 0, 0, 6, data: [0, 0, 0, 0, 0, 0]),
        ask(0x00, 49, 40), ask(0x80, 2, 0, 0, 2), ask(0x80, 13, 0, 0, 2),
    ]

    private static let classRequests: [Question] = [
        ask(0xA1, 0xFE, 0, 0, 1), ask(0xA1, 0xFE, 0, 1, 1), ask(0xA1, 0xFE, 1, 0, 1),
        ask(0xA1, 0xFE, 0, 0, 2),
        ask(0xA1, 0xFE, 0, 0, 0), ask(0xA0, 0xFE, 0, 0, 1), ask(0xA2, 0xFE, 0, 0, 1),
        ask(0x21, 0xFE, 0, 0, 0),
        ask(0x21, 0xFF), ask(0x21, 0xFF, 1), ask(0x21, 0xFF, 0, 1), ask(0x21, 0xFF, 0, 0, 1, data: [0]),
        ask(0xA1, 0xFF, 0, 0, 1), ask(0x20, 0xFF), ask(0xA1, 0xFD, 0, 0, 1),
        ask(0x21, 0xFC, 0, 0, 1, data: [0]),
        ask(0xC0, 1, 0, 0, 4), ask(0x40, 1), ask(0xC1, 1, 0, 0, 4), ask(0x41, 1, 0, 0, 2, data: [1, 2]),
    ]
}
