import FaultPoints
import NBDProtocol
import SimulatedNetwork
import SimulatedTime
import TestSupport
import USBMassStorage
import VirtualMedia

@testable import SimulatedBMC

/// A kernel in virtual time, with servers and a host around it.
struct KernelRun: Sendable {
    static let udc = "dummy_udc.0"
    static let lun = "g1/functions/mass_storage.0/lun.0"

    let simulation: Simulation
    let kernel: SimulatedKernel

    /// Runs `body` against a fresh kernel.
    static func run<Result: Sendable>(
        profile: KernelProfile = .linux6_12, seed: UInt64 = 1, faults: any FaultInjector = NoFaults(),
        _ body: @escaping @Sendable (KernelRun) async throws -> Result
    ) throws -> Result {
        try Simulation(seed: seed).run { simulation in
            let kernel = SimulatedKernel(
                executor: simulation.executor, clock: simulation.clock, spawner: simulation.spawner,
                profile: profile, controllers: ControllerChip.dummies(3), faults: faults)
            let result = try await body(KernelRun(simulation: simulation, kernel: kernel))
            await kernel.shutDown()
            return result
        }
    }

    var now: Duration { simulation.clock.now }

    func server(_ script: ScriptedServer.Script) -> (ScriptedServer, MemoryChannel) {
        ScriptedServer.start(script, clock: simulation.clock, spawner: simulation.spawner)
    }

    func attachment(
        _ device: String = "nbd0", byteCount: Int, flags: TransmissionFlags = [.hasFlags, .isReadOnly],
        timeout: Duration? = .seconds(20), deadTimeout: Duration = .zero, readAhead: Int = 0
    ) -> NBDAttachment {
        NBDAttachment(
            device: device, byteCount: UInt64(byteCount), blockBytes: 512,
            transmissionFlags: flags.rawValue, requestTimeout: timeout, deadConnectionTimeout: deadTimeout,
            readAheadBytes: readAhead, backendIdentifier: "test")
    }

    /// Builds a gadget as the service does, up to the bound controller.
    func buildGadget(
        _ name: String = "g1", files: [String], isDisc: Bool = false, isReadOnly: Bool = false,
        controller: String = udc
    ) async throws {
        let function = "\(name)/functions/mass_storage.0"
        try await kernel.makeDirectory(name)
        try await kernel.write("0x1d6b", to: "\(name)/idVendor")
        try await kernel.write("0x0104", to: "\(name)/idProduct")
        try await kernel.makeDirectory("\(name)/strings/0x409")
        try await kernel.write("OpenBMC", to: "\(name)/strings/0x409/manufacturer")
        try await kernel.write("Virtual Media", to: "\(name)/strings/0x409/product")
        try await kernel.write("0123456789AB", to: "\(name)/strings/0x409/serialnumber")
        try await kernel.makeDirectory("\(name)/configs/c.1")
        try await kernel.makeDirectory("\(name)/configs/c.1/strings/0x409")
        try await kernel.write("config", to: "\(name)/configs/c.1/strings/0x409/configuration")
        try await kernel.makeDirectory(function)
        for (number, file) in files.enumerated() {
            let lun = "\(function)/lun.\(number)"
            if number > 0 { try await kernel.makeDirectory(lun) }
            try await kernel.write("1", to: "\(lun)/removable")
            try await kernel.write(isReadOnly ? "1" : "0", to: "\(lun)/ro")
            try await kernel.write(isDisc ? "1" : "0", to: "\(lun)/cdrom")
            if !file.isEmpty { try await kernel.write(file, to: "\(lun)/file") }
        }
        try await kernel.makeLink(at: "\(name)/configs/c.1/mass_storage.0", to: function)
        try await kernel.write(controller, to: "\(name)/UDC")
    }

    /// Plugs a host in, waits for the device and configures it.
    func host(on controller: String = udc) async throws -> TestHost {
        await kernel.attachHost(to: controller)
        let host = TestHost(try await kernel.device(on: controller, timeout: .seconds(5)))
        try await host.enumerate()
        return host
    }
}

