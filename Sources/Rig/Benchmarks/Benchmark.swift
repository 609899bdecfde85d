/// One comparison of ours with a peer, on the same work, in the same run.
package protocol Benchmark: Sendable {
    /// As `--only` takes it: "nbd-sequential".
    var name: String { get }
    var summary: String { get }
    /// Programs without which it is skipped, by name.
    var neededPrograms: [String] { get }

    /// Takes the time it takes; calls `progress` as it goes on.
    func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow]
}

/// What all benchmarks of a run have in common.
package struct BenchmarkSetting: Sendable {
    /// Pairs of measurements; medians are taken over them.
    package var rounds: Int
    /// Size of the image, in bytes.
    package var imageBytes: UInt64
    /// A folder for images and sockets, which goes away after the run.
    package var folder: String
    /// This program, which is started again as a server.
    package var ourProgram: String
    /// One random-access measurement.
    package var secondsPerSample: Int

    package init(
        rounds: Int, imageBytes: UInt64, folder: String, ourProgram: String, secondsPerSample: Int
    ) {
        self.rounds = rounds
        self.imageBytes = imageBytes
        self.folder = folder
        self.ourProgram = ourProgram
        self.secondsPerSample = secondsPerSample
    }
}

/// What one pair of measurements came to.
package struct BenchmarkRow: Codable, Equatable, Sendable {
    package var benchmark: String
    /// "read, 4 connections".
    package var work: String
    /// Empty where there is nobody to compare with.
    package var peer: String
    /// Of the rates: "MB/s", "op/s", of which more is better; "ms", "s", "MiB", of which less is.
    package var unit: String
    /// Of the processor times: "s/GiB", "µs/op". Less is better.
    package var processorUnit: String
    package var ours: Series
    package var peers: Series

    package init(
        benchmark: String, work: String, peer: String, unit: String, processorUnit: String,
        ours: Series = Series(), peers: Series = Series()
    ) {
        self.benchmark = benchmark
        self.work = work
        self.peer = peer
        self.unit = unit
        self.processorUnit = processorUnit
        self.ours = ours
        self.peers = peers
    }

    package struct Series: Codable, Equatable, Sendable {
        package var rates: [Double] = []
        /// Of the server alone, per unit of work.
        package var processorCosts: [Double] = []
        package init() {}

        package mutating func add(rate: Double, processorCost: Double) {
            rates.append(rate)
            processorCosts.append(processorCost)
        }
    }

    package var hasPeer: Bool { !peer.isEmpty }

    /// The medians of the ratios within each pair: what disturbs a pair disturbs both of it.
    package var rateRatio: Double { Self.medianRatio(ours.rates, peers.rates) }
    package var processorRatio: Double { Self.medianRatio(ours.processorCosts, peers.processorCosts) }

    static func medianRatio(_ first: [Double], _ second: [Double]) -> Double {
        median(zip(first, second).map { $1 == 0 ? 0 : $0 / $1 })
    }
}

/// - Returns: the middle value, or the mean of the two; 0 of nothing.
package func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
}

package struct BenchmarkFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
