/// The kernel's "nbd" family of generic netlink (linux/nbd-netlink.h).
package enum NBDControl {
    package static let familyName = "nbd"
    package static let multicastGroup = "nbd_mc_group"

    enum Command {
        static let connect: UInt8 = 1
        static let disconnect: UInt8 = 2
        static let reconfigure: UInt8 = 3
        static let linkDead: UInt8 = 4
        static let status: UInt8 = 5
    }

    enum Attribute {
        static let index: UInt16 = 1
        static let byteCount: UInt16 = 2
        static let blockBytes: UInt16 = 3
        static let timeout: UInt16 = 4
        static let serverFlags: UInt16 = 5
        static let sockets: UInt16 = 7
        static let deadConnectionTimeout: UInt16 = 8
        static let devices: UInt16 = 9
        static let backendIdentifier: UInt16 = 10
        /// Inside `sockets` and `devices`.
        static let item: UInt16 = 1
        /// Inside an item of `sockets`.
        static let descriptor: UInt16 = 1
        /// Inside an item of `devices`.
        static let deviceIndex: UInt16 = 1
        static let isConnected: UInt16 = 2
    }

    /// What a device is given with its first connections.
    package struct Connection: Equatable, Sendable {
        /// N of /dev/nbdN.
        package var index: UInt32
        package var byteCount: UInt64
        package var blockBytes: UInt64
        /// `nil` lets a request wait for ever.
        package var timeoutSeconds: UInt64?
        /// How long requests wait for ``NBDControl/reconfigure(_:descriptors:backendIdentifier:)`` while no connection
        /// is alive; 0 not at all.
        package var deadConnectionTimeoutSeconds: UInt64
        /// Transmission flags of the NBD protocol.
        package var serverFlags: UInt64
        /// Connected stream sockets, past their handshake; the kernel keeps them open by itself.
        package var descriptors: [Int32]
        /// Shown in /sys/block/nbdN/backend; asked for again by each RECONFIGURE.
        package var backendIdentifier: String

        package init(
            index: UInt32, byteCount: UInt64, blockBytes: UInt64, timeoutSeconds: UInt64?,
            deadConnectionTimeoutSeconds: UInt64, serverFlags: UInt64, descriptors: [Int32],
            backendIdentifier: String
        ) {
            self.index = index
            self.byteCount = byteCount
            self.blockBytes = blockBytes
            self.timeoutSeconds = timeoutSeconds
            self.deadConnectionTimeoutSeconds = deadConnectionTimeoutSeconds
            self.serverFlags = serverFlags
            self.descriptors = descriptors
            self.backendIdentifier = backendIdentifier
        }
    }

    /// EBUSY while the device is attached or anybody has it open; EINVAL for a block size that is no
    /// power of two from 512 to a page, and for several connections to a server that does not offer
    /// CAN_MULTI_CONN; EPERM without CAP_SYS_ADMIN.
    package static func connect(_ connection: Connection, to family: GenericNetlinkFamily)
        -> GenericNetlinkBody
    {
        var attributes = [
            NetlinkAttribute(Attribute.index, connection.index),
            NetlinkAttribute(Attribute.byteCount, connection.byteCount),
            NetlinkAttribute(Attribute.blockBytes, connection.blockBytes),
            NetlinkAttribute(Attribute.serverFlags, connection.serverFlags),
            NetlinkAttribute(Attribute.deadConnectionTimeout, connection.deadConnectionTimeoutSeconds),
            NetlinkAttribute(Attribute.backendIdentifier, connection.backendIdentifier),
            sockets(connection.descriptors),
        ]
        if let seconds = connection.timeoutSeconds {
            attributes.append(NetlinkAttribute(Attribute.timeout, seconds))
        }
        return GenericNetlinkBody(
            command: Command.connect, version: family.version, attributes: attributes)
    }

    /// Puts connections where dead ones were. What finds no dead one is dropped without a word.
    ///
    /// - Parameter backendIdentifier: that of the attachment, if it has one: EINVAL for another.
    package static func reconfigure(
        _ index: UInt32, descriptors: [Int32], backendIdentifier: String?, to family: GenericNetlinkFamily
    ) -> GenericNetlinkBody {
        var attributes = [NetlinkAttribute(Attribute.index, index), sockets(descriptors)]
        if let backendIdentifier {
            attributes.append(NetlinkAttribute(Attribute.backendIdentifier, backendIdentifier))
        }
        return GenericNetlinkBody(
            command: Command.reconfigure, version: family.version, attributes: attributes)
    }

    /// Succeeds also when nothing is attached.
    package static func disconnect(_ index: UInt32, to family: GenericNetlinkFamily) -> GenericNetlinkBody {
        GenericNetlinkBody(
            command: Command.disconnect, version: family.version,
            attributes: [NetlinkAttribute(Attribute.index, index)])
    }

    package static func status(of index: UInt32, to family: GenericNetlinkFamily) -> GenericNetlinkBody {
        GenericNetlinkBody(
            command: Command.status, version: family.version,
            attributes: [NetlinkAttribute(Attribute.index, index)])
    }

    private static func sockets(_ descriptors: [Int32]) -> NetlinkAttribute {
        NetlinkAttribute(
            Attribute.sockets,
            descriptors.map { descriptor in
                NetlinkAttribute(
                    Attribute.item,
                    [NetlinkAttribute(Attribute.descriptor, UInt32(bitPattern: descriptor))])
            })
    }

    // MARK: Answers

    package struct DeviceStatus: Equatable, Sendable {
        package var index: UInt32
        /// Set up, or being so; also while anybody merely has the device open.
        package var isInUse: Bool
    }

    /// The answer to ``status(of:to:)``.
    package static func devices(_ answer: GenericNetlinkBody) throws(NetlinkViolation) -> [DeviceStatus] {
        guard let list = answer.attributes[kind: Attribute.devices] else { throw .missing("device list") }
        var devices: [DeviceStatus] = []
        for item in try list.attributes() {
            let parts = try item.attributes()
            guard let index = parts[kind: Attribute.deviceIndex],
                let isConnected = parts[kind: Attribute.isConnected]
            else { throw .missing("device's number and state") }
            devices.append(
                DeviceStatus(
                    index: try index.number(), isInUse: try isConnected.number(as: UInt8.self) != 0))
        }
        return devices
    }

    /// The device of a message to the multicast group that says that one of its connections died.
    ///
    /// - Returns: `nil` for other messages.
    package static func deadLink(_ message: GenericNetlinkBody) throws(NetlinkViolation) -> UInt32? {
        guard message.command == Command.linkDead else { return nil }
        guard let index = message.attributes[kind: Attribute.index] else { throw .missing("device number") }
        return try index.number()
    }
}
