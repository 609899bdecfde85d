import Glibc
import LinuxPlatform
import VirtualMedia

extension PortContract {
    /// Attaching, reading and detaching, with a server that behaves.
    static let nbdContracts: [PortContract] =
        [
            PortContract(.nbd, "data read through the device are the server's") { subject in
                try await subject.withServer { server in
                    let device = subject.devices[0]
                    try await subject.nbd.attach(
                        ContractServer.attachment(device), connections: [try await server.connect()])
                    let size = ContractServer.image.count
                    for (offset, count) in [(0, 1), (511, 2), (4096, 70_000), (size - 3, 3), (size, 0)] {
                        let read = try await subject.nbd.read(count, at: UInt64(offset), from: device)
                        let wanted = Array(ContractServer.image[offset..<offset + count])
                        try expect(read == wanted, "\(count) bytes at \(offset) are not the image's")
                    }
                    let past = await errorNumber { () throws(SystemError) in
                        _ = try await subject.nbd.read(1, at: UInt64(size), from: device)
                    }
                    try expect(ErrnoNames.name(past), is: "EINVAL", "a read past the end")
                }
            },
            PortContract(.nbd, "an attached device has its size, owner and write protection") { subject in
                try await subject.withServer { server in
                    let device = subject.devices[0]
                    for isReadOnly in [true, false, true] {
                        try await subject.nbd.attach(
                            ContractServer.attachment(device, isReadOnly: isReadOnly),
                            connections: [try await server.connect()])
                        let status = try await subject.nbd.status(of: device)
                        try expect(status.isAttached, "it is not attached")
                        try expect(status.liveConnections, is: 1, "live connections")
                        try expect(status.byteCount, is: UInt64(ContractServer.image.count), "size")
                        try expect(status.isReadOnly, is: isReadOnly, "read-only")
                        try expect(status.backendIdentifier, is: "mediarig-contract", "owner")
                        try await subject.nbd.detach(device)
                        let after = try await subject.nbd.status(of: device)
                        try expect(after.isAttached, is: false, "attached after a detach")
                        try expect(after.byteCount, is: 0, "size after a detach")
                        try expect(after.liveConnections, is: 0, "live connections after a detach")
                        try expect(after.backendIdentifier, is: nil, "owner after a detach")
                        try expect(after.isReadOnly, is: isReadOnly, "read-only after a detach")
                    }
                }
            },
            PortContract(.nbd, "several connections are taken where the server allows them") { subject in
                try await subject.withServer { server in
                    let device = subject.devices[0]
                    var connections: [any ByteChannel] = []
                    for _ in 1...3 { connections.append(try await server.connect()) }
                    try await subject.nbd.attach(
                        ContractServer.attachment(device, canMultiConnect: true), connections: connections)
                    try expect(
                        try await subject.nbd.status(of: device).liveConnections, is: 3, "live connections")
                    let read = try await subject.nbd.read(1 << 20, at: 0, from: device)
                    try expect(read == ContractServer.image, "what was read is not the image")
                }
            },
            PortContract(.nbd, "a device is busy until the last who has it open lets go") { subject in
                try await subject.withServer { server in
                    let device = subject.devices[0]
                    func attach() async throws -> String {
                        let channel = try await server.connect()
                        return ErrnoNames.name(
                            await errorNumber { () throws(SystemError) in
                                try await subject.nbd.attach(
                                    ContractServer.attachment(device), connections: [channel])
                            })
                    }
                    try expect(try await attach(), is: "success", "attaching")
                    try expect(try await attach(), is: "EBUSY", "attaching again")
                    try await subject.perform(
                        GadgetState.assembled.steps + [
                            .write("\(ConfigFSRule.lun)/ro", "1"), .write("\(ConfigFSRule.lun)/file", "NBD0"),
                        ])
                    try await subject.nbd.detach(device)
                    let held = try await subject.nbd.status(of: device)
                    try expect(held.byteCount, is: UInt64(ContractServer.image.count), "size while held")
                    try expect(held.isAttached, is: true, "attached while held")
                    try expect(held.liveConnections, is: 0, "live connections while held")
                    try expect(try await attach(), is: "EBUSY", "attaching while held")
                    try await subject.perform([.write("\(ConfigFSRule.lun)/file", "")])
                    try expect(try await subject.nbd.status(of: device).byteCount, is: 0, "size once free")
                    try expect(try await attach(), is: "success", "attaching once free")
                }
            },
            PortContract(.nbd, "a device that holds nothing refuses what needs something") { subject in
                let device = subject.devices[0]
                let calls: [(String, String, CInt)] = [
                    (
                        "read", "ENODEV",
                        await errorNumber { () throws(SystemError) in
                            _ = try await subject.nbd.read(512, at: 0, from: device)
                        }
                    ),
                    (
                        "flush", "ENODEV",
                        await errorNumber { () throws(SystemError) in try await subject.nbd.flush(device) }
                    ),
                    (
                        "detach", "success",
                        await errorNumber { () throws(SystemError) in try await subject.nbd.detach(device) }
                    ),
                    (
                        "drop cache", "success",
                        await errorNumber { () throws(SystemError) in
                            try await subject.nbd.dropCache(of: device)
                        }
                    ),
                ]
                for (name, wanted, found) in calls { try expect(ErrnoNames.name(found), is: wanted, name) }
            },
            PortContract(.nbd, "nothing attached can be reconfigured", needsNetlink: true) { subject in
                let device = subject.devices[0]
                let (ours, theirs) = try SystemSockets.pair()
                let channels = [SocketChannel(owning: ours), SocketChannel(owning: theirs)]
                let found = await errorNumber { () throws(SystemError) in
                    try await subject.nbd.reconfigure(device, connections: [channels[0]])
                }
                try expect(ErrnoNames.name(found), is: "EINVAL", "reconfigure")
            },
            PortContract(.nbd, "a read after the cache was dropped reaches the server") { subject in
                try await subject.withServer { server in
                    let device = subject.devices[0]
                    try await subject.nbd.attach(
                        ContractServer.attachment(device), connections: [try await server.connect()])
                    var before: UInt64 = 0
                    for turn in 1...3 {
                        _ = try await subject.nbd.read(65_536, at: 0, from: device)
                        let now = try await subject.nbd.status(of: device).readBytes
                        try expect(now >= before + 65_536, "turn \(turn) moved \(now - before) bytes")
                        before = now
                        try await subject.nbd.dropCache(of: device)
                    }
                    try await subject.nbd.flush(device)
                }
            },
        ]
        + [
            ("nbd4096", 512, 1, "ENODEV"), ("sda", 512, 1, "ENODEV"), ("NBD0", 0, 1, "EINVAL"),
            ("NBD0", 511, 1, "EINVAL"),
            ("NBD0", 768, 1, "EINVAL"), ("NBD0", 8192, 1, "EINVAL"), ("NBD0", 512, 0, "EINVAL"),
            ("NBD0", 512, 2, "EINVAL"), ("NBD0", 1024, 1, "success"), ("NBD0", 4096, 1, "success"),
        ].map { (device, blockBytes, connectionCount, wanted) in
            PortContract(
                .nbd,
                "attaching \(device) with \(connectionCount) connections and blocks of \(blockBytes) is \(wanted)"
            ) { subject in
                try await subject.withServer { server in
                    var connections: [any ByteChannel] = []
                    for _ in 0..<connectionCount { connections.append(try await server.connect()) }
                    let name = device == "NBD0" ? subject.devices[0] : device
                    let found = await errorNumber { () throws(SystemError) in
                        try await subject.nbd.attach(
                            ContractServer.attachment(name, blockBytes: UInt32(blockBytes)),
                            connections: connections)
                    }
                    try expect(ErrnoNames.name(found), is: wanted, "attaching")
                }
            }
        }
}
