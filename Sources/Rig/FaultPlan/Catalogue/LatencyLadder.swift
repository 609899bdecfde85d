import FaultPoints

/// One stall of each length at each station of the path: who gives up first? Each layer's deadline must
/// be shorter than that of the layer that waits for it.
package enum LatencyLadder {
    /// Just below and above what the parties wait for: firmware 3 s and 5 s, D-Bus 25 s, nbd and the
    /// kernel's SCSI layer 30 s, the service's Completion 35 s, Redfish and SMB 60 s, 120 s, and more.
    package static let stalls: [Duration] = [
        .milliseconds(100), .seconds(1), .milliseconds(2900), .milliseconds(3100), .milliseconds(4900),
        .milliseconds(5100), .seconds(10), .seconds(24), .seconds(26), .seconds(29), .seconds(31),
        .seconds(34), .seconds(36), .seconds(59), .seconds(61), .seconds(63), .seconds(119), .seconds(121),
        .seconds(300),
    ]

    /// Where it stalls: the name of the fault, the layer, the operation.
    struct Station {
        let name: String
        let layer: FaultLayer
        let operation: String
        let place: String
        let worlds: [FaultWorld]
    }

    static let stations: [Station] = [
        Station(
            name: "connect", layer: .network, operation: "connect", place: "Connecting", worlds: .modelled),
        Station(
            name: "tls", layer: .tls, operation: "handshake", place: "The TLS handshake",
            worlds: .everywhere),
        Station(
            name: "size-probe", layer: .http, operation: "head", place: "Asking for the image's size",
            worlds: .everywhere),
        Station(
            name: "fetch", layer: .http, operation: "get", place: "Fetching a range of the image",
            worlds: .everywhere),
        Station(
            name: "store-read", layer: .store, operation: "read", place: "Reading from the store",
            worlds: .everywhere),
        Station(
            name: "read", layer: .nbdSocket, operation: "read", place: "A reply to a read", worlds: .modelled),
        Station(
            name: "flush", layer: .nbdSocket, operation: "flush", place: "A reply to a flush",
            worlds: .modelled),
        Station(
            name: "device-read", layer: .nbdDevice, operation: "read", place: "A read of the device",
            worlds: .modelled),
        Station(
            name: "attach", layer: .nbdDevice, operation: "attach", place: "Attaching the device",
            worlds: .modelled),
        Station(
            name: "detach", layer: .nbdDevice, operation: "detach", place: "Detaching the device",
            worlds: .modelled),
        Station(
            name: "uevent", layer: .uevent, operation: "change", place: "The event of a change of size",
            worlds: .modelled),
        Station(
            name: "configfs", layer: .configfs, operation: "write",
            place: "Writing an attribute of the gadget, its controller for one", worlds: .modelled),
    ]
}

extension FaultKind {
    /// LL in the list of faults.
    static let ofTheLadder: [FaultKind] = LatencyLadder.stations.map { station in
        FaultKind(
            "ladder.\(station.name)", ["LL"], station.layer, on: [station.operation],
            [
                .required(
                    "stall", .duration(.milliseconds(1) ... .seconds(600)),
                    "how long; the sweep is in LatencyLadder.stalls")
            ],
            effect: "\(station.place) stalls once for a time of the ladder; with the trigger \"nth N\", in "
                + "the middle.",
            expected: "Whoever is nearest gives up first: the host never waits longer than its own limit "
                + "without data, an error or \"becoming ready\".", .recover, in: station.worlds
        ) { p, _, _ in [.delay(p.duration("stall"))] }
    }
}
