/// What a rig is made of, as `rigs/NAME/rig.yaml` says it, in labgrid's shape: one target with resources and
/// features.
package struct RigDefinition: Equatable, Sendable {
    /// That of its folder.
    package var name: String
    /// What there is to be used on it: "nbd", "configfs", "udc", "usb-host".
    package var features: [String]
    package var place: Place

    package enum Place: Equatable, Sendable {
        /// Booted on this machine.
        case machine(MachineDefinition)
        /// Reached with `ssh`.
        case network(NetworkService)
    }

    package init(name: String, features: [String] = [], place: Place) {
        self.name = name
        self.features = features
        self.place = place
    }
}

/// A virtual machine.
package struct MachineDefinition: Equatable, Sendable {
    package static let memoryRange = 128...16_384
    package static let coreRange = 1...64

    package var memoryMiB = 512
    package var coreCount = 1
    package var accelerator = Accelerator.auto
    package var network = Network.restricted
    /// A package of Debian that the newest kernel package is a dependency of, or a kernel package itself.
    package var kernelPackage = "linux-image-amd64"
    /// Loaded at boot, in this order, each with what it depends on.
    package var modules: [Module] = []
    /// Added to the kernel's command line.
    package var kernelArguments: [String] = []

    package init() {}

    package struct Module: Equatable, Sendable {
        package var name: String
        /// As `modprobe` takes them: "num=8 is_super_speed=1".
        package var parameters: String

        package init(_ name: String, parameters: String = "") {
            self.name = name
            self.parameters = parameters
        }
    }

    package enum Accelerator: String, Sendable, CaseIterable {
        /// The processor is emulated: slow, and the same everywhere.
        case tcg
        /// The processor's own help, which has to work.
        case kvm
        /// KVM where a guest was seen to run with it.
        case auto
    }

    package enum Network: String, Sendable, CaseIterable {
        /// No network card.
        case none
        /// Only what is forwarded to ports of the guest.
        case restricted
        /// The guest reaches 127.0.0.1 of this machine as 10.0.2.2, and what this machine reaches.
        case open
    }
}

/// A machine that is there already.
package struct NetworkService: Equatable, Sendable {
    package var address: String
    package var user: String
    package var port: UInt16

    package init(address: String, user: String = "root", port: UInt16 = 22) {
        self.address = address
        self.user = user
        self.port = port
    }
}
