import CLinux
import COpenSSL
import LinuxPlatform
import RedfishServer

/// scrypt (RFC 7914) by OpenSSL. Hashes are text: "$scrypt$14$8$5$<salt>$<key>", numbers as in the RFC with N as a
/// power of two, salt and key in hexadecimal.
///
/// One password at a time, on a thread of its own: each takes 16 MiB and a fifth of a second of a fast
/// processor by default.
package struct ScryptHashing: PasswordHashing {
    /// How hard it is to try passwords; changed values count for new hashes, old ones keep theirs.
    package struct Cost: Equatable, Sendable {
        /// N is two to this power.
        package var logarithm = 14
        package var blockFactor = 8
        package var parallelism = 5
        package init(logarithm: Int = 14, blockFactor: Int = 8, parallelism: Int = 5) {
            self.logarithm = logarithm
            self.blockFactor = blockFactor
            self.parallelism = parallelism
        }

        /// What a password takes while it is worked on (RFC 7914 §2).
        fileprivate var byteCount: Int { 128 * blockFactor << logarithm }

        /// A stored hash may ask for no more than this: a damaged file must not use up the machine.
        fileprivate var isBearable: Bool {
            (1...20).contains(logarithm) && (1...32).contains(blockFactor) && (1...16).contains(parallelism)
        }
    }

    private let cost: Cost
    private let worker = Worker()
    private static let saltBytes = 16
    private static let keyBytes = 32

    package init(cost: Cost = Cost()) { self.cost = cost }

    package func hash(_ password: [UInt8]) async -> String {
        let salt = SystemEntropy().bytes(Self.saltBytes)
        guard let key = await worker.key(of: password, salt: salt, cost) else {
            // A process without 16 MiB to spare cannot make accounts; an account nobody can use is safe.
            return "!"
        }
        return
            "$scrypt$\(cost.logarithm)$\(cost.blockFactor)$\(cost.parallelism)$\(text(salt))$\(text(key))"
    }

    package func matches(_ password: [UInt8], _ hash: String) async -> Bool {
        let stored = StoredHash(hash)
        let key = await worker.key(
            of: password, salt: stored?.salt ?? [UInt8](repeating: 0, count: Self.saltBytes),
            stored?.cost ?? cost)
        guard let stored, let key, stored.key.count == key.count else { return false }
        return CRYPTO_memcmp(stored.key, key, key.count) == 0
    }

    package func digest(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        precondition(
            EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil) == 1, "SHA-256 is always there")
        return digest
    }

    private func text(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private struct StoredHash {
        let cost: Cost
        let salt: [UInt8]
        let key: [UInt8]

        init?(_ text: String) {
            let parts = text.split(separator: "$", omittingEmptySubsequences: false)
            guard parts.count == 7, parts[0].isEmpty, parts[1] == "scrypt", let logarithm = Int(parts[2]),
                let blockFactor = Int(parts[3]), let parallelism = Int(parts[4]),
                let salt = Self.bytes(parts[5]), let key = Self.bytes(parts[6])
            else { return nil }
            cost = Cost(logarithm: logarithm, blockFactor: blockFactor, parallelism: parallelism)
            guard cost.isBearable, key.count == ScryptHashing.keyBytes else { return nil }
            self.salt = salt
            self.key = key
        }

        private static func bytes(_ text: Substring) -> [UInt8]? {
            guard text.utf8.count % 2 == 0 else { return nil }
            var bytes: [UInt8] = []
            var rest = text
            while !rest.isEmpty {
                guard rest.first != "+", let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
                bytes.append(byte)
                rest = rest.dropFirst(2)
            }
            return bytes
        }
    }

    /// Works off the thread pool, one password after the other.
    private actor Worker {
        private let executor = ThreadExecutor(name: "scrypt", mayBlock: true)
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        deinit { executor.stop() }

        private static let worthGivingBack = 1 << 20

        /// - Returns: `nil` without enough memory.
        func key(of password: [UInt8], salt: [UInt8], _ cost: Cost) -> [UInt8]? {
            var key = [UInt8](repeating: 0, count: ScryptHashing.keyBytes)
            let done = password.withUnsafeBytes { password in
                EVP_PBE_scrypt(
                    password.bindMemory(to: CChar.self).baseAddress ?? ScryptHashing.nothing, password.count,
                    salt, salt.count, 1 << UInt64(cost.logarithm), UInt64(cost.blockFactor),
                    UInt64(cost.parallelism), 1 << 30, &key, key.count)
            }
            // The C library would keep what a password needs, 16 MiB by default, until the next one.
            if cost.byteCount >= Self.worthGivingBack { malloc_trim(0) }
            return done == 1 ? key : nil
        }
    }

    /// OpenSSL takes no null pointer for an empty password.
    nonisolated(unsafe) private static let nothing: UnsafePointer<CChar> = {
        let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        pointer.initialize(to: 0)
        return UnsafePointer(pointer)
    }()
}
