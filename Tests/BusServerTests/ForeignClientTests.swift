import BusServer
import DBusProtocol
import Foundation
import LinuxPlatform
import MessageBus
import TestSupport
import Testing

/// Programs that everybody has, on our bus, talking to a service of ours.
struct ForeignClientTests {
    private static let service = ExampleService.name
    private static let path = ExampleService.path
    private static let interface = ExampleService.interface

    /// Runs `body` with a bus and the example service on it.
    private func withService(_ body: (TestBus) async throws -> Void) async throws {
        let test = try TestBus()
        let credentials = PeerCredentials(userID: geteuid(), processID: UInt32(getpid()))
        let service = try await ExampleService(try await test.host.bus.connect(credentials))
        defer { test.host.stop() }
        try await body(test)
        await service.stop()
    }

    private func run(_ test: TestBus, _ program: String, _ arguments: [String]) async throws
        -> ForeignProgram.Result
    {
        var foreign = ForeignProgram(program, arguments)
        foreign.environment["DBUS_SESSION_BUS_ADDRESS"] = test.address
        foreign.environment["DBUS_SYSTEM_BUS_ADDRESS"] = test.address
        return try await foreign.run(within: 30)
    }

    private func busctl(_ test: TestBus, _ arguments: String...) async throws -> ForeignProgram.Result {
        try await run(test, "busctl", ["--address=\(test.address)", "--no-pager"] + arguments)
    }

    @Test(.enabled(if: Capability.tool("busctl").isUsable, "busctl is not installed"))
    func `busctl lists, walks, introspects, calls, reads and writes`() async throws {
        try await withService { test in
            let list = try await busctl(test, "list").output
            #expect(list.contains(Self.service) && list.contains("org.freedesktop.DBus"))
            let tree = try await busctl(test, "tree", Self.service)
            #expect(tree.output.contains(Self.path) && tree.status == 0)
            let members = try await busctl(test, "introspect", Self.service, Self.path).output
            for part in [".Echo", ".Label", ".Announced", "\"first\"", "1099511627776", "sv"]
            where part != "sv" {
                #expect(members.contains(part), "\(part) in \(members)")
            }
            let call = try await busctl(
                test, "call", Self.service, Self.path, Self.interface, "Join", "ass", "2", "a", "b", "-")
            #expect(call.output == "s \"a-b\"\n")
            let set = try await busctl(
                test, "set-property", Self.service, Self.path, Self.interface, "Label", "s", "second")
            #expect(set.status == 0, "\(set.error)")
            let get = try await busctl(
                test, "get-property", Self.service, Self.path, Self.interface, "Label", "Size")
            #expect(get.output == "s \"second\"\nt 1099511627776\n")
            let failure = try await busctl(
                test, "call", Self.service, Self.path, Self.interface, "Fail", "s", "why")
            #expect(failure.status != 0 && failure.error.contains("why"))
            let missing = try await busctl(test, "call", "org.example.None", "/", "a.b", "C")
            #expect(missing.error.contains("not provided by any .service files"))
            let overload = try await busctl(
                test, "call", Self.service, Self.path, Self.interface, "Pick", "sb", "x", "true")
            #expect(overload.output == "s \"sb\"\n")
        }
    }

