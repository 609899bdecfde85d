"""Inserts, reads and ejects with OpenStack's library, as Ironic does: sushy_client.py URL USER PASSWORD CA"""
import sys

import sushy

url, user, password, ca = sys.argv[1:]
root = sushy.Sushy(url, username=user, password=password, verify=ca)
system = root.get_system("/redfish/v1/Systems/system")
slots = system.virtual_media.get_members()
assert {slot.identity for slot in slots} == {"Slot_0", "Slot_2", "Slot_3"}, slots

slot = system.virtual_media.get_member("/redfish/v1/Systems/system/VirtualMedia/Slot_2")
image = "https://images.example/os.iso"
slot.insert_media(image, inserted=True, write_protected=True, username="me", password="secret")
slot.refresh()
assert (slot.inserted, slot.image, slot.image_name) == (True, image, "os.iso")
assert slot.connected_via == sushy.CONNECTED_VIA_URI
try:
    slot.insert_media(image)
    raise SystemExit("a slot that is taken was inserted into")
except sushy.exceptions.HTTPError as error:
    assert error.status_code == 409, error
slot.eject_media()
slot.refresh()
assert (slot.inserted, slot.image) == (False, None)

try:
    slot.insert_media("https://images.example/missing.iso")
    raise SystemExit("an image that is not there was inserted")
except sushy.exceptions.HTTPError as error:
    assert "ImageNotFound" in str(error), error

system.set_system_boot_options(sushy.BOOT_SOURCE_TARGET_CD, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE)
system.refresh()
assert system.boot.target == sushy.BOOT_SOURCE_TARGET_CD, system.boot.target
assert system.boot.enabled == sushy.BOOT_SOURCE_ENABLED_ONCE

manager = root.get_manager("/redfish/v1/Managers/bmc")
assert len(manager.virtual_media.get_members()) == 3
print("done")
