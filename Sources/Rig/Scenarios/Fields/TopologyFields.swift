import HostObserver
import USBMassStorage
import VirtualMedia

extension ScenarioFields {
    static let topology = Record(
        "topology", "What stands where before the first step.", start: Scenario.Topology(),
        [
            .optional(
                "kernel", \.kernel, .choice(), "The rules that the simulated kernel follows."),
            .optional(
                "controllers", \.controllers, chip.notation.list(0...8),
                "USB device controller chips; without any, one chip with four free ports."),
            .optional(
                "slots", \.slots, slot.notation.list(0...Limits.slots),
                "Mount points of the service. A run needs at least one."),
            .optional(
                "images", \.images, image.notation.list(0...Limits.images), "Files on the store."),
            .optional("store", \.store, store.notation, "Where the images are."),
            .optional("host", \.host, host.notation, "The machine on the other end of the cable."),
        ])

    static let slot = Record(
        "slot", "A mount point of the service.", start: Scenario.Slot(""),
        [
            .required("name", \.name, Words.slotName, "Letters, digits and underscores: `Slot_0`."),
            .optional(
                "mode", \.mode, .choice(SlotMode.allCases.reversed().map { ($0.name.lowercased(), $0) }),
                "`legacy`: the BMC opens a URL. `proxy`: a client serves the image on the slot's socket."),
            .optional("kind", \.kind, .choice(), "What the host is shown."),
            .optional("read-write", \.isReadWrite, .boolean, "Whether mounts ask for writing."),
            .optional(
                "image", \.image, Words.image.optional,
                "Inserted where a step names none; else the first image."),
            .optional(
                "timeout", \.timeout, .duration(.seconds(1) ... .seconds(3600), isWhole: true),
                "From an accepted mount until the host can read."),
            .optional(
                "inactivity", \.inactivity,
                Notation.duration(.seconds(1) ... .seconds(65_534), isWhole: true).or("never"),
                "A medium that its host does not use for so long is taken out."),
            .optional(
                "stall", \.stall, .duration(.zero ... .seconds(25), isWhole: true),
                "When the source is lost, requests of the host wait so long."),
            .optional(
                "error", \.error, .duration(.zero ... .seconds(3600), isWhole: true),
                "Then they fail for so long; then the medium is taken out."),
            .optional(
                "request-timeout", \.requestTimeout, .duration(.seconds(1) ... .seconds(25), isWhole: true),
                "How long one request to the source may take before its connection counts as dead."),
            .optional(
                "block-size", \.blockByteCount,
                Notation<Int>.choiceOfSizes([512, 1024, 2048, 4096]), "Logical block size of the nbd device."),
            .optional(
                "read-ahead", \.readAheadByteCount, .byteCount(0...64 << 20),
                "How much the block device reads ahead."),
            .optional(
                "connections", \.connectionCount,
                .integer(1...Int64(SlotConfiguration.maximumConnectionCount)),
                "Connections to a server that allows several."),
        ]
    ) { slot, node, reader in
        if slot.kind == .cdrom, slot.isReadWrite {
            reader.complain(node.mark(of: "read-write"), "a CD-ROM cannot be written")
        }
    }

    static let image = Record(
        "image", "A file on the store, made by a recipe.", start: Scenario.Image("", 0),
        [
            .required("name", \.name, Words.imageName, "Also the last part of its URL."),
            .required(
                "size", \.byteCount, .byteCount(0...1 << 52),
                "Any size, a multiple of a block or not; nothing of it takes room."),
            .optional(
                "content", \.content, .choice(),
                "`pattern`: each 8 bytes are a function of seed and place. `sparse`: that in every sixteenth "
                    + "mebibyte, zeroes between. `zeros`."),
            .optional("seed", \.seed, .integer(0...Int64.max), "Of the pattern; other seeds, other bytes."),
        ])

