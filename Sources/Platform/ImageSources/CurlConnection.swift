import CCurl
import Glibc
internal import RemoteImages
import Synchronization
import Threads
internal import VirtualMedia

struct CurlConnector: RangeConnector {
    func connection(
        to location: HTTPSLocation, options: HTTPSOptions, authorization: AuthorizationHeader?
    ) -> any RangeConnection {
        CurlConnection(to: location, options: options, authorization: authorization)
    }
}

/// One libcurl handle with its kept-alive connection. Requests block their thread.
final class CurlConnection: RangeConnection, @unchecked Sendable {
    private let easy: UnsafeMutableRawPointer
    /// Drives the easy handle: unlike `curl_easy_perform`, its wait can be woken.
    private let multi: UnsafeMutableRawPointer
    private let location: HTTPSLocation
    private let options: HTTPSOptions
    private let authorization: AuthorizationHeader?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private let isCancelled = Atomic<Bool>(false)
    private let addressGuard = AddressGuard()
    /// Guards the handles against a cancellation that comes late.
    private let isOpen = Mutex(true)

    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_SSL)) == CURLE_OK

    init(to location: HTTPSLocation, options: HTTPSOptions, authorization: AuthorizationHeader?) {
        precondition(Self.isReady, "libcurl cannot be initialised")
        guard let easy = curl_easy_init(), let multi = curl_multi_init() else {
            preconditionFailure("no memory for a libcurl handle")
        }
        self.easy = easy
        self.multi = multi
        self.location = location
        self.options = options
        self.authorization = authorization
        configure()
    }

    deinit {
        disconnect()
        errorText.deallocate()
    }

    /// Closes the socket and frees libcurl's memory.
    func disconnect() {
        isOpen.withLock { isOpen in
            guard isOpen else { return }
            BrokenPipe.suppressed {
                curl_easy_cleanup(easy)
                curl_multi_cleanup(multi)
            }
            isOpen = false
        }
    }

    func perform(
        _ method: RangeMethod, range: Range<UInt64>?, precondition: String?, timeout: Duration,
        into sink: ResponseSink
    ) async throws(FetchFailure) {
        isCancelled.store(false, ordering: .releasing)
        let result = await withTaskCancellationHandler {
            Result { () throws(FetchFailure) in
                try send(method, range, precondition, timeout: timeout, into: sink)
            }
        } onCancel: {
            isCancelled.store(true, ordering: .releasing)
            isOpen.withLock { if $0 { curl_multi_wakeup(multi) } }
        }
        try result.get()
    }

    private func send(
        _ method: RangeMethod, _ range: Range<UInt64>?, _ header: String?, timeout: Duration,
        into sink: ResponseSink
    ) throws(FetchFailure) {
        let limit = min(timeout, options.requestTimeout)
        guard limit > .zero else { throw failure(.noTimeLeft) }
        errorText[0] = 0
        addressGuard.reset()
        set(CURLOPT_NOBODY, method == .head ? 1 : 0)
        if method == .get { set(CURLOPT_HTTPGET, 1) }
        set(CURLOPT_RANGE, range.map { "\($0.lowerBound)-\($0.upperBound - 1)" })
        set(CURLOPT_TIMEOUT_MS, max(1, limit.wholeMilliseconds))
        set(CURLOPT_CONNECTTIMEOUT_MS, max(1, min(limit, options.connectTimeout).wholeMilliseconds))
        let ending = withHeaders(header) { BrokenPipe.suppressed { drive(sink) } }
        if let refusal = sink.refusal { throw refusal }
        switch ending {
        case .cancelled: throw failure(.cancelled)
        case .stalled: throw failure(.stalled)
        case .done(let result) where result.code == CURLE_COULDNT_CONNECT && addressGuard.hasRefused:
            throw failure(.addressNotAllowed)
        case .done(let result) where result.code != CURLE_OK: throw failure(TransferFault(result))
        case .done: break
        }
        guard sink.bodyBytes == sink.bodyCapacity else {
            throw failure(.incomplete(byteCount: sink.bodyBytes, of: sink.bodyCapacity))
        }
    }

    private func failure(_ fault: TransferFault) -> FetchFailure {
        .transfer(fault, of: location, options: options)
    }

    private enum Ending { case done(CurlResult), cancelled, stalled }

    private func drive(_ sink: ResponseSink) -> Ending {
        let reference = Unmanaged.passUnretained(sink).toOpaque()
        _ = ccurl_set_pointer(easy, CURLOPT_WRITEDATA, reference)
        _ = ccurl_set_pointer(easy, CURLOPT_HEADERDATA, reference)
        curl_multi_add_handle(multi, easy)
        defer { curl_multi_remove_handle(multi, easy) }
        var received = -1
        var lastByteAt = Monotonic.now
        while true {
            if isCancelled.load(ordering: .acquiring) { return .cancelled }
            var running: CInt = 0
            curl_multi_perform(multi, &running)
            if running == 0 { return .done(result()) }
            let now = Monotonic.now
            if sink.receivedBytes != received || !isConnected {
                received = sink.receivedBytes
                lastByteAt = now
            } else if now - lastByteAt >= options.stallTimeout {
                return .stalled
            }
            let wait = min(max(1, (lastByteAt + options.stallTimeout - now).wholeMilliseconds), 1000)
            curl_multi_poll(multi, nil, 0, CInt(wait), nil)
        }
    }

    private func result() -> CurlResult {
        var left: CInt = 0
        guard let message = curl_multi_info_read(multi, &left) else {
            return CurlResult(code: CURLE_GOT_NOTHING)
        }
        var result = CurlResult(code: ccurl_message_result(message))
        var number = 0
        if ccurl_get_long(easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK { result.errno = CInt(number) }
        number = 0
        if ccurl_get_long(easy, CURLINFO_SSL_VERIFYRESULT, &number) == CURLE_OK {
            result.verifyResult = number
        }
        result.isConnected = isConnected
        result.text = String(cString: errorText)
        return result
    }

    /// The time until the request could be sent is known only once it could.
    private var isConnected: Bool {
        var microseconds: curl_off_t = 0
        return ccurl_get_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds) == CURLE_OK
            && microseconds > 0
    }
}

