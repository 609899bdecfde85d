/// Header field codes (D-Bus specification, "Header Fields").
enum HeaderField: UInt8 {
    case path = 1
    case interface = 2
    case member = 3
    case errorName = 4
    case replySerial = 5
    case destination = 6
    case sender = 7
    case signature = 8
    case unixDescriptors = 9

    /// The type that the field's variant must hold.
    var typeCode: String {
        switch self {
        case .path: "o"
        case .signature: "g"
        case .replySerial, .unixDescriptors: "u"
        case .interface, .member, .errorName, .destination, .sender: "s"
        }
    }

    /// Fields that a message of a kind cannot do without.
    static func required(by kind: Message.Kind) -> [HeaderField] {
        switch kind {
        case .methodCall: [.path, .member]
        case .methodReturn: [.replySerial]
        case .error: [.errorName, .replySerial]
        case .signal: [.path, .interface, .member]
        }
    }
}
