"""A virtual media daemon as another would write it: OpenBMC's interfaces and nothing else, no PropertiesChanged, and
numbers of other widths. Mounts anything but "missing"; says on standard output what it was asked, and whether it was
given credentials.
"""
import os, sys
import dbus, dbus.service, dbus.mainloop.glib
from gi.repository import GLib

PREFIX = "xyz.openbmc_project.VirtualMedia"
ROOT = "/xyz/openbmc_project/VirtualMedia"


class Refused(dbus.DBusException):
    _dbus_error_name = "org.freedesktop.DBus.Error.AccessDenied"


class Slot(dbus.service.Object):
    def __init__(self, bus, name):
        self.path = ROOT + "/Legacy/" + name
        self.image, self.active, self.read_write = "", False, False
        super().__init__(bus, self.path)

    def interfaces(self):
        return {
            PREFIX + ".Legacy": {},
            PREFIX + ".Process": {"Active": dbus.Boolean(self.active), "ExitCode": dbus.Int32(-1)},
            PREFIX + ".MountPoint": {
                "EndpointId": "", "Device": "nbd2", "Socket": "", "Timeout": dbus.Int32(20),
                "RemainingInactivityTimeout": dbus.Int32(0), "ImageURL": self.image,
                "WriteProtected": dbus.Boolean(not self.read_write)},
        }

    @dbus.service.method(PREFIX + ".Legacy", in_signature="sbv", out_signature="b")
    def Mount(self, url, read_write, credentials):
        if self.active:
            raise Refused("Operation not permitted in active state")
        secret = b""
        if isinstance(credentials, dbus.types.UnixFd):
            secret = os.read(credentials.take(), 1024)
        print("mount", url, bool(read_write), secret.count(b"\0"), flush=True)
        GLib.timeout_add(50, self.mounted, str(url), bool(read_write))
        return True

    def mounted(self, url, read_write):
        if "missing" in url:
            self.Completion(22)
        else:
            self.image, self.active, self.read_write = url, True, read_write
            self.Completion(0)
        return False

    @dbus.service.method(PREFIX + ".Legacy", in_signature="", out_signature="b")
    def Unmount(self):
        if not self.active:
            raise Refused("Operation not permitted in ready state")
        print("unmount", flush=True)
        GLib.timeout_add(50, self.unmounted)
        return True

    def unmounted(self):
        self.image, self.active = "", False
        self.Completion(0)
        return False

    @dbus.service.signal(PREFIX + ".Legacy", signature="i")
    def Completion(self, result):
        pass


class Root(dbus.service.Object):
    def __init__(self, bus, slots):
        self.slots = slots
        super().__init__(bus, ROOT)

    @dbus.service.method("org.freedesktop.DBus.ObjectManager", out_signature="a{oa{sa{sv}}}")
    def GetManagedObjects(self):
        return {slot.path: slot.interfaces() for slot in self.slots}


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.bus.BusConnection(sys.argv[1])
root = Root(bus, [Slot(bus, "Slot_2"), Slot(bus, "Slot_3")])
owned = dbus.service.BusName(PREFIX, bus)
print("ready", flush=True)
GLib.MainLoop().run()
