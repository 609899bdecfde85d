import Glibc
import VirtualMedia

extension PortContract {
    private static let link = "g1/configs/c.1/mass_storage.0"

    static let controllerContracts: [PortContract] = [
        PortContract(.controllers, "controllers are listed sorted, and free ones have no function") {
            subject in
            let found = try await subject.controllers.controllers()
            try expect(found.map(\.name), is: found.map(\.name).sorted(), "the order of controllers")
            for name in subject.controllerNames {
                let controller = found.first { $0.name == name }
                try expect(controller?.function, is: "", "function of \(name)")
                try expect(controller?.state, is: "not attached", "state of \(name)")
                // dummy_hcd tells nobody; hubs that do are not to be had here.
                try expect(controller?.endpoints, is: nil, "endpoints of \(name)")
            }
        },
        PortContract(.controllers, "binding shows the gadget at its controller, unbinding frees it") {
            subject in
            try await subject.perform(GadgetState.bound.steps)
            try expect(try await function(subject), is: "g1", "function")
            try expect(try await subject.attribute("g1/UDC"), is: subject.controllerNames[0], "UDC")
            try await subject.perform([.write("g1/UDC", "")])
            try expect(try await function(subject), is: "", "function")
            try await subject.wait(for: "state \"not attached\"") {
                try await state(subject) == "not attached"
            }
        },
        PortContract(.controllers, "a controller has one gadget, a gadget one controller") { subject in
            try await subject.perform(GadgetState.bound.steps + GadgetState.assembly("g2"))
            let taken = await errorNumber { () throws(SystemError) in
                try await subject.gadgets.write(subject.controllerNames[0], to: "g2/UDC")
            }
            try expect(ErrnoNames.name(taken), is: "EBUSY", "binding a second gadget")
            try await subject.perform([.write("g2/UDC", "UDC1")])
            try expect(try await function(subject, 1), is: "g2", "function of the other")
        },
        PortContract(.controllers, "removing a unit unbinds its gadget") { subject in
            try await subject.perform(
                GadgetState.bound.steps + [.rmdir("\(ConfigFSRule.function)/lun.1")])
            try expect(try await subject.attribute("g1/UDC"), is: "", "UDC")
            try expect(try await function(subject), is: "", "function")
        },
        PortContract(.controllers, "removing the link of a function unbinds its gadget") { subject in
            try await subject.perform(GadgetState.bound.steps + [.unlink(link)])
            try expect(try await subject.attribute("g1/UDC"), is: "", "UDC")
            try await subject.perform([.rmdir("\(ConfigFSRule.function)/lun.1")])
            try await subject.perform([.rmdir(ConfigFSRule.function)])
        },
        PortContract(.controllers, "a function of another gadget cannot be linked") { subject in
            try await subject.perform(
                GadgetState.assembled.steps + [.mkdir("g2"), .mkdir("g2/configs/c.1")])
            let found = await errorNumber { () throws(SystemError) in
                try await subject.gadgets.makeLink(at: "g2/configs/c.1/f", to: ConfigFSRule.function)
            }
            try expect(ErrnoNames.name(found), is: "EINVAL", "linking")
        },
    ]

    private static func controller(_ subject: ContractSubject, _ index: Int) async throws -> DeviceController?
    {
        let name = subject.controllerNames[index]
        return try await subject.controllers.controllers().first { $0.name == name }
    }

    private static func function(_ subject: ContractSubject, _ index: Int = 0) async throws -> String? {
        try await controller(subject, index)?.function
    }

    private static func state(_ subject: ContractSubject) async throws -> String? {
        try await controller(subject, 0)?.state
    }
}