extension CurlConnection {
    private func configure() {
        set(CURLOPT_URL, location.url)
        set(CURLOPT_PROTOCOLS_STR, "https")
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_PATH_AS_IS, 1)
        // A proxy out of the environment would see which images are used; none is until one is asked for.
        set(CURLOPT_PROXY, "")
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        if let authorities = options.authorities {
            set(CURLOPT_CAPATH, nil)
            var text = Array(authorities.utf8)
            let code = ccurl_set_copied_blob(easy, CURLOPT_CAINFO_BLOB, &text, text.count)
            precondition(code == CURLE_OK, "libcurl refuses certificates in memory")
        } else if options.caFile != nil || options.caDirectory != nil {
            set(CURLOPT_CAINFO, options.caFile)
            set(CURLOPT_CAPATH, options.caDirectory)
        }
        if !options.allowsLocalAddresses { addressGuard.watch(easy) }
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_BUFFERSIZE, 256 << 10)
        set(CURLOPT_USERAGENT, "MediaRig")
        _ = ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        _ = ccurl_set_data_function(easy, CURLOPT_HEADERFUNCTION, Self.receiveHeader)
        _ = ccurl_set_data_function(easy, CURLOPT_WRITEFUNCTION, Self.receiveBody)
    }

    private func set(_ option: CURLoption, _ value: Int) {
        let code = ccurl_set_long(easy, option, value)
        precondition(code == CURLE_OK, "libcurl refuses option \(option.rawValue)")
    }

    private func set(_ option: CURLoption, _ value: String?) {
        let code =
            if let value { value.withCString { ccurl_set_string(easy, option, $0) } } else {
                ccurl_set_string(easy, option, nil)
            }
        precondition(code == CURLE_OK, "libcurl refuses option \(option.rawValue)")
    }

    /// Lends libcurl a list of header lines for the time of `body`. The list is built here, because
    /// `curl_slist_append` would leave copies of the password in freed memory.
    private func withHeaders<Result>(_ extra: String?, _ body: () -> Result) -> Result {
        var lines = [strdup("Accept-Encoding: identity")!]
        if let extra { lines.append(strdup(extra)!) }
        defer { lines.forEach { free($0) } }
        let items = lines + (authorization.map { [$0.pointer] } ?? [])
        return withUnsafeTemporaryAllocation(of: curl_slist.self, capacity: items.count) { list in
            for index in items.indices {
                let next = index + 1 < items.count ? list.baseAddress! + index + 1 : nil
                list.initializeElement(at: index, to: curl_slist(data: items[index], next: next))
            }
            _ = ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, list.baseAddress)
            defer { _ = ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, nil) }
            return body()
        }
    }

    private static let receiveHeader: ccurl_data_function = { data, size, count, sink in
        let line = UnsafeRawBufferPointer(start: data, count: size * count)
        let isWanted = Unmanaged<ResponseSink>.fromOpaque(sink!).takeUnretainedValue().receive(
            headerLine: line)
        return isWanted ? line.count : 0
    }

    private static let receiveBody: ccurl_data_function = { data, size, count, sink in
        let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
        let isWanted = Unmanaged<ResponseSink>.fromOpaque(sink!).takeUnretainedValue().receive(body: bytes)
        return isWanted ? bytes.count : 0
    }
}
