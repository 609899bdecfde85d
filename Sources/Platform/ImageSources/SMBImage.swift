internal import BlockStorage
internal import CLinux
internal import Glibc
internal import LinuxPlatform
internal import RemoteImages
internal import Threads
internal import VirtualMedia

/// An image on an SMB share, through the kernel's cifs.
///
/// The share is mounted only to open the image: then the mount is detached at once, and lives as long as the
/// image is open. So nothing is left of it, whatever becomes of the process.
enum SMBImage {
    /// Newest first; both can encrypt. Older ones are not spoken.
    static let dialects = ["3.1.1", "3.0"]

    /// - Parameter folder: where the mount point is made for that moment.
    static func open(_ location: SMBLocation, _ request: ImageRequest, folder: String)
        async throws(ImageError) -> FileStore
    {
        guard let credentials = request.credentials else {
            throw ImageError(
                .wrongCredentials, "smb:// needs a user and a password: without them nothing can be encrypted"
            )
        }
        let (isReadWrite, allowsLocal) = (request.isReadWrite, request.allowsLocalAddresses)
        // Waits for the server, at most as long as the kernel does.
        let outcome = await BlockingThread.value("smb open") {
            Result { () throws(ImageError) in
                try openBlocking(
                    location, credentials, isReadWrite: isReadWrite, allowsLocal: allowsLocal, folder: folder)
            }
        }
        guard let outcome else { throw ImageError(.unreadable, "the system has no thread left for a share") }
        return try outcome.get()
    }

    private static func openBlocking(
        _ location: SMBLocation, _ credentials: Credentials, isReadWrite: Bool, allowsLocal: Bool,
        folder: String
    ) throws(ImageError) -> FileStore {
        let address = try address(of: location.host, allowsLocal: allowsLocal)
        let point: String
        do throws(SystemError) { point = try PrivateFolder.make("smb", in: folder) } catch {
            throw ImageError(.unreadable, "no mount point for the share: \(error)")
        }
        defer { rmdir(point) }
        var code: CInt = 0
        for dialect in dialects {
            let options = CifsOptions(address: address, port: location.port, dialect: dialect, credentials)
            code = options.mount("//\(location.host)/\(location.share)", at: point, isReadOnly: !isReadWrite)
            // The server does not speak it.
            guard code == EOPNOTSUPP || code == EINVAL else { break }
        }
        guard code == 0 else { throw failure(code, location) }
        defer { clinux_detach_mount(point) }
        return try LocalImage.open("\(point)/\(location.path)", isReadWrite: isReadWrite)
    }

    /// - Returns: a numeric address: the kernel looks nothing up.
    private static func address(of host: String, allowsLocal: Bool) throws(ImageError) -> String {
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, nil, &found) == 0, let first = found else {
            throw ImageError(.hostNotFound, "no address is known for \(host)")
        }
        defer { freeaddrinfo(found) }
        // The kernel connects to this very address.
        guard allowsLocal || !AddressGuard.isLocal(first.pointee.ai_addr) else {
            throw ImageError(
                .addressNotAllowed,
                "\(host): leads to an address of this machine itself, which may not be used: give an image elsewhere"
            )
        }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        getnameinfo(
            first.pointee.ai_addr, first.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0,
            NI_NUMERICHOST)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func failure(_ code: CInt, _ location: SMBLocation) -> ImageError {
        let server = "\(location.host), share \(location.share)"
        let system = "\(String(cString: strerror(code))) (errno \(code))"
        switch code {
        case EACCES, EKEYREJECTED, EKEYEXPIRED:
            return ImageError(.wrongCredentials, "\(server): user or password is wrong, or may not read it")
        case ENOENT, ENXIO:
            return ImageError(
                .notFound,
                "\(server): there is no such share, or this kernel lacks a cipher of SMB 3 (see its log)")
        case ECONNREFUSED: return ImageError(.connectionRefused, "\(server): nobody listens")
        case EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENETDOWN:
            return ImageError(.unreachable, "\(server): \(system)")
        case ETIMEDOUT, EAGAIN: return ImageError(.timedOut, "\(server): \(system)")
        case ENODEV:
            return ImageError(.unsupportedScheme, "this kernel has no cifs: load its module, or use https://")
        case EOPNOTSUPP, EINVAL:
            return ImageError(.tlsFailed, "\(server): speaks no SMB 3 with encryption")
        case EPERM: return ImageError(.unreadable, "\(server): mounting wants CAP_SYS_ADMIN")
        default: return ImageError(.serverError, "\(server): \(system)")
        }
    }
}

/// The text that cifs is mounted with, password and all. It is passed to the kernel in memory, where no other
/// program sees it, and wiped.
struct CifsOptions: ~Copyable {
    private let buffer: UnsafeMutableRawBufferPointer

    /// - Parameter credentials: a user may be "DOMAIN\\user".
    init(address: String, port: UInt16, dialect: String, _ credentials: Credentials) {
        var text = "vers=\(dialect),seal,ip=\(address),port=\(port),soft,file_mode=0600,dir_mode=0700"
        let user = credentials.userName.split(separator: "\\", maxSplits: 1).map(String.init)
        if user.count == 2 { text += ",domain=\(Self.escaped(user[0]))" }
        text += ",user=\(Self.escaped(user.last ?? "")),pass="
        buffer = credentials.withPassword { password in
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: text.utf8.count + 2 * password.count + 1, alignment: 1)
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            buffer.copyBytes(from: text.utf8)
            var end = text.utf8.count
            for byte in password {
                // A comma ends an option unless it comes twice.
                for _ in 0..<(byte == UInt8(ascii: ",") ? 2 : 1) {
                    buffer[end] = byte
                    end += 1
                }
            }
            return buffer
        }
    }

    deinit {
        clinux_wipe(buffer.baseAddress, buffer.count)
        buffer.deallocate()
    }

    /// A comma in a user's name would begin another option.
    private static func escaped(_ text: String) -> String { text.filter { $0 != "," } }

    /// - Returns: 0, or an errno.
    func mount(_ share: String, at folder: String, isReadOnly: Bool) -> CInt {
        let status = clinux_mount_cifs(
            share, folder, isReadOnly ? 1 : 0, buffer.baseAddress!.assumingMemoryBound(to: CChar.self))
        return status == 0 ? 0 : errno
    }

    /// For tests.
    var text: String { String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self) }
}
