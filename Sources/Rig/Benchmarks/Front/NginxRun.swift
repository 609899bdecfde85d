import Foundation

/// nginx with one worker, over TLS with the front's own certificate, for what lies in "www".
struct NginxRun: ~Copyable {
    private let run: ForeignRun
    let url: String
    private let worker: pid_t

    init(_ setting: BenchmarkSetting, state: String, processor: Int?) throws {
        let folder = setting.folder
        let port = try FreePort.any()
        let text = """
            daemon off;
            worker_processes 1;
            pid \(folder)/nginx.pid;
            error_log stderr error;
            events { worker_connections 4096; }
            http {
                access_log off;
                default_type application/json;
                keepalive_requests 1000000000;
                client_body_temp_path \(folder)/nginx-body;
                proxy_temp_path \(folder)/nginx-proxy;
                fastcgi_temp_path \(folder)/nginx-fastcgi;
                uwsgi_temp_path \(folder)/nginx-uwsgi;
                scgi_temp_path \(folder)/nginx-scgi;
                server {
                    listen 127.0.0.1:\(port) ssl;
                    ssl_certificate \(state)/server.pem;
                    ssl_certificate_key \(state)/server-key.pem;
                    root \(folder)/www;
                }
            }
            """
        let file = "\(folder)/nginx.conf"
        guard FileManager.default.createFile(atPath: file, contents: Data(text.utf8)) else {
            throw BenchmarkFailure("\(file): cannot be written")
        }
        // The worker has another user's rights where we are root.
        chmod(folder, 0o755)
        var started = try ForeignRun(
            Processors.pinned(["nginx", "-e", "stderr", "-c", file], to: processor),
            output: "\(folder)/nginx.out")
        worker = try Self.worker(of: &started, port, output: "\(folder)/nginx.out")
        url = "https://127.0.0.1:\(port)"
        run = started
    }

    /// The process that serves; the first one only looks after it.
    private static func worker(of run: inout ForeignRun, _ port: UInt16, output: String) throws -> pid_t {
        let deadline = secondsNow() + startSeconds
        while true {
            let children = "/proc/\(run.identifier)/task/\(run.identifier)/children"
            if let text = try? readText(children), let first = text.split(separator: " ").first,
                let number = pid_t(first), try FreePort.isListenedOn(port)
            {
                return number
            }
            guard run.isRunning(), secondsNow() < deadline else {
                throw BenchmarkFailure("nginx: \((try? readText(output + ".err")) ?? "did not start")")
            }
            usleep(10_000)
        }
    }

    private static let startSeconds = 20.0

    func processorSeconds() throws -> Double {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(worker, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            throw BenchmarkFailure("no processor time of process \(worker)")
        }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
