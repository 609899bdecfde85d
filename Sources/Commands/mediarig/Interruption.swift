import Glibc
import LinuxPlatform
import Threads
import USBHost

/// Lets SIGINT and SIGTERM end a verification or a run at any moment, with nothing left in the file system.
enum Interruption {
    static func clearsUp() {
        let signals = StopSignals()
        _ = BlockingThread.start("signals") {
            let number = signals.wait()
            PrivateFolder.removeAll()
            USBHostConnection.releaseAll()
            Console.complain("interrupted; nothing was proven")
            // Whoever waits for this process sees what ended it.
            signal(number, SIG_DFL)
            var fatal = sigset_t()
            sigemptyset(&fatal)
            sigaddset(&fatal, number)
            pthread_sigmask(SIG_UNBLOCK, &fatal, nil)
            raise(number)
            _exit(128 + number)
        }
    }
}