/// A host that speaks just enough USB and SCSI to look at a LUN.
actor TestHost {
    struct Answer: Equatable, Sendable {
        var data: [UInt8]
        var status: CommandStatusWrapper.Status
    }

    let connection: any USBDeviceConnection
    private var tag: UInt32 = 0
    private let timeout = Duration.seconds(30)

    init(_ connection: any USBDeviceConnection) { self.connection = connection }

    func control(_ type: UInt8, _ request: UInt8, value: UInt16 = 0, length: UInt16 = 0) async throws
        -> [UInt8]
    {
        let setup = SetupPacket(
            requestType: type, request: request, value: value, index: 0, length: length)
        return try await connection.control(setup, data: [], timeout: timeout)
    }

    /// - Returns: the device descriptor.
    @discardableResult
    func enumerate() async throws -> [UInt8] {
        let descriptor = try await control(0x80, 6, value: 0x0100, length: 18)
        _ = try await control(0, 5, value: 7)
        _ = try await control(0, 9, value: 1)
        // The power-on unit attention and the news of the medium.
        for _ in 0..<3 { _ = try await command([0, 0, 0, 0, 0, 0]) }
        return descriptor
    }

    func command(_ block: [UInt8], lun: UInt8 = 0, reading byteCount: Int = 0, writing data: [UInt8] = [])
        async throws -> Answer
    {
        tag += 1
        let wrapper = CommandBlockWrapper(
            tag: tag, transferByteCount: UInt32(max(byteCount, data.count)),
            direction: data.isEmpty ? .toHost : .fromHost, lun: lun,
            commandBlock: CommandDescriptorBlock(block))
        try await connection.bulkOut(endpoint: 1, wrapper.encoded[...], timeout: timeout)
        var received: [UInt8] = []
        if !data.isEmpty { try await connection.bulkOut(endpoint: 1, data[...], timeout: timeout) }
        if byteCount > 0 {
            let pieces = try await connection.bulkIn(endpoint: 1, byteCount: byteCount, timeout: timeout)
            received = pieces.flatMap { $0 }
        }
        let status = try await connection.bulkIn(endpoint: 1, byteCount: 13, timeout: timeout)
        guard let csw = CommandStatusWrapper(decoding: status.flatMap { $0 }[...]), csw.tag == tag else {
            throw USBTransferError.stalled
        }
        return Answer(data: received, status: csw.status)
    }

    /// READ(10).
    func read(_ block: UInt32, count: UInt16, lun: UInt8 = 0, blockBytes: Int = 512) async throws -> Answer {
        try await command(
            Self.block(0x28, block, count), lun: lun, reading: Int(count) * blockBytes)
    }

    /// WRITE(10).
    func write(_ block: UInt32, _ data: [UInt8], isForced: Bool = false) async throws -> Answer {
        var command = Self.block(0x2A, block, UInt16(data.count / 512))
        if isForced { command[1] = 0x08 }
        return try await self.command(command, writing: data)
    }

    func synchronize() async throws -> Answer { try await command([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]) }
    func eject() async throws -> Answer { try await command([0x1B, 0, 0, 0, 2, 0]) }
    func prevent(_ isPrevented: Bool) async throws -> Answer {
        try await command([0x1E, 0, 0, 0, isPrevented ? 1 : 0, 0])
    }

    /// Sense key, additional code and qualifier.
    func sense() async throws -> [UInt8] {
        let data = try await command([3, 0, 0, 0, 18, 0], reading: 18).data
        return [data[2] & 0x0F, data[12], data[13]]
    }

    private static func block(_ opcode: UInt8, _ block: UInt32, _ count: UInt16) -> [UInt8] {
        [
            opcode, 0, UInt8(block >> 24), UInt8(block >> 16 & 0xFF), UInt8(block >> 8 & 0xFF),
            UInt8(block & 0xFF), 0, UInt8(count >> 8), UInt8(count & 0xFF), 0,
        ]
    }
}
