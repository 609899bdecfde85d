/// What is in a LUN: the size of the backing file, seen in blocks.
package struct Medium: Equatable, Sendable {
    package static let diskBlockByteCount = 512
    package static let cdBlockByteCount = 2048
    /// f_mass_storage counts CD blocks in minutes, seconds and frames and stops short of 256 minutes:
    /// 2,359,293,952 bytes, however long the image is.
    package static let kernelCDBlockLimit: UInt64 = 256 * 60 * 75 - 1

    /// All bytes of the backing file. Those past the last whole block have no address.
    package let byteCount: UInt64
    package let blockByteCount: Int
    package let blockCount: UInt64

    package init(byteCount: UInt64, blockByteCount: Int, blockLimit: UInt64 = .max) {
        precondition(blockByteCount >= 512 && blockByteCount & (blockByteCount - 1) == 0)
        self.byteCount = byteCount
        self.blockByteCount = blockByteCount
        blockCount = min(byteCount / UInt64(blockByteCount), blockLimit)
    }

    package func block(at offset: UInt64) -> UInt64 { offset / UInt64(blockByteCount) }
}

/// One LUN as its commands leave it.
struct LogicalUnit: Sendable {
    var configuration: LogicalUnitConfiguration
    let defaultInquiryText: String
    var medium: Medium?
    /// Outlives the medium: the kernel scales transfer lengths by the block size of the last one.
    var blockByteCount = 1
    /// Why the last command failed; REQUEST SENSE takes it.
    var sense = SenseData.none
    /// Reported by the next command that minds, instead of being carried out.
    var unitAttention: SenseCode?
    /// The host set PREVENT (SPC-4 §6.15): the medium is locked.
    var isRemovalPrevented = false
    /// GET EVENT STATUS NOTIFICATION reports each insertion and removal once.
    var mediaEvent = MediaEvent.none

    enum MediaEvent: UInt8, Sendable { case none = 0, newMedium = 2, mediumRemoved = 3 }

    var isReadOnly: Bool { configuration.isReadOnly || configuration.isCD }

    mutating func insert(_ newMedium: Medium) {
        medium = newMedium
        blockByteCount = newMedium.blockByteCount
        unitAttention = .mediumMayHaveChanged
        mediaEvent = .newMedium
    }

    /// - Parameter isByHost: The host knows already; otherwise its next command learns of it.
    mutating func removeMedium(isByHost: Bool) {
        guard medium != nil else { return }
        medium = nil
        if !isByHost { unitAttention = .mediumNotPresent }
        mediaEvent = .mediumRemoved
    }

    /// Bus-Only Reset, or a change of the configuration.
    mutating func reset() {
        isRemovalPrevented = false
        sense = .none
        unitAttention = nil
    }

    /// Vendor 8, product 16, revision 4 characters, filled up with spaces.
    var inquiryText: [UInt8] {
        let text = configuration.inquiryText.flatMap { $0.isEmpty ? nil : $0 } ?? defaultInquiryText
        let bytes = Array(text.utf8.prefix(28))
        return bytes + [UInt8](repeating: 0x20, count: 28 - bytes.count)
    }
}
