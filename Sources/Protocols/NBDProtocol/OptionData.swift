internal import WireFormat

/// The data of INFO and GO:
///
///     | name length u32 | name | count u16 | information type u16, count times |
struct InfoRequest {
    let name: String
    let types: [InfoType]

    /// - Returns: `nil` when lengths do not add up, the name is no string of the protocol, or a type
    ///   is asked for twice.
    init?(_ data: Bytes) {
        var rest = data
        guard let name = rest.takeString(), var count = rest.take(2) else { return nil }
        let typeCount = Int(count.takeBigEndian(as: UInt16.self))
        guard rest.count == typeCount * 2 else { return nil }
        var types: [InfoType] = []
        var seen: Set<InfoType> = []
        for _ in 0..<typeCount {
            let type = InfoType(rawValue: rest.takeBigEndian())
            guard seen.insert(type).inserted else { return nil }
            types.append(type)
        }
        self.name = name
        self.types = types
    }

    static func export(_ export: Export) -> [UInt8] {
        var data: [UInt8] = []
        data.appendBigEndian(InfoType.export.rawValue)
        data.appendBigEndian(export.byteCount)
        data.appendBigEndian(export.flags.rawValue)
        return data
    }

    /// - Returns: `nil` for what we have nothing to say about, and for the export itself.
    static func answer(_ type: InfoType, _ export: Export) -> [UInt8]? {
        var data: [UInt8] = []
        data.appendBigEndian(type.rawValue)
        switch type {
        case .name: data += export.name.utf8
        case .description where !export.description.isEmpty: data += export.description.utf8
        case .blockSize:
            data.appendBigEndian(export.minimumBlockBytes)
            data.appendBigEndian(export.preferredBlockBytes)
            data.appendBigEndian(export.maximumPayloadBytes)
        default: return nil
        }
        return data
    }
}

/// The data of LIST_META_CONTEXT and SET_META_CONTEXT:
///
///     | export name length u32 | name | query count u32 | length u32, query; count times |
struct MetaContextRequest {
    let exportName: String
    private let queries: [String]

    init?(_ data: Bytes) {
        var rest = data
        guard let name = rest.takeString(), var count = rest.take(4) else { return nil }
        let queryCount = count.takeBigEndian(as: UInt32.self)
        var queries: [String] = []
        for _ in 0..<queryCount {
            // Ends with the data, whatever the count claims.
            guard let query = rest.takeString(), query.utf8.contains(UInt8(ascii: ":")) else { return nil }
            queries.append(query)
        }
        guard rest.isEmpty else { return nil }
        exportName = name
        self.queries = queries
    }

    var selectsAllocation: Bool { queries.contains(AllocationContext.name) }
    /// LIST without queries asks for all; a query of a bare namespace for all of its contexts.
    var listsAllocation: Bool { queries.isEmpty || queries.contains("base:") || selectsAllocation }
}

extension Bytes {
    /// Takes a u32 length and as many bytes of UTF-8.
    fileprivate mutating func takeString() -> String? {
        guard var field = take(4) else { return nil }
        let length = Int(field.takeBigEndian(as: UInt32.self))
        guard length <= Handshake.maximumStringBytes, let text = take(length) else { return nil }
        return ProtocolString.decode(text)
    }
}