    static let store = Record(
        "store", "An HTTPS server for Legacy slots, the client's disk for Proxy slots.",
        start: Scenario.Store(),
        [
            .optional(
                "round-trip", \.roundTrip, .duration(.zero ... .seconds(60)),
                "From a request to the first byte of its answer."),
            .optional(
                "bandwidth", \.bytesPerSecond, Notation<UInt64>.byteCount(1...1 << 40).or("unlimited"),
                "Bytes a second."),
            .optional(
                "versions", \.versions, .choice(),
                "What the store tells of a file, by which a change of it shows."),
            .optional("ranges", \.hasRanges, .boolean, "Whether the server can serve a part of a file."),
            .optional(
                "user", \.user, Notation<String>.text("a user name", most: 255).optional,
                "Needed from every client. A test value: it is shown in artefacts."),
            .optional(
                "password", \.password, Notation<String>.text("a password", most: 255).optional,
                "Goes with the user. A test value: it is shown in artefacts."),
        ]
    ) { store, node, reader in
        if store.user == nil, store.password != nil {
            reader.complain(node.mark(of: "password"), "a password needs a user")
        }
    }

    static let host = Record(
        "host", "The machine on the other end of the cable.", start: Scenario.Host(),
        [
            .optional(
                "profile", \.profile, .choice(), "Transfer sizes, timeouts and habits of that kind of host."),
            .optional("present", \.isPresent, .boolean, "Whether it is there and has power at the start."),
            .optional(
                "command-timeout", \.commandTimeout, hostTime, "For one SCSI command; else the profile's."),
            .optional(
                "control-timeout", \.controlTimeout, hostTime, "For one control transfer; else the profile's."
            ),
            .optional(
                "transfer-size", \.transferByteCount, Notation<Int>.byteCount(512...16 << 20).optional,
                "The most that one command moves; else the profile's."),
            .optional(
                "ready-attempts", \.readyAttempts, Notation<Int>.integer(1...1000).optional,
                "How often TEST UNIT READY is tried; else the profile's."),
            .optional(
                "ready-interval", \.readyInterval, hostTime, "How far apart; else the profile's."),
            .optional(
                "retries", \.retries, Notation<Int>.integer(0...100).optional,
                "Of a command after a unit attention; else the profile's."),
        ])

    private static let hostTime = Notation.duration(.milliseconds(1) ... .seconds(600)).optional

    static let chip = Record(
        "controller", "A USB device controller chip, whose ports share endpoints.", start: Scenario.Chip(),
        [
            .optional(
                "chip", \.kind, .choice(),
                "`aspeed`: ports named `1e6a0000.usb-vhub:p1` and on. `dummy`: `dummy_udc.0` and on."),
            .optional("ports", \.portCount, .integer(1...16), "How many ports."),
            .optional(
                "endpoints", \.endpointCount, .integer(0...64),
                "Besides endpoint 0; a slot needs two of them."),
            .optional(
                "speed", \.speed, .choice([("full", .full), ("high", .high), ("super", .superSpeed)]),
                "The fastest that the ports can."),
            .optional(
                "occupied", \.occupied, Notation<String>.text("a gadget's name").map(by: portNumber),
                "Ports that another gadget is bound to, by number from 1: `{1: kvm-hid}`."),
        ]
    ) { chip, node, reader in
        for port in chip.occupied.keys.sorted() where port > chip.portCount {
            reader.complain(node.mark(of: "occupied"), "no port \(port); there are \(chip.portCount)")
        }
    }

    private static let portNumber = Notation<Int>.spelled(
        "a port's number from 1", pattern: "^[1-9][0-9]?$"
    ) { text in
        Int(text).flatMap { (1...99).contains($0) ? $0 : nil }
    } _: {
        "\($0)"
    }
}

extension Notation<Int> {
    static func choiceOfSizes(_ sizes: [Int]) -> Notation<Int> {
        let any = byteCount(0...1 << 30)
        let words = "one of \(sizes.map(String.init).joined(separator: ", "))"
        return Notation(any.shape) { node, reader in
            guard let size = any.read(node, &reader) else { return nil }
            guard sizes.contains(size) else {
                reader.complain(node, expected: words)
                return nil
            }
            return size
        } write: {
            .integer(Int64($0))
        }
    }
}
