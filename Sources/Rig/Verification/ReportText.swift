import HostObserver

/// A report for people: the path station by station, what the host saw, what was proven.
package struct ReportText {
    private let report: VerificationReport
    private let hasColour: Bool
    private var lines: [String] = []

    package static func render(_ report: VerificationReport, hasColour: Bool = false) -> String {
        var text = ReportText(report: report, hasColour: hasColour)
        text.writeHead()
        text.writeStations()
        text.writeHost()
        text.writeData()
        text.writeVerdict()
        return text.lines.joined(separator: "\n") + "\n"
    }

    private init(report: VerificationReport, hasColour: Bool) {
        self.report = report
        self.hasColour = hasColour
    }

    private mutating func writeHead() {
        let access = report.isReadWrite ? "read-write" : "read-only"
        lines.append(
            bold("\(report.image)")
                + "  as \(report.medium.rawValue), \(report.mode.rawValue) mode, \(access), slot \(report.slot)"
        )
    }

    private mutating func writeStations() {
        let width = report.stations.map(\.name.count).max() ?? 0
        for station in report.stations {
            let mark =
                switch station.outcome {
                case .passed: coloured("ok  ", 32)
                case .failed: coloured("FAIL", 31)
                case .skipped: coloured("--  ", 33)
                }
            lines.append(
                "  \(mark) \(padded(station.name, width))  \(padded(time(station.milliseconds), 9))  \(station.detail)"
            )
        }
    }

    private mutating func writeHost() {
        guard let device = report.device, let unit = report.unit else { return }
        let kind = unit.inquiry.isCD ? "CD-ROM" : "disk"
        field(
            "host saw",
            "\(unit.inquiry.vendor) \(unit.inquiry.product) \(unit.inquiry.revision), \(kind), "
                + (unit.inquiry.isRemovable ? "removable, " : "fixed, ")
                + (unit.isWriteProtected ? "write protected" : "writable"))
        field(
            "capacity",
            "\(unit.capacity.blockCount) blocks of \(unit.capacity.blockByteCount) bytes = \(Self.size(unit.byteCount))"
        )
        field(
            "descriptors",
            "\(hex(device.device.vendorID)):\(hex(device.device.productID)) "
                + "\(device.manufacturer ?? "(no manufacturer)") \(device.product ?? "(no product)"), "
                + "serial \(device.serialNumber ?? "none"), \(device.maximumLUN + 1) LUN")
        for breach in device.breaches { field("", "breach: \(breach)") }
    }

    private mutating func writeData() {
        if let reading = report.reading {
            field(
                "read",
                "\(Self.size(reading.provenByteCount)) compared equal of \(Self.size(reading.visibleByteCount)) visible, "
                    + "\(Self.rate(reading.bytesPerSecond))" + latency(reading))
            for mismatch in reading.mismatches.prefix(4) {
                field("", "block \(mismatch.block) (byte \(mismatch.firstDifference)): \(mismatch.kind)")
                field("", "  expected \(mismatch.expectedExcerpt)")
                field("", "  host saw \(mismatch.actualExcerpt)")
            }
            for unreadable in reading.unreadable.prefix(4) {
                field("", "block \(unreadable.block) cannot be read: \(unreadable.reason)")
            }
            if reading.hiddenByteCount > 0 {
                field("", "\(reading.hiddenByteCount) bytes after the last whole block: no host can see them")
            }
        }
        if let random = report.randomReading {
            field(
                "random",
                "\(Self.size(random.provenByteCount)) compared equal, seed \(report.seed)")
        }
        if let writing = report.writing {
            let bytes = writing.ranges.reduce(UInt64(0)) { $0 + UInt64($1.byteCount) }
            field(
                "written",
                "\(Self.size(bytes)) in \(writing.ranges.count) commands, flushed, read back, seed \(report.seed)"
            )
        }
        if let insert = report.millisecondsToInsert {
            let enumerated =
                report.millisecondsToEnumerated.map { ", enumerated \(time($0)) after start" } ?? ""
            field("insert", "\(time(insert)) from Mount to Completion\(enumerated)")
        }
    }

    private mutating func writeVerdict() {
        for left in report.leftBehind { field("left behind", left) }
        let word =
            switch report.outcome {
            case .proven: coloured("PROVEN", 32)
            case .wrong: coloured("WRONG", 31)
            case .notLive: coloured("NOT LIVE", 31)
            case .unproven: coloured("NOT PROVEN", 33)
            }
        lines.append("  \(bold(word)): \(report.explanation)")
    }

    private mutating func field(_ name: String, _ value: String) {
        lines.append("       \(padded(name, 11))  \(value)")
    }

    private func latency(_ reading: ReadReport) -> String {
        guard let latency = reading.latency, latency.commandCount > 0 else { return "" }
        return ", \(latency.commandCount) commands, median \(time(latency.median * 1000)), "
            + "99 % \(time(latency.percentile99 * 1000))"
    }

    private func bold(_ text: String) -> String { hasColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    private func coloured(_ text: String, _ code: Int) -> String {
        hasColour ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private func hex(_ value: UInt16) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    private func time(_ milliseconds: Double) -> String {
        switch milliseconds {
        case ..<1: "\(Int((milliseconds * 1000).rounded())) µs"
        case ..<1000: "\(Self.decimal(milliseconds)) ms"
        default: "\(Self.decimal(milliseconds / 1000)) s"
        }
    }

    /// Binary units, two significant places: "1.0 GiB".
    package static func size(_ byteCount: UInt64) -> String {
        var value = Double(byteCount)
        for unit in ["bytes", "KiB", "MiB", "GiB"] {
            if value < 1024 { return unit == "bytes" ? "\(byteCount) bytes" : "\(decimal(value)) \(unit)" }
            value /= 1024
        }
        return "\(decimal(value)) TiB"
    }

    package static func rate(_ bytesPerSecond: Double) -> String {
        "\(Int((bytesPerSecond / 1e6).rounded())) MB/s"
    }

    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
