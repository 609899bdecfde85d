import BlockStorage
import Foundation
import Glibc
import TestSupport
import Testing
import VirtualMedia

/// Redfish clients and judges that others have written, against the whole front; each in a network namespace with
/// nothing but loopback.
@Suite(.serialized) struct ClientTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    static let python = Capability.projectPython("redfish").path
    static let url = "https://127.0.0.1:8443"

    static func capability(_ module: String) -> Capability { Capability.projectPython(module).capability }

    /// What making a namespace takes.
    static let namespaces = Capability(
        name: "network-namespaces",
        isPresent: geteuid() == 0 && Capability.tools("unshare", "ip", "curl").isPresent)

    static let schemas: (capability: Capability, path: String) = {
        let folder =
            ProcessInfo.processInfo.environment["MEDIARIG_REDFISH_DATA"]
            ?? root.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("shared/redfish").path
        let path = folder + "/csdl.tar.xz"
        return (
            Capability(name: "redfish-data", isPresent: FileManager.default.fileExists(atPath: path)), path
        )
    }()

    /// Runs a shell command beside a fresh front. `$URL`, `$CA`, `$FOLDER`, `$LOGIN` (user:password), `$BIN` and `$TESTS`
    /// are there for it.
    static func run(_ command: String, within seconds: Double = 60) async throws -> ForeignProgram.Result {
        let front = try await CagedFront(images: PatternImages())
        let folder = try TemporaryFolder()
        var program = ForeignProgram(
            "unshare",
            [
                "-n", "/usr/bin/python3", root.appendingPathComponent("namespace.py").path, front.gate,
                "--", "/bin/sh", "-c", command,
            ])
        program.environment = [
            "URL": url, "CA": front.authority, "FOLDER": folder.path,
            "LOGIN": "\(CagedFront.user):\(CagedFront.password)", "USER_NAME": CagedFront.user,
            "PASSWORD": CagedFront.password,
            "BIN": URL(fileURLWithPath: python).deletingLastPathComponent().path,
            "TESTS": root.path, "SCHEMAS": schemas.path,
        ]
        let serving = front.serve()
        let result: ForeignProgram.Result
        do { result = try await program.run(within: seconds) } catch {
            await front.shutDown(serving)
            throw error
        }
        await front.shutDown(serving)
        return result
    }

    /// The numbers in the first line of a text that has them.
    static func numbers(in text: String, line marker: String) -> [Int] {
        let line = text.split(separator: "\n").last { $0.contains(marker) } ?? ""
        return line.split { !$0.isNumber }.compactMap { Int($0) }
    }

    @Test(.enabled(if: namespaces.isUsable, "no network namespaces here"))
    func `curl inserts and ejects`() async throws {
        let result = try await Self.run(
            """
            set -e
            S=$URL/redfish/v1/Systems/system/VirtualMedia/Slot_2
            curl -sS --fail-with-body --cacert $CA -u $LOGIN -H 'Content-Type: application/json' \
                -d '{"Image": "https://images.example/os.iso"}' $S/Actions/VirtualMedia.InsertMedia
            curl -sS --cacert $CA -u $LOGIN $S
            curl -sS --fail-with-body --cacert $CA -u $LOGIN -X POST $S/Actions/VirtualMedia.EjectMedia
            curl -sS -o /dev/null -w ' %{http_code}' --cacert $CA $S
            """)
        #expect(result.status == 0, "\(result.error)\(result.output)")
        #expect(result.output.contains("\"Inserted\":true"))
        #expect(result.output.hasSuffix(" 401"))
    }

    @Test(
        .enabled(if: namespaces.isUsable, "no network namespaces here"),
        .enabled(
            if: capability("redfish_service_validator").isUsable, "redfish-service-validator is not here"),
        .enabled(if: schemas.capability.isUsable, "DMTF's schemas are not here"))
    func `DMTF's service validator finds nothing wrong with any resource`() async throws {
        let result = try await Self.run(
            """
            set -e
            cd $FOLDER
            tar xf $SCHEMAS
            for S in MediaRigVirtualMedia OpenBMCVirtualMedia; do
                curl -sS --fail --cacert $CA -u $LOGIN $URL/redfish/v1/JsonSchemas/$S/${S}_v1.xml -o csdl/${S}_v1.xml
            done
            for N in 2 3; do
                curl -sS --fail --cacert $CA -u $LOGIN -H 'Content-Type: application/json' \
                    -d '{"Image": "https://images.example/os.iso"}' \
                    $URL/redfish/v1/Systems/system/VirtualMedia/Slot_$N/Actions/VirtualMedia.InsertMedia
            done
            $BIN/rf_service_validator -u $USER_NAME -p $PASSWORD -r $URL \
                --schema_directory csdl --skipschema --logdir out
            """, within: 240)
        #expect(result.status == 0, "\(result.error.suffix(2000))\(result.output.suffix(4000))")
        let rows = result.output.split(separator: "\n").filter { $0.hasPrefix("|") }
        let counts = rows.last?.split { !$0.isNumber }.compactMap { Int($0) } ?? []
        try #require(counts.count == 4, "\(result.output.suffix(2000))")
        #expect(counts[0] >= 200)
        #expect(counts[2] == 0)
    }

    @Test(
        .enabled(if: namespaces.isUsable, "no network namespaces here"),
        .enabled(
            if: capability("redfish_protocol_validator").isUsable, "redfish-protocol-validator is not here"))
    func `DMTF's protocol validator finds no rule broken`() async throws {
        let result = try await Self.run(
            """
            $BIN/rf_protocol_validator -u $USER_NAME -p $PASSWORD -r $URL --ca-bundle $CA \
                --report-dir $FOLDER/report --avoid-http-redirect
            grep -h FAIL $FOLDER/report/*.tsv
            true
            """, within: 240)
        let counts = Self.numbers(in: result.output + result.error, line: "Summary - PASS")
        try #require(counts.count == 4, "\(result.output.suffix(2000))\(result.error.suffix(2000))")
        #expect(counts[0] >= 200, "\(counts)")
        #expect(counts[2] == 0, "\(result.output.suffix(4000))")
    }

    @Test(
        .enabled(if: namespaces.isUsable, "no network namespaces here"),
        .enabled(if: capability("sushy").isUsable, "sushy is not here"))
    func `OpenStack's sushy inserts, is told why not, ejects, and sets the boot device`() async throws {
        let result = try await Self.run(
            "$BIN/python $TESTS/sushy_client.py $URL/redfish/v1 $USER_NAME $PASSWORD $CA")
        #expect(result.output == "done\n", "\(result.error.suffix(3000))")
    }

    @Test(
        .enabled(if: namespaces.isUsable, "no network namespaces here"),
        .enabled(if: capability("redfish").isUsable, "DMTF's redfish library is not here"))
    func `DMTF's library logs in, inserts as an action says, and ejects with an ETag`() async throws {
        let result = try await Self.run("$BIN/python $TESTS/redfish_client.py $URL $USER_NAME $PASSWORD $CA")
        #expect(result.output == "done\n", "\(result.error.suffix(3000))")
    }

    @Test(
        .enabled(if: namespaces.isUsable, "no network namespaces here"),
        .enabled(if: capability("ansible_collections.community.general").isUsable, "ansible is not here"))
    func `ansible's redfish_command inserts, does nothing when the image is there already, and ejects`()
        async throws
    {
        let result = try await Self.run(". $TESTS/ansible_client.sh", within: 240)
        #expect(result.status == 0, "\(result.error.suffix(3000))\(result.output.suffix(3000))")
        let changes = result.output.split(separator: "\n").filter { $0.contains("\"changed\":") }
            .map { $0.contains("true") }
        #expect(changes == [true, false, true], "\(result.output)")
    }

    @Test(
        .enabled(if: namespaces.isUsable, "no network namespaces here"),
        .enabled(if: capability("redfish_utilities").isUsable, "redfish-utilities are not here"))
    func `DMTF's utilities find a slot by themselves, insert, list and eject`() async throws {
        let result = try await Self.run(
            """
            set -e
            export REQUESTS_CA_BUNDLE=$CA
            U="$BIN/rf_virtual_media.py -u $USER_NAME -p $PASSWORD -r $URL"
            $U insert -image https://images.example/os.iso
            $U info
            $U eject --id Slot_2
            $BIN/rf_boot_override.py -u $USER_NAME -p $PASSWORD -r $URL -t Cd
            $BIN/rf_boot_override.py -u $USER_NAME -p $PASSWORD -r $URL -i
            """)
        #expect(result.status == 0, "\(result.error.suffix(3000))\(result.output)")
        #expect(result.output.contains("Image: https://images.example/os.iso"))
        #expect(result.output.contains("Target: Cd"))
    }
}

/// Images of a megabyte, whatever they are called; but "missing" is not there.
struct PatternImages: ImageOpener {
    func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore {
        guard !request.url.contains("missing") else { throw ImageError(.notFound, "no such image") }
        return MemoryStore(TemporaryFolder.pattern(1 << 20), isReadOnly: true)
    }
}
