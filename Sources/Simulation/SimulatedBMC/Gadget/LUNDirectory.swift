/// A `lun.N` directory: one medium slot, with f_mass_storage's rules for each attribute.
final class LUNDirectory {
    /// Vendor 8, product 16, revision 4 characters.
    static let inquiryCharacters = 28
    static let discSectorBytes: UInt32 = 2048
    /// 300 sectors is the shortest disc, 256 x 60 x 75 the end of what an address in minutes,
    /// seconds and frames can name.
    static let minimumDiscSectors: UInt64 = 300
    static let discSectorLimit: UInt64 = 256 * 60 * 75

    let number: Int
    let directory: ConfigDirectory
    private(set) var isDisc = false
    private(set) var isRemovable = true
    private(set) var ignoresForcedAccess = false
    private(set) var inquiryText = ""
    private(set) var medium: InsertedMedium?
    var statistics = Statistics()
    /// The bound gadget, told of every change; nobody while unbound.
    weak var observer: (any LUNObserver)?
    private var isConfiguredReadOnly = false
    private unowned let platform: any GadgetPlatform

    /// An open file and its shape as it was when it was opened.
    struct InsertedMedium {
        let file: any OpenMedium
        let isReadOnly: Bool
        let blockBytes: UInt32
        let blockCount: UInt64
    }

    /// What Intel's `stats` attribute counts.
    struct Statistics {
        var reads: UInt32 = 0
        var readBytes: UInt64 = 0
        var writes: UInt32 = 0
        var writtenBytes: UInt64 = 0
    }

    init(
        number: Int, name: String, isDefault: Bool, profile: KernelProfile, platform: any GadgetPlatform
    ) {
        self.number = number
        self.platform = platform
        directory = ConfigDirectory(name, isDefault: isDefault)
        addMediumAttributes()
        addFlags()
        if profile.hasForcedEject {
            directory.addAttribute(
                "forced_eject",
                Attribute(
                    show: nil,
                    store: { [unowned self] _ throws(Errno) in
                        close(telling: .forcedOut)
                    }))
        }
        if profile.hasIntelStatistics {
            directory.addAttribute("stats", Attribute(show: { [unowned self] in statisticsText }, store: nil))
        }
    }

    var isReadOnly: Bool { medium?.isReadOnly ?? isConfiguredReadOnly }

    /// The host locked it with PREVENT ALLOW MEDIUM REMOVAL.
    private var isRemovalPrevented: Bool { observer?.isRemovalPrevented(of: self) ?? false }

    /// Closes the file, if any; the host finds the slot empty.
    ///
    /// - Parameter change: `nil` when the host did it itself.
    func close(telling change: LUNChange? = .removed) {
        let open = medium
        medium = nil
        open?.file.close()
        if let change, open != nil || change == .forcedOut { observer?.unitChanged(self, change) }
    }

    // MARK: Attributes

    private func addMediumAttributes() {
        directory.addAttribute(
            "file",
            Attribute(
                show: { [unowned self] in medium?.file.path ?? "" },
                store: { [unowned self] value throws(Errno) in try storeFile(value) }))
        directory.addAttribute(
            "ro",
            Attribute(
                show: { [unowned self] in AttributeText.show(isReadOnly) },
                store: { [unowned self] value throws(Errno) in
                    try storeReadOnly(try AttributeText.boolean(value))
                }))
        directory.addAttribute(
            "cdrom",
            Attribute(
                show: { [unowned self] in AttributeText.show(isDisc) },
                store: { [unowned self] value throws(Errno) in
                    let isDisc = try AttributeText.boolean(value)
                    if isDisc { try storeReadOnly(true) }
                    self.isDisc = isDisc
                    observer?.unitChanged(self, .shape)
                }))
    }

    private func addFlags() {
        directory.addAttribute(
            "removable",
            Attribute(
                show: { [unowned self] in AttributeText.show(isRemovable) },
                store: { [unowned self] value throws(Errno) in
                    isRemovable = try AttributeText.boolean(value)
                    observer?.unitChanged(self, .shape)
                }))
        directory.addAttribute(
            "nofua",
            Attribute(
                show: { [unowned self] in AttributeText.show(ignoresForcedAccess) },
                store: { [unowned self] value throws(Errno) in
                    let ignores = try AttributeText.boolean(value)
                    // What was written without care so far has to become durable now.
                    if ignoresForcedAccess && !ignores { medium?.file.syncSoon() }
                    ignoresForcedAccess = ignores
                    observer?.unitChanged(self, .shape)
                }))
        directory.addAttribute(
            "inquiry_string",
            Attribute(
                show: { [unowned self] in inquiryText },
                store: { [unowned self] value throws(Errno) in
                    guard !value.isEmpty else { throw .invalid }
                    let cut = value.utf8.prefix(Self.inquiryCharacters)
                    inquiryText = AttributeText.withoutNewline(String(Substring(cut)))
                    observer?.unitChanged(self, .shape)
                }))
    }

    private func storeReadOnly(_ isReadOnly: Bool) throws(Errno) {
        guard medium == nil else { throw .busy }
        isConfiguredReadOnly = isReadOnly
        observer?.unitChanged(self, .shape)
    }

    private func storeFile(_ value: String) throws(Errno) {
        guard !(isRemovalPrevented && medium != nil) else { throw .busy }
        let path = AttributeText.withoutNewline(value)
        guard !path.isEmpty else { return close() }
        let opened = try open(path)
        // The new file is open before the old one goes, so a failure keeps the old medium.
        medium?.file.close()
        medium = opened
        observer?.unitChanged(self, .inserted)
    }

    private func open(_ path: String) throws(Errno) -> InsertedMedium {
        let file = try openFile(path)
        var blockBytes = isDisc ? Self.discSectorBytes : file.logicalBlockBytes
        if blockBytes == 0 { blockBytes = 512 }
        var blockCount = file.byteCount / UInt64(blockBytes)
        if isDisc && blockCount >= Self.discSectorLimit { blockCount = Self.discSectorLimit - 1 }
        guard blockCount >= (isDisc ? Self.minimumDiscSectors : 1) else {
            file.close()
            throw .tooSmall
        }
        return InsertedMedium(
            file: file, isReadOnly: isConfiguredReadOnly || !file.isWritable, blockBytes: blockBytes,
            blockCount: blockCount)
    }

    private func openFile(_ path: String) throws(Errno) -> any OpenMedium {
        if !isConfiguredReadOnly {
            do throws(Errno) {
                return try platform.open(path, forWriting: true)
            } catch  where error == .readOnly || error == .accessDenied {
                // Read-only is better than not at all.
            }
        }
        return try platform.open(path, forWriting: false)
    }

    private var statisticsText: String {
        """
        read cnt: \(statistics.reads)
        read sum: \(statistics.readBytes)
        write cnt: \(statistics.writes)
        write sum: \(statistics.writtenBytes)
        """
    }
}

enum LUNChange {
    /// A medium came, perhaps in place of another.
    case inserted
    case removed
    /// The same, and the host's lock is off.
    case forcedOut
    /// An attribute that the host sees with its next command.
    case shape
}

protocol LUNObserver: AnyObject {
    func unitChanged(_ unit: LUNDirectory, _ change: LUNChange)
    func isRemovalPrevented(of unit: LUNDirectory) -> Bool
}
