package import DBusProtocol
package import VirtualMedia

/// The surroundings of one service process that has a weakness: hands it ports, a bus and decisions in
/// which the weakness is, so that the service's own code stays as it is.
package struct WeakService: Sendable {
    /// What the service is given.
    package let platform: MediaPlatform
    package let decisions: SlotDecisions
    private let manners: BusManners?
    private let listensToCalls: Bool
    private let gate: Gate
    private let spawner: any Spawner

    /// - Parameter weakness: `nil` leaves everything as it is.
    package init(_ platform: MediaPlatform, _ weakness: Weakness?) {
        gate = Gate()
        spawner = platform.spawner
        guard let weakness else {
            self.platform = platform
            decisions = .asDesigned
            manners = nil
            listensToCalls = false
            return
        }
        let secrets = WeakSecrets(platform.secrets)
        var weak = platform
        // Nothing but what the weakness is in, so that all else takes the course that it takes without.
        let places = weakness.places
        if places.contains(.gadgets) { weak.gadgets = WeakGadgetTree(platform.gadgets, weakness) }
        if places.contains(.nbd) { weak.nbd = WeakNBDDriver(platform.nbd, platform.uevents, weakness) }
        if places.contains(.images) {
            weak.images = WeakImageOpener(base: platform.images, weakness: weakness, gate: gate)
        }
        if places.contains(.secrets) { weak.secrets = secrets }
        self.platform = weak
        decisions = places.contains(.decisions) ? weakness.decisions : .asDesigned
        manners = places.isDisjoint(with: [.calls, .signals]) ? nil : BusManners(weakness, secrets)
        listensToCalls = places.contains(.calls)
    }

    /// What the service serves on.
    package func connection(_ base: any BusConnection) -> any BusConnection {
        guard let manners else { return base }
        return WeakBusConnection(base, manners, takingCallsOn: listensToCalls ? spawner : nil, gate)
    }
}
