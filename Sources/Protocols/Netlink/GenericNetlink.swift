package import WireFormat

/// What a generic netlink family carries in a netlink message:
///
///     | command u8 | version u8 | reserved u16 | attributes |
package struct GenericNetlinkBody: Equatable, Sendable {
    static let headerByteCount = 4

    package var command: UInt8
    package var version: UInt8
    package var attributes: [NetlinkAttribute]

    package init(command: UInt8, version: UInt8, attributes: [NetlinkAttribute] = []) {
        self.command = command
        self.version = version
        self.attributes = attributes
    }

    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = [command, version, 0, 0]
        for attribute in attributes { attribute.encode(into: &bytes) }
        return bytes
    }

    package init(decoding payload: Bytes) throws(NetlinkViolation) {
        guard payload.count >= Self.headerByteCount else { throw .tooShort("generic netlink header") }
        let header = Array(payload.prefix(Self.headerByteCount))
        command = header[0]
        version = header[1]
        attributes = try NetlinkAttribute.decodeAll(payload.dropFirst(Self.headerByteCount))
    }
}

/// A family of messages that the kernel has registered under a name; its number is another after each
/// boot. The family that tells of the others has a fixed one.
package struct GenericNetlinkFamily: Equatable, Sendable {
    package var kind: NetlinkMessage.Kind
    package var version: UInt8
    /// Numbers of its multicast groups, by name.
    package var groups: [String: UInt32]

    package init(kind: NetlinkMessage.Kind, version: UInt8, groups: [String: UInt32] = [:]) {
        self.kind = kind
        self.version = version
        self.groups = groups
    }

    /// GENL_ID_CTRL of linux/genetlink.h, as everything below.
    package static let control = GenericNetlinkFamily(kind: NetlinkMessage.Kind(rawValue: 0x10), version: 2)

    private enum Command {
        static let getFamily: UInt8 = 3
    }

    private enum Attribute {
        static let familyNumber: UInt16 = 1
        static let familyName: UInt16 = 2
        static let version: UInt16 = 3
        static let multicastGroups: UInt16 = 7
        static let groupName: UInt16 = 1
        static let groupNumber: UInt16 = 2
    }

    /// Asks ``control`` for a family; ENOENT when there is none of that name.
    package static func lookUp(_ name: String) -> GenericNetlinkBody {
        GenericNetlinkBody(
            command: Command.getFamily, version: control.version,
            attributes: [NetlinkAttribute(Attribute.familyName, name)])
    }

    /// The answer to ``lookUp(_:)``.
    package init(_ answer: GenericNetlinkBody) throws(NetlinkViolation) {
        guard let number = answer.attributes[kind: Attribute.familyNumber] else {
            throw .missing("family number")
        }
        guard let version = answer.attributes[kind: Attribute.version] else {
            throw .missing("family version")
        }
        kind = NetlinkMessage.Kind(rawValue: try number.number())
        self.version = UInt8(truncatingIfNeeded: try version.number(as: UInt32.self))
        groups = [:]
        for group in try answer.attributes[kind: Attribute.multicastGroups]?.attributes() ?? [] {
            let parts = try group.attributes()
            guard let name = parts[kind: Attribute.groupName], let number = parts[kind: Attribute.groupNumber]
            else {
                throw .missing("multicast group's name and number")
            }
            groups[name.text] = try number.number()
        }
    }
}
