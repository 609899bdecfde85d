/// Work on the media path of a slot. One runs at a time; each ends in an ``SlotMachine/Outcome``.
package enum SlotStep: String, Sendable, CaseIterable {
    // Always
    /// Removes what a crashed process or an abandoned step left behind.
    case sweep

    // Activating, in this order
    /// Legacy: opens the image and serves it.
    case openImage
    /// Connects to the server and shakes hands.
    case connect
    /// Hands the connection to the nbd device.
    case attach
    /// Reads the first and the last block through the device.
    case prove
    case buildGadget
    /// Binds the gadget to a free controller.
    case bind

    // Active and recovering
    /// Reads the present state of gadget, controller and device.
    case observe
    /// Drops cached pages, so that a reading host is seen.
    case dropCache
    /// Seeks the source again and gives the device a new connection.
    case reconnect

    // Deactivating, in this order
    /// Has what the host wrote stored by the source, while there is time.
    case flush
    /// Clears the LUN's file, which the host can forbid.
    case askEject
    /// Clears it all the same; only when asking failed.
    case forceEject
    case unbind
    case removeGadget
    case detach
    /// Stops the server, closes the image, forgets the secret.
    case release
    /// Cuts every connection and the device, so that whatever hangs on them fails; only when a step hung.
    case sever
}

/// Names one run of a step, so that a late end is told from the expected one.
package struct StepTicket: Equatable, Sendable {
    /// Grows by one with each accepted Mount.
    package let generation: UInt64
    /// Grows by one with each step.
    package let number: UInt64
    package let step: SlotStep
}

/// What ``SlotStep/observe`` found.
package struct Observation: Equatable, Sendable {
    /// Backing file of the LUN; empty once the host has ejected it.
    package var backingFile: String
    /// The bound controller; empty when unbound.
    package var controller: String
    /// State of that controller: "configured" once the host has enumerated the gadget.
    package var controllerState: String
    package var isAttached: Bool
    package var liveConnections: Int
    /// Of those that the device was attached with.
    package var lostConnections: Int
    package var readBytes: UInt64
    package var writtenBytes: UInt64
    /// Counters of the LUN itself, where the kernel has them; caches cannot hide reads from these.
    package var lunStatistics: String?

    package init(
        backingFile: String, controller: String, controllerState: String, isAttached: Bool,
        liveConnections: Int, lostConnections: Int = 0, readBytes: UInt64, writtenBytes: UInt64,
        lunStatistics: String? = nil
    ) {
        self.backingFile = backingFile
        self.controller = controller
        self.controllerState = controllerState
        self.isAttached = isAttached
        self.liveConnections = liveConnections
        self.lostConnections = lostConnections
        self.readBytes = readBytes
        self.writtenBytes = writtenBytes
        self.lunStatistics = lunStatistics
    }

    func showsActivity(since earlier: Observation) -> Bool {
        readBytes != earlier.readBytes || writtenBytes != earlier.writtenBytes
            || lunStatistics != earlier.lunStatistics
    }
}

extension SlotMachine {
    package enum State: String, Sendable, CaseIterable {
        case ready = "Ready"
        case activating = "Activating"
        case active = "Active"
        /// The source is lost; the host still has the medium.
        case recovering = "Recovering"
        case deactivating = "Deactivating"
    }

    package enum Event: Equatable, Sendable {
        /// The process has started: what an earlier one left is removed.
        case start
        case mount
        case unmount
        /// The process ends: as unmount, but nobody waits for a Completion, and no mount follows.
        case shutDown
        case finished(StepTicket, Outcome)
        /// Something may have changed; worth a look.
        case hint
        /// Time has passed.
        case tick
    }

    package enum Outcome: Equatable, Sendable {
        case done
        case observed(Observation)
        case failed(SlotFailure)
    }

    package enum Effect: Equatable, Sendable {
        /// Answers the event that is being handled, and no other effect follows.
        case refuse(Refusal)
        case run(StepTicket)
        /// Asks a running step to end early; it still reports its end.
        case cancel(StepTicket)
        /// Properties may have changed. Comes before the Completion that tells of it.
        case publish
        case complete(Request, CompletionCode)
    }

    package enum Request: String, Sendable { case mount, unmount }

    /// Why a request was not accepted.
    package enum Refusal: Error, Equatable, Sendable {
        /// EPERM: not in this state.
        case notPermitted(String)
        /// EBUSY: wait for the Completion of the request under way.
        case busy(String)
    }
}
