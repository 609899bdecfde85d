/// A mistake that a virtual media service has had in the field, to be put back into ours on purpose: what
/// the rig would not find here, it would not find anywhere.
///
/// docs/weaknesses.md says where each was seen and what finds it.
package enum Weakness: String, Sendable, CaseIterable {
    // The gadget
    /// Active whatever became of the gadget: no error of configfs is looked at.
    case gadgetUnchecked = "gadget-unchecked"
    /// What cannot be removed is only logged, and taken for removed.
    case cleanupUnchecked = "cleanup-unchecked"
    /// The gadget's directory stays after an unmount.
    case gadgetLeft = "gadget-left"
    /// That the host has ejected the medium is never looked at.
    case hostEjectUnnoticed = "host-eject-unnoticed"
    /// A medium that the host has locked stays: the first refusal ends the removal.
    case noForcedEject = "no-forced-eject"
    /// `ro` is 0 whatever was asked for.
    case protectedWritable = "protected-writable"
    /// `ro` is 1 whatever was asked for.
    case readWriteIgnored = "read-write-ignored"
    /// `cdrom` is 0 whatever was asked for.
    case cdromIgnored = "cdrom-ignored"
    /// The device has no serial number.
    case noSerialNumber = "no-serial-number"

    // The nbd device
    /// Removal waits for a uevent besides the end of the connection, and has no deadline.
    case ueventAtRemoval = "uevent-at-removal"
    /// Insertion waits for a uevent or a server, and has no deadline.
    case noActivationDeadline = "no-activation-deadline"
    /// Pages of an earlier image are not dropped.
    case staleCache = "stale-cache"
    /// What the host wrote is not flushed before the device is taken down.
    case noFlushAtEject = "no-flush-at-eject"
    /// The kernel is not told that the server can flush, so the host's flush is answered at once.
    case flushNotOffered = "flush-not-offered"
    /// The device stays attached after an unmount.
    case deviceLeft = "device-left"
    /// The configured block size is not used.
    case blockSizeIgnored = "block-size-ignored"
    /// Statistics count sectors and call them bytes.
    case wrongStatistics = "wrong-statistics"

    // The source
    /// A source that is lost is not sought again.
    case noReconnect = "no-reconnect"
    /// A source that changed is read on as if it were the same.
    case notRevalidated = "not-revalidated"
    /// Opening an image stops the whole service until it is done.
    case openBlocksAll = "open-blocks-all"

    // Time and order
    /// The time without access is counted from the start of the BMC.
    case inactivityByUptime = "inactivity-by-uptime"
    /// No inactivity timeout means one of nothing.
    case inactivityOfNothing = "inactivity-of-nothing"
    /// The late end of work for an earlier mount is taken for the end of the present one's.
    case lateEvent = "late-event"
    /// What a killed service left is not removed, neither at the start nor by the next mount.
    case noSweep = "no-sweep"

    // D-Bus
    /// Unmount is refused while a mount is under way.
    case mountNotCancelled = "mount-not-cancelled"
    /// ExitCode and Completion tell of an end when it begins.
    case endedTooEarly = "ended-too-early"
    /// A mount that fails has no Completion.
    case completionLost = "completion-lost"
    /// A mount that fails has two Completions.
    case completionTwice = "completion-twice"
    /// The slot that is unmounted is the last one mounted, not the one that was named.
    case wrongSlotUnmounted = "wrong-slot-unmounted"
    /// That a medium is active is a property, but no signal tells of its change.
    case changesUntold = "changes-untold"
    /// User and password are shown in the URL of the image.
    case secretInProperty = "secret-in-property"
    /// User and password are shown in the text of the last error.
    case secretInError = "secret-in-error"
    /// The pipe with user and password is never closed.
    case secretLeft = "secret-left"
}
