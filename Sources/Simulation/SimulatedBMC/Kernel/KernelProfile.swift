/// What differs between the kernels that a BMC may run.
package struct KernelProfile: Sendable {
    /// Binary-coded version, the default of `bcdDevice`: 0x0601 for Linux 6.1.
    package var bcdVersion: UInt16 = 0x0612
    /// Since 5.19 gadgets are on a bus of their own, and every failure to bind is EBUSY.
    package var hasGadgetBus = true
    /// Before 6.1 the second gadget to be bound fails: the driver name is taken.
    package var allowsSeveralBoundGadgets = true
    /// `lun.N/forced_eject` (6.0).
    package var hasForcedEject = true
    /// The `stats` attribute of Intel's patch, in its format; mainline has none.
    package var hasIntelStatistics = false
    package var maximumLUNs = 16
    /// How many /dev/nbdN there are (`nbds_max`).
    package var nbdDeviceCount = 16
    /// Minor numbers per nbd device: 32 with the default `max_part` of 16.
    package var nbdMinorStep = 32
    /// The longest read or write that one NBD request carries (`max_sectors_kb`).
    package var maximumRequestBytes = 1 << 20
    /// Requests in flight on one NBD connection.
    package var nbdQueueDepth = 128
    /// What the page cache of one device may hold, in flight and dirty pages included.
    package var pageCacheBytes = 16 << 20

    package init() {}

    /// Linux 6.12: requests of up to 1 MiB.
    package static let linux6_12 = KernelProfile()

    /// Linux 6.1, the kernel that the rules were measured on: requests of up to 128 KiB.
    package static let linux6_1: KernelProfile = {
        var profile = KernelProfile()
        profile.bcdVersion = 0x0601
        profile.maximumRequestBytes = 128 << 10
        return profile
    }()

    /// Linux 5.15 as in many BMC firmwares: one bound gadget, no forced eject, ENODEV and EINVAL
    /// from a failed bind.
    package static let linux5_15: KernelProfile = {
        var profile = linux6_1
        profile.bcdVersion = 0x0515
        profile.hasGadgetBus = false
        profile.allowsSeveralBoundGadgets = false
        profile.hasForcedEject = false
        profile.maximumLUNs = 8
        return profile
    }()
}
