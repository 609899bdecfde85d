/// Whether a host uses the gadget, from the state of its controller.
package enum HostPresence: String, Sendable, CaseIterable {
    case unknown
    /// Nothing, or nothing that enumerates, is at the other end of the cable.
    case absent
    case present
    case suspended

    init(controllerState: String) {
        self =
            switch controllerState {
            case "configured": .present
            case "suspended": .suspended
            case "": .unknown
            default: .absent
            }
    }
}

/// What is true of a slot at one moment; everything that D-Bus shows comes from here.
package struct SlotReport: Equatable, Sendable {
    package var state = SlotMachine.State.ready
    /// Empty unless a Legacy mount is on its way or done.
    package var imageURL = ""
    package var isWriteProtected = true
    package var kind: MediumKind
    package var byteCount: UInt64 = 0
    package var controller = ""
    package var host = HostPresence.unknown
    /// Moved between server and device for this mount.
    package var readBytes: UInt64 = 0
    package var writtenBytes: UInt64 = 0
    /// Of the last mount: -1 until it has ended.
    package var exitCode: Int32 = -1
    package var lastFailure: SlotFailure?
    package var isFailingRequests = false
    /// On the platform's clock.
    package var inactivityDeadline: Duration?

    package init(kind: MediumKind) { self.kind = kind }

    /// The host has the medium, even if its source is being sought again.
    package var isActive: Bool { state == .active || state == .recovering }

    /// For people: "inserted, host absent".
    package var status: String {
        switch state {
        case .ready: "empty"
        case .activating: "inserting"
        case .deactivating: "ejecting"
        case .active:
            switch host {
            case .absent: "inserted, host absent"
            case .suspended: "inserted, host suspended"
            case .present: "inserted"
            case .unknown: "inserted, host unknown"
            }
        case .recovering:
            isFailingRequests
                ? "inserted, source lost, the host gets errors" : "inserted, source lost, the host waits"
        }
    }
}

/// What a slot tells its service, in order.
package enum SlotNotice: Sendable, Equatable {
    case report(SlotReport)
    case completion(SlotMachine.Request, CompletionCode)
}
