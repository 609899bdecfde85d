import Certificates
import Foundation
import Glibc
import RemoteStore
import TestSupport

/// nginx with a certificate of ours, one folder, and user and password on `/private/`.
final class ForeignServer {
    static let capability = Capability.tool("nginx")

    let folder: TemporaryFolder
    let port: UInt16
    private let process = Process()

    init(image: [UInt8]) throws {
        folder = try TemporaryFolder()
        port = try Self.freePort()
        let authority = try CertificateAuthority()
        try authority.writeCertificate(to: folder.file("ca.pem"))
        let certificate = try authority.issue()
        try folder.write(Array(certificate.pem.utf8), to: "server.pem")
        try folder.write(Array(certificate.privateKeyPEM.utf8), to: "server.key")
        for name in ["www", "www/private", "tmp"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(name), withIntermediateDirectories: false)
        }
        // nginx drops its rights, and then has to get through.
        chmod(folder.path, 0o755)
        try folder.write(image, to: "www/disk.img")
        try folder.write(image, to: "www/private/disk.img")
        let digest = try ForeignProgram("openssl", "passwd", "-apr1", "-salt", "mediarig", "s3cret")
            .runBlocking()
            .output
        try folder.write(Array("operator:\(digest)".utf8), to: "users")
        try folder.write(Array(configuration.utf8), to: "nginx.conf")
        process.executableURL = URL(fileURLWithPath: Capability.path(ofTool: "nginx") ?? "nginx")
        process.arguments = [
            "-c", folder.file("nginx.conf"), "-p", folder.path, "-e", folder.file("error.log"),
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        for _ in 0..<500 where !Self.accepts(port) { usleep(10_000) }
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    func url(_ path: String) -> String { "https://127.0.0.1:\(port)\(path)" }

    private var configuration: String {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder.file("tmp"));" }.joined(separator: "\n")
        return """
            daemon off; worker_processes 1; pid \(folder.file("nginx.pid"));
            events { worker_connections 64; }
            http {
              access_log off; sendfile on; \(temporary)
              server {
                listen 127.0.0.1:\(port) ssl;
                ssl_certificate \(folder.file("server.pem")); ssl_certificate_key \(folder.file("server.key"));
                keepalive_requests 1000000;
                root \(folder.file("www"));
                location /private/ { auth_basic "images"; auth_basic_user_file \(folder.file("users")); }
                location /norange/ { alias \(folder.file("www/")); max_ranges 0; }
                location /redirect { return 302 /disk.img; }
                location /gone { return 410; }
              }
            }
            """
    }

    private static func freePort() throws -> UInt16 {
        // A server of ours is asked for a port, and gives it up at once.
        let server = try ImageServer(authority: CertificateAuthority(), ImageServer.Configuration())
        server.stop()
        return server.port
    }

    private static func accepts(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return withUnsafeBytes(of: &address) {
            connect(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
                == 0
        }
    }
}
