package import HostObserver
package import USBHost

/// What is to be looked at, and what should be there.
package struct ObservationPlan: Sendable {
    package enum Target: Sendable {
        case usb(DeviceSelector, lun: UInt8)
        case block(path: String)
    }
    package enum Expected: Sendable {
        case file(path: String)
        /// Lower-case hexadecimal.
        case sha256(String)
    }

    package var target: Target
    package var expected: Expected
    /// After the sequential pass; only with a file to compare with.
    package var randomReads = 64
    package var seed: UInt64 = 1
    /// Overwrites seeded blocks, which are lost.
    package var isReadWrite = false
    /// For each command.
    package var timeout = Duration.seconds(30)

    package init(target: Target, expected: Expected) {
        self.target = target
        self.expected = expected
    }

    func expectation() throws(ObserverError) -> Expectation {
        switch expected {
        case .file(let path): .image(try ExpectedFile(path: path))
        case .sha256(let digest): .digest(sha256: digest, byteCount: nil)
        }
    }
}

/// What was seen, and what that proves.
package struct ObservationReport: Codable, Sendable {
    package enum Outcome: String, Codable, Sendable {
        case proven, wrong, unproven, notLive, environmentMissing

        /// As every command ends.
        package var exitStatus: Int32 {
            switch self {
            case .proven: 0
            case .wrong: 1
            case .notLive: 3
            case .unproven: 5
            case .environmentMissing: 6
            }
        }
    }

    package var target: String
    package var outcome = Outcome.unproven
    /// Why, in one sentence.
    package var explanation = ""
    package var device: DeviceReport?
    package var unit: UnitReport?
    package var block: BlockDeviceReport?
    package var reading: ReadReport?
    package var randomReading: ReadReport?
    package var writing: WriteReport?
    package var milliseconds: Int64 = 0
}