    @Test(.enabled(if: Capability.tool("gdbus").isUsable, "gdbus is not installed"))
    func `gdbus introspects, calls and waits`() async throws {
        try await withService { test in
            let destination = ["--session", "--dest", Self.service, "--object-path", Self.path]
            let members = try await run(test, "gdbus", ["introspect"] + destination).output
            #expect(
                members.contains("interface \(Self.interface)")
                    && members.contains("readwrite s Label = 'first'"))
            let call = try await run(
                test, "gdbus",
                ["call"] + destination + [
                    "--method", "\(Self.interface).Echo", "<(1, [true], {'a': <'b'>})>",
                ])
            #expect(call.output == "(<(1, [true], {'a': <'b'>})>,)\n")
            let managed = try await run(
                test, "gdbus",
                ["call", "--session", "--dest", Self.service, "--object-path", "/org/mediarig/Example"]
                    + ["--method", "org.freedesktop.DBus.ObjectManager.GetManagedObjects"])
            #expect(managed.output.contains("'Extra': <{'k': <int16 -7>}>"))
            let wait = try await run(test, "gdbus", ["wait", "--session", "--timeout", "10", Self.service])
            #expect(wait.status == 0)
        }
    }

    @Test(.enabled(if: Capability.tool("dbus-send").isUsable, "dbus-send is not installed"))
    func `dbus-send calls and prints`() async throws {
        try await withService { test in
            let call = try await run(
                test, "dbus-send",
                ["--session", "--print-reply", "--dest=\(Self.service)", Self.path, "\(Self.interface).Join"]
                    + ["array:string:x,y", "string:+"])
            #expect(call.output.contains("string \"x+y\""))
            let unknown = try await run(
                test, "dbus-send",
                [
                    "--session", "--print-reply", "--dest=\(Self.service)", Self.path,
                    "\(Self.interface).Nothing",
                ])
            #expect(unknown.error.contains("org.freedesktop.DBus.Error.UnknownMethod"))
        }
    }

    @Test(
        .enabled(
            if: Capability.tools("dbus-monitor", "busctl", "gdbus").isUsable, "monitors are not installed"),
        arguments: [
            ("dbus-monitor", ["--session"], "string \"heard by all\""),
            ("busctl", ["monitor"], "STRING \"heard by all\";"),
            (
                "gdbus", ["monitor", "--session", "--dest", "org.mediarig.Example"],
                "Announced ('heard by all',)"
            ),
        ])
    func `monitors see a signal of the service`(tool: String, arguments: [String], expected: String)
        async throws
    {
        // Announced again and again until the monitor, which takes a while to start, has seen one. It
        // would keep what it sees in its buffer, since its output is no terminal; and children of a
        // Dispatch thread are born with SIGTERM blocked.
        let script = """
            out=$1; expected=$2; shift 2
            stdbuf -oL "$@" > "$out" 2>&1 < /dev/null &
            monitor=$!
            for round in $(seq 100); do
                dbus-send --session --print-reply --dest=\(Self.service) \(Self.path) \
                    \(Self.interface).Announce 'string:heard by all' > /dev/null || break
                grep -qF "$expected" "$out" && break
                sleep 0.05
            done
            kill -9 $monitor; cat "$out"
            """
        try await withService { test in
            let monitor = [tool] + (tool == "busctl" ? ["--address=\(test.address)"] : []) + arguments
            let result = try await run(
                test, "/bin/sh", ["-c", script, "sh", test.folder.file("out"), expected] + monitor)
            #expect(result.output.contains(expected), "\(result.output) \(result.error)")
        }
    }

    @Test(.enabled(if: Capability.pythonModule("dbus").isUsable, "python3-dbus is not installed"))
    func `python-dbus calls, passes a descriptor and reads properties`() async throws {
        let script = """
            import dbus, os, sys
            bus = dbus.SessionBus()
            item = bus.get_object('\(Self.service)', '\(Self.path)')
            face = dbus.Interface(item, '\(Self.interface)')
            print(face.Join(['a', 'b'], ','))
            read, write = os.pipe()
            os.write(write, b'x' * 1234); os.close(write)
            print(int(face.ReadAll(dbus.types.UnixFd(read))))
            properties = dbus.Interface(item, dbus.PROPERTIES_IFACE)
            print(properties.Get('\(Self.interface)', 'Size'), len(properties.GetAll('\(Self.interface)')))
            try:
                face.Fail('oh')
            except dbus.DBusException as error:
                print(error.get_dbus_name(), error.get_dbus_message())
            print(bus.request_name('org.example.Py'), bus.name_has_owner('org.example.Py'))
            """
        try await withService { test in
            let result = try await run(test, "/usr/bin/python3", ["-c", script])
            #expect(
                result.output == "a,b\n1234\n1099511627776 3\norg.mediarig.Example.Error oh\n1 True\n",
                "\(result.error)")
        }
    }

    @Test(.enabled(if: Capability.pythonModule("jeepney").isUsable, "python3-jeepney is not installed"))
    func `jeepney calls, passes a descriptor and hears a signal`() async throws {
        let script = """
            import os
            from jeepney import DBusAddress, new_method_call, MatchRule, message_bus
            from jeepney.io.blocking import open_dbus_connection, Proxy
            connection = open_dbus_connection(bus='SESSION', enable_fds=True)
            item = DBusAddress('\(Self.path)', '\(Self.service)', '\(Self.interface)')
            ask = connection.send_and_get_reply
            print(ask(new_method_call(item, 'Join', 'ass', (['a', 'b'], '.'))).body)
            read, write = os.pipe()
            os.write(write, b'y' * 99); os.close(write)
            print(ask(new_method_call(item, 'ReadAll', 'h', (read,))).body)
            rule = MatchRule(type='signal', interface='\(Self.interface)', member='Announced')
            Proxy(message_bus, connection).AddMatch(rule)
            with connection.filter(rule) as queue:
                ask(new_method_call(item, 'Announce', 's', ('here',)))
                print(connection.recv_until_filtered(queue, timeout=10).body)
            """
        try await withService { test in
            let result = try await run(test, "/usr/bin/python3", ["-c", script])
            #expect(result.output == "('a.b',)\n(99,)\n('here',)\n", "\(result.error)")
        }
    }

    /// Made by `./mediarig test`, since Debian has no package of it.
    static let pythonWithDBusNext = Capability.projectPython("dbus_next")

    @Test(
        .enabled(
            if: pythonWithDBusNext.capability.isUsable, "dbus-next is not installed: run ./mediarig test"))
    func `dbus-next introspects, calls, reads and writes a property, and hears a signal`() async throws {
        let script = """
            import asyncio
            from dbus_next.aio import MessageBus
            from dbus_next import Variant, DBusError
            async def main():
                bus = await MessageBus().connect()
                described = await bus.introspect('\(Self.service)', '\(Self.path)')
                item = bus.get_proxy_object('\(Self.service)', '\(Self.path)', described)
                face = item.get_interface('\(Self.interface)')
                print(await face.call_join(['a', 'b'], '.'))
                print((await face.call_echo(Variant('(it)', [7, 8]))).value)
                await face.set_label('from dbus-next')
                print(await face.get_label())
                try:
                    await face.call_fail('on purpose')
                except DBusError as error:
                    print(error.text)
                heard = asyncio.get_event_loop().create_future()
                face.on_announced(lambda text: heard.set_result(text))
                # The match rule is added in the background; a round trip comes after it.
                await face.get_label()
                await face.call_announce('here')
                print(await asyncio.wait_for(heard, 10))
            asyncio.run(main())
            """
        try await withService { test in
            let result = try await run(test, Self.pythonWithDBusNext.path, ["-c", script])
            #expect(
                result.output == "a.b\n[7, 8]\nfrom dbus-next\non purpose\nhere\n",
                "\(result.output)\(result.error)")
        }
    }
}
