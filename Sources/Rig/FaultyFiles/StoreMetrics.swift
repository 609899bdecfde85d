/// Sums over all operations, and their text for Prometheus.
package struct StoreMetrics: Equatable, Sendable {
    /// Upper ends of the histogram's buckets, in microseconds; one more bucket has none.
    package static let bucketMicroseconds: [Int64] = [
        50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
    ]

    package struct Latency: Equatable, Sendable {
        /// Not cumulated; the last one holds what is longer than every bucket.
        package var counts = [Int](repeating: 0, count: bucketMicroseconds.count + 1)
        package var microseconds: Int64 = 0
        package var total: Int { counts.reduce(0, +) }
    }

    package struct FailureKey: Hashable, Sendable {
        let operation: String
        let name: String
    }

    package private(set) var latencies: [String: Latency] = [:]
    package private(set) var failures: [FailureKey: Int] = [:]
    package private(set) var readBytes = 0
    package private(set) var writtenBytes = 0
    package private(set) var injected: [String: Int] = [:]

    package init() {}

    package func count(_ operation: StoreOperation) -> Int { latencies[operation.rawValue]?.total ?? 0 }

    package mutating func add(_ record: OperationRecord) {
        let (seconds, attoseconds) = (record.end - record.start).components
        let time = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        let bucket =
            Self.bucketMicroseconds.firstIndex { time <= $0 } ?? Self.bucketMicroseconds.count
        latencies[record.operation, default: Latency()].counts[bucket] += 1
        latencies[record.operation]?.microseconds += time
        if record.operation == "read" { readBytes += record.movedBytes }
        if record.operation == "write" { writtenBytes += record.movedBytes }
        for word in record.injected { injected[word, default: 0] += 1 }
        if let failure = record.failure {
            failures[FailureKey(operation: record.operation, name: failure.name), default: 0] += 1
        }
    }

    /// In Prometheus's text form (version 0.0.4).
    ///
    /// - Parameters:
    ///   - fired: How often each fault was carried out, by its name.
    ///   - gauges: What is so at the moment: name, meaning, value.
    package func text(fired: [(name: String, count: Int)], gauges: [(String, String, Int)]) -> String {
        var lines: [String] = []
        let operations = latencies.keys.sorted()
        Self.begin("operations_total", "counter", "Operations on the store's files.", &lines)
        for operation in operations {
            lines.append(
                Self.sample("operations_total", [("operation", operation)], latencies[operation]?.total ?? 0))
        }
        Self.begin("operation_errors_total", "counter", "Operations that failed, injected or not.", &lines)
        for (key, count) in failures.sorted(by: {
            ($0.key.operation, $0.key.name) < ($1.key.operation, $1.key.name)
        }) {
            lines.append(
                Self.sample(
                    "operation_errors_total", [("operation", key.operation), ("error", key.name)],
                    count))
        }
        Self.begin("bytes_total", "counter", "Bytes that moved.", &lines)
        lines.append(Self.sample("bytes_total", [("direction", "read")], readBytes))
        lines.append(Self.sample("bytes_total", [("direction", "written")], writtenBytes))
        Self.begin("injected_actions_total", "counter", "Actions carried out, by kind.", &lines)
        for (word, count) in injected.sorted(by: { $0.key < $1.key }) {
            lines.append(Self.sample("injected_actions_total", [("action", word)], count))
        }
        Self.begin("faults_fired_total", "counter", "Faults that fired, by name.", &lines)
        for fault in fired {
            lines.append(Self.sample("faults_fired_total", [("fault", fault.name)], fault.count))
        }
        Self.begin("operation_seconds", "histogram", "From request to answer.", &lines)
        for operation in operations { addHistogram(operation, &lines) }
        for (name, meaning, value) in gauges {
            Self.begin(name, "gauge", meaning, &lines)
            lines.append(Self.sample(name, [], value))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func addHistogram(_ operation: String, _ lines: inout [String]) {
        guard let latency = latencies[operation] else { return }
        let label = ("operation", operation)
        var sum = 0
        for (index, count) in latency.counts.enumerated() {
            sum += count
            let end =
                index < Self.bucketMicroseconds.count
                ? Self.seconds(Self.bucketMicroseconds[index]) : "+Inf"
            lines.append(Self.sample("operation_seconds_bucket", [label, ("le", end)], sum))
        }
        lines.append(
            "mediarig_store_operation_seconds_sum{operation=\"\(operation)\"} \(Self.seconds(latency.microseconds))"
        )
        lines.append(Self.sample("operation_seconds_count", [label], sum))
    }

    private static func begin(_ name: String, _ kind: String, _ meaning: String, _ lines: inout [String]) {
        lines.append("# HELP mediarig_store_\(name) \(meaning)")
        lines.append("# TYPE mediarig_store_\(name) \(kind)")
    }

    private static func sample(_ name: String, _ labels: [(String, String)], _ value: Int) -> String {
        let text = labels.map { "\($0)=\"\(OperationRecord.escaped($1))\"" }.joined(separator: ",")
        return "mediarig_store_\(name)\(text.isEmpty ? "" : "{\(text)}") \(value)"
    }

    /// Microseconds as seconds without trailing zeros: "0.00025", "1".
    private static func seconds(_ microseconds: Int64) -> String {
        let fraction = String(microseconds % 1_000_000 + 1_000_000).dropFirst()
        var text = "\(microseconds / 1_000_000).\(fraction)"
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }
}
