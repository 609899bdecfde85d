package import VirtualMedia

/// Slots of an emulated BMC when no configuration is given: half Proxy, half Legacy.
package enum SlotLayout {
    /// nbd devices that the emulated kernel has.
    package static let maximumSlots = 16

    /// - Parameter folder: for the sockets of Proxy slots.
    package static func slots(_ count: Int, socketsIn folder: String) -> MediaConfiguration {
        let proxyCount = (count + 1) / 2
        return MediaConfiguration(
            slots: (0..<count).map { number in
                var slot = SlotConfiguration(
                    name: "Slot_\(number)", mode: number < proxyCount ? .proxy : .legacy,
                    device: "nbd\(number)")
                slot.socket = "\(folder)/nbd\(number).sock"
                slot.endpoint = number < proxyCount ? "/nbd/\(number)" : ""
                return slot
            })
    }
}
