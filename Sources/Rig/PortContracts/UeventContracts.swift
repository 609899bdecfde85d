import LinuxPlatform
import VirtualMedia

extension PortContract {
    static let ueventContracts: [PortContract] = [
        PortContract(.uevents, "attaching and detaching are changes of the device, each with one event") {
            subject in
            try await subject.withServer { server in
                let device = subject.devices[0]
                // From here on the write protection stays as it is.
                try await subject.attachAndDetach(device, server)
                let events = try await subject.events(until: subject.devices[1], server) {
                    try await subject.attachAndDetach(device, server)
                }
                try expect(
                    events.filter { $0.hasSuffix("/\(device)") },
                    is: [
                        "change /devices/virtual/block/\(device)", "change /devices/virtual/block/\(device)",
                    ],
                    "the events")
            }
        },
        PortContract(.uevents, "a change of write protection has an event of its own, the first") { subject in
            try await subject.withServer { server in
                let device = subject.devices[0]
                try await subject.attachAndDetach(device, server, isReadOnly: true)
                let stream = await subject.uevents.uevents()
                try await subject.attachAndDetach(device, server, isReadOnly: false)
                for await event in stream where event.devicePath.hasSuffix("/\(device)") {
                    try expect(event.properties.contains("DISK_RO=0"), "its properties: \(event.properties)")
                    break
                }
            }
        },
        PortContract(.uevents, "while a unit holds the device its detach is not announced, only its release")
        {
            subject in
            try await subject.withServer { server in
                let device = subject.devices[0]
                try await subject.attachAndDetach(device, server)
                try await subject.nbd.attach(
                    ContractServer.attachment(device), connections: [try await server.connect()])
                try await subject.perform(
                    GadgetState.assembled.steps + [
                        .write("\(ConfigFSRule.lun)/ro", "1"), .write("\(ConfigFSRule.lun)/file", "NBD0"),
                    ])
                let whileHeld = try await subject.events(until: subject.devices[1], server) {
                    try await subject.nbd.detach(device)
                }
                try expect(whileHeld.filter { $0.hasSuffix("/\(device)") }, is: [], "events while held")
                let whenFree = try await subject.events(until: subject.devices[1], server) {
                    try await subject.perform([.write("\(ConfigFSRule.lun)/file", "")])
                }
                try expect(
                    whenFree.filter { $0.hasSuffix("/\(device)") },
                    is: ["change /devices/virtual/block/\(device)"], "events when free")
            }
        },
        PortContract(.uevents, "the death of an idle server is not announced", needsNetlink: true) {
            subject in
            try await subject.withServer { server in
                let device = subject.devices[0]
                let mortal = ContractServer()
                try await subject.nbd.attach(
                    ContractServer.attachment(device), connections: [try await mortal.connect()])
                let events = try await subject.events(until: subject.devices[1], server) {
                    await mortal.stop()
                    try await subject.wait(for: "no live connection") {
                        try await subject.nbd.status(of: device).liveConnections == 0
                    }
                }
                try expect(events.filter { $0.hasSuffix("/\(device)") }, is: [], "the events")
            }
        },
        PortContract(.uevents, "binding and unbinding are changes of the controller, with the gadget's name")
        {
            subject in
            try await subject.perform(GadgetState.assembled.steps)
            let stream = await subject.uevents.uevents()
            try await subject.perform([.write("g1/UDC", "UDC0"), .write("g1/UDC", "")])
            var found: [Bool] = []
            for await event in stream
            where event.subsystem == "udc" && event.devicePath.hasSuffix("/udc/\(subject.controllerNames[0])")
            {
                try expect(event.action, is: "change", "the action")
                found.append(event.properties.contains("USB_UDC_DRIVER=g1"))
                if found.count == 2 { break }
            }
            try expect(found, is: [true, false], "whether each names the gadget")
        },
        PortContract(.uevents, "the gadget's own device is bound and unbound") { subject in
            try await subject.perform(GadgetState.assembled.steps)
            let stream = await subject.uevents.uevents()
            try await subject.perform([.write("g1/UDC", "UDC0"), .write("g1/UDC", "")])
            var found: [String] = []
            for await event in stream
            where event.subsystem == "gadget" && ["bind", "unbind"].contains(event.action) {
                let isNamed = event.properties.contains("DRIVER=configfs-gadget.g1")
                found.append("\(event.action)\(isNamed ? " of g1" : "")")
                if found.count == 2 { break }
            }
            try expect(found, is: ["bind of g1", "unbind"], "the events")
        },
    ]
}

extension ContractSubject {
    fileprivate func attachAndDetach(
        _ device: String, _ server: ContractServer, isReadOnly: Bool = true
    ) async throws {
        try await nbd.attach(
            ContractServer.attachment(device, isReadOnly: isReadOnly),
            connections: [try await server.connect()])
        try await nbd.detach(device)
    }

    /// What the block devices announce during `body`: "change /devices/virtual/block/nbd0". The two events
    /// of another device, `marker`, tell that all has come.
    fileprivate func events(
        until marker: String, _ server: ContractServer, during body: () async throws -> Void
    ) async throws -> [String] {
        // From here on its write protection stays as it is.
        try await attachAndDetach(marker, server)
        let stream = await uevents.uevents()
        try await body()
        try await attachAndDetach(marker, server)
        var found: [String] = []
        var markers = 0
        for await event in stream where event.subsystem == "block" {
            if event.devicePath.hasSuffix("/\(marker)") {
                markers += 1
                if markers == 2 { break }
            } else if markers == 0 {
                found.append("\(event.action) \(event.devicePath)")
            }
        }
        return found
    }
}
