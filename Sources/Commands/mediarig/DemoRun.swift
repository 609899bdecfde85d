import Foundation
import LinuxPlatform
import Verification

/// The demonstration could not make its images: something of the machine is missing.
struct DemoFailure: Error, CustomStringConvertible {
    let description: String
}

/// Makes two real images and verifies each in both modes, read-only and read-write.
struct DemoRun {
    let json: Bool

    private struct Case {
        let image: String
        let medium: VerificationPlan.MediumKind
        let isReadWrite: Bool
    }

    private static let cases = [
        Case(image: "hybrid.iso", medium: .cdrom, isReadWrite: false),
        Case(image: "hybrid.iso", medium: .disk, isReadWrite: true),
        Case(image: "fat.img", medium: .disk, isReadWrite: false),
        Case(image: "fat.img", medium: .disk, isReadWrite: true),
    ]

    func run() async throws -> [VerificationReport] {
        let folder = try PrivateFolder()
        try makeImages(in: folder)
        var reports: [VerificationReport] = []
        for mode in VerificationPlan.Mode.allCases {
            for example in Self.cases {
                var plan = VerificationPlan(image: folder.file(example.image))
                plan.mode = mode
                plan.medium = example.medium
                plan.isReadWrite = example.isReadWrite
                let bar = ProgressBar()
                let report = try await Verification(plan) { bar.show($0) }.run()
                bar.clear()
                reports.append(report)
                if !json { print(ReportText.render(report, hasColour: Console.isTerminal)) }
            }
        }
        if !json { summarise(reports) }
        return reports
    }

    private func summarise(_ reports: [VerificationReport]) {
        let proven = reports.count { $0.outcome == .proven }
        print("\(proven) of \(reports.count) insertions proven.")
    }

    private func makeImages(in folder: PrivateFolder) throws {
        // The wrapper says where the project is; without it, the demo runs from the project's folder.
        let root =
            ProcessInfo.processInfo.environment["MEDIARIG_ROOT"] ?? FileManager.default.currentDirectoryPath
        let recipe = "\(root)/images/make"
        guard FileManager.default.isExecutableFile(atPath: recipe) else {
            throw DemoFailure(
                description: "no \(recipe): run ./mediarig verify --demo in the project's folder")
        }
        if !json { print("making hybrid.iso and fat.img from \(recipe)\n") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: recipe)
        process.arguments = ["--out", folder.path] + Set(Self.cases.map(\.image)).sorted()
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw DemoFailure(description: "\(recipe) failed with status \(process.terminationStatus)")
        }
    }
}
