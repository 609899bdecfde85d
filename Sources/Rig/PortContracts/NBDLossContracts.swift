import Glibc
import LinuxPlatform
import VirtualMedia

extension PortContract {
    /// A server that dies, and one that comes back.
    static let nbdLossContracts: [PortContract] = [
        PortContract(.nbd, "the death of an idle server is noticed, and the device stays", needsNetlink: true)
        { subject in
            try await subject.withServer { server in
                let device = subject.devices[0]
                let events = await subject.nbd.events()
                try await subject.nbd.attach(
                    ContractServer.attachment(device), connections: [try await server.connect()])
                await server.stop()
                for await event in events {
                    try expect(event, is: .linkDead(device: device), "the first event")
                    break
                }
                try await subject.wait(for: "no live connection") {
                    try await subject.nbd.status(of: device).liveConnections == 0
                }
                let status = try await subject.nbd.status(of: device)
                try expect(status.isAttached, "it is not attached any more")
                try expect(status.byteCount, is: UInt64(ContractServer.image.count), "size")
            }
        },
        PortContract(
            .nbd, "without time for dead connections a read of a dead server fails", needsNetlink: true
        ) { subject in
            try await subject.withServer { server in
                let device = subject.devices[0]
                try await subject.nbd.attach(
                    ContractServer.attachment(device), connections: [try await server.connect()])
                await server.stop()
                try await subject.wait(for: "no live connection") {
                    try await subject.nbd.status(of: device).liveConnections == 0
                }
                let found = await errorNumber { () throws(SystemError) in
                    _ = try await subject.nbd.read(512, at: 0, from: device)
                }
                try expect(ErrnoNames.name(found), is: "EIO", "reading")
            }
        },
        PortContract(
            .nbd, "with one of several connections dead the others carry on, and it is replaced",
            needsNetlink: true
        ) { subject in
            try await subject.withServer { server in
                let device = subject.devices[0]
                let dying = ContractServer()
                var connections: [any ByteChannel] = []
                for _ in 1...3 { connections.append(try await server.connect()) }
                connections.append(try await dying.connect())
                try await subject.nbd.attach(
                    ContractServer.attachment(
                        device, canMultiConnect: true, deadConnectionTimeout: .seconds(15)),
                    connections: connections)
                try expect(try await subject.nbd.status(of: device).liveConnections, is: 4, "live at first")
                await dying.stop()
                try await subject.wait(for: "three live connections") {
                    try await subject.nbd.status(of: device).liveConnections == 3
                }
                try await subject.wait(for: "the dead connection is closed") { connections[3].isClosed }
                for turn in 1...8 {
                    let read = try await subject.nbd.read(1 << 17, at: UInt64(turn - 1) << 17, from: device)
                    let range = (turn - 1) << 17..<turn << 17
                    try expect(read == Array(ContractServer.image[range]), "read \(turn) is not the image's")
                }
                try await subject.nbd.reconfigure(device, connections: [try await server.connect()])
                try expect(try await subject.nbd.status(of: device).liveConnections, is: 4, "live at last")
                let read = try await subject.nbd.read(1 << 20, at: 0, from: device)
                try expect(read == ContractServer.image, "what was read is not the image")
            }
        },
        PortContract(.nbd, "all of several connections are replaced at once", needsNetlink: true) { subject in
            try await subject.withThreeLost { device in
                let second = ContractServer()
                var replacements: [any ByteChannel] = []
                for _ in 1...3 { replacements.append(try await second.connect()) }
                try await subject.nbd.reconfigure(device, connections: replacements)
                try expect(
                    try await subject.nbd.status(of: device).liveConnections, is: 3, "live connections")
                let read = try await subject.nbd.read(1 << 20, at: 0, from: device)
                try expect(read == ContractServer.image, "what was read is not the image")
                try await subject.nbd.detach(device)
                await second.stop()
            }
        },
        PortContract(.nbd, "fewer connections than were lost are taken, and more later", needsNetlink: true) {
            subject in
            try await subject.withThreeLost { device in
                let second = ContractServer()
                for count in 1...3 {
                    try await subject.nbd.reconfigure(device, connections: [try await second.connect()])
                    try expect(
                        try await subject.nbd.status(of: device).liveConnections, is: count,
                        "live connections")
                    let read = try await subject.nbd.read(1 << 20, at: 0, from: device)
                    try expect(read == ContractServer.image, "what was read is not the image")
                }
                try await subject.nbd.detach(device)
                await second.stop()
            }
        },
        PortContract(.nbd, "a read waits for a new connection, and then is answered", needsNetlink: true) {
            subject in
            try await subject.withServer { server in
                let device = subject.devices[0]
                try await subject.nbd.attach(
                    ContractServer.attachment(device, deadConnectionTimeout: .seconds(15)),
                    connections: [try await server.connect()])
                await server.stop()
                try await subject.wait(for: "no live connection") {
                    try await subject.nbd.status(of: device).liveConnections == 0
                }
                let reading = Outcome<[UInt8]>()
                let reader = subject.spawner.spawn("contract reader", .ownThread) {
                    let bytes = try? await subject.nbd.read(4096, at: 8192, from: device)
                    reading.set(bytes)
                }
                let second = ContractServer()
                try await subject.nbd.reconfigure(device, connections: [try await second.connect()])
                await reader.finished()
                try expect(
                    reading.value == Array(ContractServer.image[8192..<12_288]), "the read did not succeed")
                try expect(
                    try await subject.nbd.status(of: device).liveConnections, is: 1, "live connections")
                try await subject.nbd.detach(device)
                await second.stop()
            }
        },
        PortContract(
            .nbd, "a request that a dead server has goes to the new one after its timeout", needsNetlink: true
        ) {
            subject in
            try await subject.withServer { server in
                let device = subject.devices[0]
                // Nobody answers at the other end of this one.
                let (ours, theirs) = try SystemSockets.pair()
                let silent = SocketChannel(owning: theirs)
                try await subject.nbd.attach(
                    ContractServer.attachment(
                        device, requestTimeout: .seconds(2), deadConnectionTimeout: .seconds(15)),
                    connections: [SocketChannel(owning: ours)])
                let reading = Outcome<[UInt8]>()
                let reader = subject.spawner.spawn("contract reader", .ownThread) {
                    let bytes = try? await subject.nbd.read(4096, at: 0, from: device)
                    reading.set(bytes)
                }
                // The request is on its way once the silent end has something to read.
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 28, alignment: 16)
                defer { buffer.deallocate() }
                try expect(try await silent.read(into: buffer) > 0, "no request came")
                silent.close()
                try await subject.wait(for: "no live connection") {
                    try await subject.nbd.status(of: device).liveConnections == 0
                }
                try await subject.nbd.reconfigure(device, connections: [try await server.connect()])
                await reader.finished()
                try expect(reading.value == Array(ContractServer.image[..<4096]), "the read did not succeed")
            }
        },
        PortContract(.nbd, "a server that does not answer is given up after the request's timeout") {
            subject in
            let device = subject.devices[0]
            let (ours, theirs) = try SystemSockets.pair()
            let silent = SocketChannel(owning: theirs)
            try await subject.nbd.attach(
                ContractServer.attachment(device, requestTimeout: .seconds(1)),
                connections: [SocketChannel(owning: ours)])
            let found = await errorNumber { () throws(SystemError) in
                _ = try await subject.nbd.read(512, at: 0, from: device)
            }
            try expect(ErrnoNames.name(found), is: "EIO", "reading")
            try await subject.wait(for: "no live connection") {
                try await subject.nbd.status(of: device).liveConnections == 0
            }
            silent.close()
        },
        PortContract(.nbd, "a detach ends what waits for a dead server") { subject in
            let device = subject.devices[0]
            let (ours, theirs) = try SystemSockets.pair()
            let silent = SocketChannel(owning: theirs)
            try await subject.nbd.attach(
                ContractServer.attachment(
                    device, requestTimeout: .seconds(60), deadConnectionTimeout: .seconds(60)),
                connections: [SocketChannel(owning: ours)])
            let reading = Outcome<[UInt8]>()
            let reader = subject.spawner.spawn("contract reader", .ownThread) {
                let code = await errorNumber { () throws(SystemError) in
                    _ = try await subject.nbd.read(512, at: 0, from: device)
                }
                reading.set([UInt8(truncatingIfNeeded: code)])
            }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 28, alignment: 16)
            defer { buffer.deallocate() }
            try expect(try await silent.read(into: buffer) > 0, "no request came")
            try await subject.nbd.detach(device)
            await reader.finished()
            try expect(reading.value ?? [], is: [UInt8(EIO)], "what the read ended with")
            silent.close()
        },
    ]
}

extension ContractSubject {
    /// Runs `body` with a device whose three connections were lost together, and which waits for others.
    fileprivate func withThreeLost(_ body: (_ device: String) async throws -> Void) async throws {
        try await withServer { server in
            let device = devices[0]
            var connections: [any ByteChannel] = []
            for _ in 1...3 { connections.append(try await server.connect()) }
            try await nbd.attach(
                ContractServer.attachment(device, canMultiConnect: true, deadConnectionTimeout: .seconds(15)),
                connections: connections)
            await server.stop()
            try await wait(for: "no live connection") {
                try await nbd.status(of: device).liveConnections == 0
            }
            try await body(device)
        }
    }
}
