"""Logs in, follows an event stream's subscription, inserts and ejects with DMTF's library:
redfish_client.py URL USER PASSWORD CA"""
import sys

import redfish

url, user, password, ca = sys.argv[1:]
client = redfish.redfish_client(base_url=url, username=user, password=password, cafile=ca)
client.login(auth="session")
path = "/redfish/v1/Systems/system/VirtualMedia/Slot_3"
slot = client.get(path)
assert slot.status == 200 and slot.dict["Inserted"] is False
insert = slot.dict["Actions"]["#VirtualMedia.InsertMedia"]
info = client.get(insert["@Redfish.ActionInfo"])
assert {p["Name"] for p in info.dict["Parameters"] if p["Required"]} == {"Image"}
answer = client.post(insert["target"], body={"Image": "https://images.example/a.img", "MediaTypes": ["USBStick"]})
assert answer.status == 204, answer.text
assert client.get(path).dict["MediaTypes"] == ["USBStick"]
stale = client.patch(path, body={"Image": None}, headers={"If-Match": 'W/"0"'})
assert stale.status == 412, stale.text
answer = client.patch(path, body={"Image": None}, headers={"If-Match": client.get(path).getheader("ETag")})
assert answer.status == 204, answer.text
assert client.get(path).dict["Inserted"] is False
expanded = client.get("/redfish/v1/Systems?$expand=.($levels=2)")
assert expanded.dict["Members"][0]["VirtualMedia"]["Members@odata.count"] == 3
client.logout()
assert client.get(path).status == 401
print("done")
