import HostObserver
import Reports

/// An observation for people.
package enum ObservationText {
    package static func render(_ report: ObservationReport) -> String {
        var lines = [report.target]
        func field(_ name: String, _ text: String) {
            lines.append("  \(name)" + String(repeating: " ", count: max(1, 13 - name.count)) + text)
        }
        if let device = report.device {
            field(
                "device",
                "\(hex(device.device.vendorID)):\(hex(device.device.productID)) "
                    + "\(device.manufacturer ?? "(no manufacturer)") \(device.product ?? "(no product)"), serial "
                    + "\(device.serialNumber ?? "none"), \(Int(device.maximumLUN) + 1) LUN")
            for breach in device.breaches { field("", "breach: \(breach)") }
        }
        if let unit = report.unit {
            field(
                "unit",
                "\(unit.inquiry.vendor) \(unit.inquiry.product) \(unit.inquiry.revision), "
                    + (unit.inquiry.isCD ? "CD-ROM, " : "disk, ")
                    + (unit.inquiry.isRemovable ? "removable, " : "fixed, ")
                    + (unit.isWriteProtected ? "write protected" : "writable"))
            field("capacity", "\(unit.capacity.blockCount) blocks of \(unit.capacity.blockByteCount) bytes")
        }
        if let block = report.block {
            let name = [block.vendor, block.model, block.revision].compactMap { $0 }.joined(separator: " ")
            field(
                "device",
                (name.isEmpty ? "" : "\(name), ") + (block.isReadOnly ? "read-only" : "writable")
                    + (block.isRemovable.map { $0 ? ", removable" : ", fixed" } ?? "")
                    + (block.isDirect ? "" : ", through the page cache"))
            field(
                "capacity",
                "\(block.byteCount) bytes; blocks of \(block.logicalBlockByteCount), physical "
                    + "\(block.physicalBlockByteCount)")
            for key in ["ID_BUS", "ID_SERIAL", "ID_CDROM_MEDIA", "ID_FS_TYPE", "ID_FS_LABEL"] {
                if let value = block.properties[key] { field("", "\(key)=\(value)") }
            }
        }
        for (name, reading) in [("read", report.reading), ("random reads", report.randomReading)] {
            guard let reading else { continue }
            field(name, "\(reading.provenByteCount) bytes equal of \(reading.visibleByteCount) visible")
            for mismatch in reading.mismatches.prefix(4) {
                field("", "block \(mismatch.block) (byte \(mismatch.firstDifference)): \(mismatch.kind)")
            }
            for unreadable in reading.unreadable.prefix(4) {
                field("", "block \(unreadable.block) cannot be read: \(unreadable.reason)")
            }
        }
        if let writing = report.writing {
            let byteCount = writing.ranges.reduce(0) { $0 + $1.byteCount }
            field(
                "written",
                "\(byteCount) bytes, flushed and read back: \(writing.verdict == .proven ? "equal" : "not proven")"
            )
        }
        lines.append("  \(word(report.outcome)): \(report.explanation)")
        return lines.joined(separator: "\n") + "\n"
    }

    /// JUnit XML: one case for each thing that was looked at.
    package static func junit(_ report: ObservationReport) -> String {
        let verdicts = [
            ("reading", report.reading?.verdict), ("random reads", report.randomReading?.verdict),
            ("writing", report.writing?.verdict),
        ]
        var cases: [(name: String, failure: String?)] = []
        let hasEnumerated = report.unit != nil || report.block != nil
        cases.append(("device", hasEnumerated ? nil : report.explanation))
        for (name, verdict) in verdicts {
            switch verdict {
            case .proven?: cases.append((name, nil))
            case .mismatch(let why)?, .unreadable(let why)?, .unproven(let why)?: cases.append((name, why))
            case nil: continue
            }
        }
        cases.append(("outcome", report.outcome == .proven ? nil : report.explanation))
        let body = Markup(
            cases.map { name, failure in
                guard let failure else {
                    return "<testcase classname=\"\(report.target)\" name=\"\(name)\"/>\n"
                }
                return """
                    <testcase classname="\(report.target)" name="\(name)"><failure message="\(failure)"/></testcase>

                    """
            })
        let failures = cases.count { $0.failure != nil }
        let time = "\(report.milliseconds / 1000).\(padded(report.milliseconds % 1000))"
        let document: Markup = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="mediarig" tests="\(cases.count)" failures="\(failures)" time="\(time)">
            <testsuite name="observe \(report.target)" tests="\(cases.count)" failures="\(failures)" time="\(time)">
            \(body)</testsuite>
            </testsuites>

            """
        return document.source
    }

    private static func word(_ outcome: ObservationReport.Outcome) -> String {
        switch outcome {
        case .proven: "PROVEN"
        case .wrong: "WRONG"
        case .unproven: "NOT PROVEN"
        case .notLive: "NO ANSWER"
        case .environmentMissing: "CANNOT LOOK"
        }
    }

    private static func hex(_ number: UInt16) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    private static func padded(_ number: Int64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    }
}
