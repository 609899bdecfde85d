package import HostObserver
package import USBMassStorage
package import VirtualMedia

extension Scenario {
    /// What stands where before the first step.
    package struct Topology: Equatable, Sendable {
        package var kernel = Kernel.linux6_12
        /// None means one chip of four free ports.
        package var controllers: [Chip] = []
        package var slots: [Slot] = []
        package var images: [Image] = []
        package var store = Store()
        package var host = Host()

        package init(
            slots: [Slot] = [], images: [Image] = [], store: Store = Store(), host: Host = Host(),
            kernel: Kernel = .linux6_12, controllers: [Chip] = []
        ) {
            self.slots = slots
            self.images = images
            self.store = store
            self.host = host
            self.kernel = kernel
            self.controllers = controllers
        }

        package func slot(_ name: String) -> Slot? { slots.first { $0.name == name } }
        package func image(_ name: String) -> Image? { images.first { $0.name == name } }
    }

    /// The rules that the simulated kernel follows.
    package enum Kernel: String, Sendable, CaseIterable {
        case linux6_12 = "linux-6.12"
        case linux6_1 = "linux-6.1"
        case linux5_15 = "linux-5.15"
    }

    /// A USB device controller chip; its ports share endpoints.
    package struct Chip: Equatable, Sendable {
        package var kind: Kind
        package var portCount: Int
        /// Besides endpoint 0; a slot needs two.
        package var endpointCount: Int
        package var speed: BusSpeed
        /// Ports that something else is bound to, by number from 1: 1 is "kvm-hid".
        package var occupied: [Int: String] = [:]

        package enum Kind: String, Sendable, CaseIterable {
            /// ASPEED's virtual hub: "1e6a0000.usb-vhub:p1".
            case aspeed
            /// "dummy_udc.0".
            case dummy
        }

        package init(
            _ kind: Kind = .dummy, ports: Int = 4, endpoints: Int = 30, speed: BusSpeed = .high,
            occupied: [Int: String] = [:]
        ) {
            self.kind = kind
            portCount = ports
            endpointCount = endpoints
            self.speed = speed
            self.occupied = occupied
        }
    }

    /// A mount point of the service.
    package struct Slot: Equatable, Sendable {
        package var name: String
        package var mode: SlotMode
        package var kind: MediumKind = .disk
        package var isReadWrite = false
        /// Inserted where a step names none; `nil` takes the first image.
        package var image: String?
        /// From an accepted mount until the host can read; whole seconds.
        package var timeout = Duration.seconds(30)
        /// `nil`: never ends a mount for inactivity; whole seconds.
        package var inactivity: Duration?
        /// When the source is lost, requests wait so long; whole seconds.
        package var stall = Duration.seconds(20)
        /// Then they fail so long; whole seconds.
        package var error = Duration.seconds(60)
        /// How long one request may take before its connection counts as dead; whole seconds.
        package var requestTimeout = Duration.seconds(20)
        /// Logical block size of the nbd device.
        package var blockByteCount = 512
        package var readAheadByteCount = 1 << 20
        package var connectionCount = 1

        package init(_ name: String, mode: SlotMode = .legacy, image: String? = nil) {
            self.name = name
            self.mode = mode
            self.image = image
        }
    }

    /// What is on the store; made by a recipe, so that no scenario carries data.
    package struct Image: Equatable, Sendable {
        package var name: String
        /// Any number, multiple of a block or not.
        package var byteCount: UInt64
        package var content: Content
        package var seed: UInt64

        package enum Content: String, Sendable, CaseIterable {
            /// Each 8 bytes are a function of seed and offset: see `SeededPattern`.
            case pattern
            /// The same in every sixteenth mebibyte; zeroes between.
            case sparse
            case zeros
        }

        package init(_ name: String, _ byteCount: UInt64, content: Content = .pattern, seed: UInt64 = 1) {
            self.name = name
            self.byteCount = byteCount
            self.content = content
            self.seed = seed
        }
    }

    /// Where the images are: an HTTPS server for Legacy slots, the client's disk for Proxy slots.
    package struct Store: Equatable, Sendable {
        package var roundTrip = Duration.milliseconds(1)
        /// `nil`: as fast as the path can.
        package var bytesPerSecond: UInt64?
        package var versions = Versions.entityTag
        package var hasRanges = true
        /// Needed from every client; test values only.
        package var user: String?
        package var password: String?

        /// What the store tells of a file, by which a change of it shows.
        package enum Versions: String, Sendable, CaseIterable {
            case entityTag = "etag"
            case modificationTime = "modified"
            case none
        }
        package init() {}
    }

    /// The machine on the other end of the cable.
    package struct Host: Equatable, Sendable {
        package var profile = Profile.linux
        package var isPresent = true
        // `nil`: as in the profile.
        package var commandTimeout: Duration?
        package var controlTimeout: Duration?
        package var transferByteCount: Int?
        package var readyAttempts: Int?
        package var readyInterval: Duration?
        package var retries: Int?

        package enum Profile: String, Sendable, CaseIterable {
            case linux, windows, uefi
        }

        package init(_ profile: Profile = .linux, isPresent: Bool = true) {
            self.profile = profile
            self.isPresent = isPresent
        }

        /// The profile with what this host does otherwise.
        package func observed(speed: BusSpeed) -> HostProfile {
            var host: HostProfile =
                switch profile {
                case .linux: .linux(speed: speed)
                case .windows: .windows(speed: speed)
                case .uefi: .uefi
                }
            if let commandTimeout { host.commandTimeout = commandTimeout }
            if let controlTimeout { host.controlTimeout = controlTimeout }
            if let transferByteCount { host.transferByteCount = transferByteCount }
            if let readyAttempts { host.readyAttempts = readyAttempts }
            if let readyInterval { host.readyInterval = readyInterval }
            if let retries { host.retries = retries }
            return host
        }
    }
}
