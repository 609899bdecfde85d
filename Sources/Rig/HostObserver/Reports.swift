package import USBMassStorage

/// What enumeration found.
package struct DeviceReport: Equatable, Codable, Sendable {
    package var device: DeviceDescriptor
    package var configuration: ConfigurationDescriptor
    package var manufacturer: String?
    package var product: String?
    package var serialNumber: String?
    package var configurationName: String?
    package var maximumLUN: UInt8
    package var bulkInEndpoint: UInt8
    package var bulkOutEndpoint: UInt8
    /// Breaches of the specifications that a host can live with, in words.
    package var breaches: [String]
}

/// What a LUN says about itself and its medium.
package struct UnitReport: Equatable, Codable, Sendable {
    package var inquiry: InquiryReply
    package var capacity: CapacityReply
    package var isWriteProtected: Bool
    /// CDs only.
    package var tableOfContents: TableOfContentsReply?
    /// Unit attentions met until the unit was ready, as "06/29/00".
    package var unitAttentions: [String]

    package var byteCount: UInt64 { capacity.blockCount * UInt64(capacity.blockByteCount) }
}

package enum UnitState: Equatable, Sendable {
    case ready
    case noMedium
    case notReady(SenseCode)
}

/// The answer to one question: did the host see exactly this image?
package enum Verdict: Equatable, Codable, Sendable {
    case proven
    /// Bytes, or the size of the medium, differ.
    case mismatch(String)
    /// Some blocks could not be read: an error, not a wrong byte.
    case unreadable(String)
    /// Nothing speaks against it, but something was not seen.
    case unproven(String)
}

/// A block that is not what the image has there.
package struct BlockMismatch: Equatable, Codable, Sendable {
    package enum Kind: Equatable, Codable, Sendable {
        case corrupted(bitCount: Int)
        /// What the image has this many bytes further on (or, negative, before).
        case shifted(byteCount: Int)
        /// Another block of the image.
        case swapped(block: UInt64)
        /// This block of the image that was in before.
        case stale
        case zeroed
    }
    package var kind: Kind
    package var block: UInt64
    package var byteOffset: UInt64
    package var expectedSHA256: String
    package var actualSHA256: String
    /// From the first byte that differs.
    package var firstDifference: UInt64
    package var expectedExcerpt: String
    package var actualExcerpt: String
}

extension BlockMismatch.Kind: CustomStringConvertible {
    package var description: String {
        switch self {
        case .corrupted(let bitCount): "corrupted (\(bitCount) bits differ)"
        case .shifted(let byteCount): "shifted by \(byteCount) bytes"
        case .swapped(let block): "has the content of block \(block)"
        case .stale: "stale (content of the previous image)"
        case .zeroed: "zeroed"
        }
    }
}

/// Blocks that could not be read.
package struct UnreadableBlock: Equatable, Codable, Sendable {
    package var block: UInt64
    package var reason: String
}

package struct ReadReport: Equatable, Codable, Sendable {
    package var verdict: Verdict
    /// What the host can address; 0 if the read never started.
    package var visibleByteCount: UInt64 = 0
    /// Read and found equal.
    package var provenByteCount: UInt64 = 0
    /// Bytes of the image past the host's last block: no host can see them, so nothing is proven of them.
    package var hiddenByteCount: UInt64 = 0
    package var mismatchedBlockCount: UInt64 = 0
    /// The first ``HostObserver/maximumReportedBlocks`` of them.
    package var mismatches: [BlockMismatch] = []
    package var unreadable: [UnreadableBlock] = []
    /// Commands that failed though their blocks could be read when tried again in smaller parts.
    package var transientFailureCount = 0
    /// What the device did against the transport's rules; with any, nothing counts as proven.
    package var violations: [String] = []
    /// Of the visible bytes, if all of them were read in order and asked to be digested.
    package var sha256: String?
    package var seconds = 0.0
    package var latency: LatencySummary?

    package var bytesPerSecond: Double { seconds > 0 ? Double(provenByteCount) / seconds : 0 }
}

/// A run of blocks that the write test filled.
package struct WrittenRange: Equatable, Codable, Sendable {
    package var block: UInt64
    package var blockCount: UInt32
    package var byteOffset: UInt64
    package var byteCount: Int
    /// Of what was written; ``SeededPattern`` gives the bytes.
    package var sha256: String
}

package struct WriteReport: Equatable, Codable, Sendable {
    package var verdict: Verdict
    /// Everything that may have changed on the medium, in the order of writing.
    package var ranges: [WrittenRange] = []
    package var seconds = 0.0
    package var readBack: ReadReport?
}

/// How far a long read is.
package struct ReadProgress: Equatable, Sendable {
    package var doneByteCount: UInt64
    package var totalByteCount: UInt64
    package var mismatchedBlockCount: UInt64
    package var unreadableBlockCount: Int
}
