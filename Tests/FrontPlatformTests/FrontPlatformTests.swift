import Foundation
import Glibc
import RedfishServer
import TestSupport
import Testing

@testable import FrontPlatform

struct ScryptHashingTests {
    static let quick = ScryptHashing.Cost(logarithm: 4, blockFactor: 1, parallelism: 1)

    @Test func `a password matches its own hash and no other`() async {
        let hashing = ScryptHashing(cost: Self.quick)
        let hash = await hashing.hash(Array("secret".utf8))
        #expect(hash.hasPrefix("$scrypt$4$1$1$"))
        #expect(!hash.contains("secret"))
        #expect(await hashing.matches(Array("secret".utf8), hash))
        for wrong in ["", "Secret", "secret ", "secre"] {
            #expect(await !hashing.matches(Array(wrong.utf8), hash))
        }
        #expect(await hashing.hash(Array("secret".utf8)) != hash)
        let empty = await hashing.hash([])
        #expect(await hashing.matches([], empty))
    }

    /// RFC 7914, section 12.
    @Test func `the vectors of the specification match`() async {
        let vectors: [(password: String, salt: String, cost: String, key: String)] = [
            (
                "password", "4e61436c", "10$8$16",
                "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
            ),
            (
                "pleaseletmein", "536f6469756d43686c6f72696465", "14$8$1",
                "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            ),
        ]
        let hashing = ScryptHashing()
        for vector in vectors {
            let hash = "$scrypt$\(vector.cost)$\(vector.salt)$\(vector.key)"
            #expect(await hashing.matches(Array(vector.password.utf8), hash))
        }
    }

    static let notHashes = [
        "", "!", "$scrypt$", "$scrypt$4$1$1$00$zz", "$scrypt$40$8$1$00$00", "$scrypt$4$1$1$0$00",
        "$scrypt$-1$1$1$00$\(String(repeating: "00", count: 32))", "$6$rounds=5000$x$y",
        "$scrypt$4$1$1$+1$\(String(repeating: "00", count: 32))",
    ]

    @Test(arguments: notHashes)
    func `what is no hash matches nothing`(text: String) async {
        let hashing = ScryptHashing(cost: Self.quick)
        #expect(await !hashing.matches([], text))
    }

    @Test func `the digest is SHA-256`() {
        let digest = ScryptHashing().digest(Array("abc".utf8)).map { String($0, radix: 16) }.joined()
        #expect(digest.hasPrefix("ba7816bf8f1cfea414140de5dae2223b"))
    }
}

struct AccountFileTests {
    static let accounts = [
        Account(userName: "root", role: .administrator, passwordHash: "$scrypt$1"),
        Account(
            userName: "o.p-2", role: .operator, passwordHash: "\"\\\n", isEnabled: false,
            mustChangePassword: true),
    ]

    @Test func `accounts come back as they were stored, in a file that nobody else may read`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/accounts.json"
        let file = AccountFile(path: path)
        #expect(try await file.load() == nil)
        try await file.save([])
        #expect(try await file.load() == [])
        try await file.save(Self.accounts)
        #expect(try await file.load() == Self.accounts)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["accounts.json"])
    }

    @Test func `a file that others may read is refused, with what to do`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/accounts.json"
        try await AccountFile(path: path).save(Self.accounts)
        chmod(path, 0o644)
        await #expect(throws: StoreFailure("\(path): others may read or write it; set its mode to 0600")) {
            _ = try await AccountFile(path: path).load()
        }
    }

    @Test(arguments: [
        "", "{", "[]", "{}", #"{"Version": 2, "Accounts": []}"#, #"{"Version": 1}"#,
        #"{"Version": 1, "Accounts": [{}]}"#,
        #"{"Version": 1, "Accounts": [{"UserName": "../x", "RoleId": "ReadOnly", "PasswordHash": "", "Enabled": true, "PasswordChangeRequired": false}]}"#,
    ])
    func `a damaged file is an error, never no accounts`(text: String) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/accounts.json"
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        chmod(path, 0o600)
        await #expect(throws: StoreFailure.self) { _ = try await AccountFile(path: path).load() }
    }

    @Test func `a crash while writing leaves the old accounts, and the next write works`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/accounts.json"
        try await AccountFile(path: path).save(Self.accounts)
        try "half".write(toFile: path + ".new", atomically: false, encoding: .utf8)
        #expect(try await AccountFile(path: path).load() == Self.accounts)
        try await AccountFile(path: path).save([])
        #expect(try await AccountFile(path: path).load() == [])
    }

    @Test func `a folder that is not there is an error`() async throws {
        await #expect(throws: StoreFailure.self) {
            try await AccountFile(path: "/nonexistent/accounts.json").save([])
        }
    }
}

struct SettingsFileTests {
    @Test func `settings come back as they were stored, in a file that nobody else may read`() async throws {
        let folder = try TemporaryFolder()
        let file = SettingsFile(path: folder.file("settings.json"))
        #expect(try await file.load() == nil)
        try await file.save(Array("one".utf8))
        try await file.save(Array("two".utf8))
        #expect(try await file.load() == Array("two".utf8))
        var status = stat()
        #expect(stat(folder.file("settings.json"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }
}

struct SystemPortsTests {
    @Test func `a pipe holds the secret and ends`() throws {
        let secret = Array("user\0password\0".utf8)
        let descriptor = try SystemPipes().pipe(holding: secret)
        var bytes = [UInt8](repeating: 0, count: 64)
        #expect(read(descriptor.number, &bytes, 64) == secret.count)
        #expect(Array(bytes.prefix(secret.count)) == secret)
        #expect(read(descriptor.number, &bytes, 64) == 0)
        #expect(fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func `random bytes differ, and the wall clock is in this century`() {
        #expect(SystemEntropy().bytes(32) != SystemEntropy().bytes(32))
        #expect(SystemEntropy().bytes(5).count == 5)
        #expect((1_700_000_000...4_100_000_000).contains(SystemWallClock().secondsSince1970))
    }
}
