/// What a peer may cost.
package struct WebServerLimits: Sendable {
    /// Connections at a time; more are closed at once.
    package var connections = 2048
    /// Request line and header fields together.
    package var headByteCount = 16 << 10
    package var fieldByteCount = 8 << 10
    package var fieldCount = 100
    /// Path and query.
    package var targetByteCount = 2048
    package var bodyByteCount = 1 << 20
    /// HTTP/2 streams of a connection at a time.
    package var streams = 64
    /// From the first byte of a connection, TLS included, or of a request, to the end of its head.
    package var headTime = Duration.seconds(10)
    /// For the rest of a request.
    package var bodyTime = Duration.seconds(30)
    /// For a peer that takes nothing of an answer.
    package var stalledTime = Duration.seconds(30)
    /// Between requests, and between frames of HTTP/2.
    package var idleTime = Duration.seconds(120)
    /// A WebSocket frame. NBD lets a peer read 32 MiB at once, but no block layer does.
    package var frameByteCount = 4 << 20
    /// Bytes of a WebSocket that may wait for whoever takes them, and as many on the way out.
    package var webSocketByteCount = 1 << 20
    /// Between pings of a WebSocket; a peer that has not shown any sign of life for three is gone.
    package var pingTime = Duration.seconds(15)

    package init() {}
}
