"""Puts addresses into a group over REST with the library fortigate-api, one call after the other.

    FGT_URL=https://127.0.0.1:PORT FGT_TOKEN=... CA_FILE=ca.pem FGT_GROUP=EDR-Threats python3 fgt_rest.py ADDRESS...
"""

import os
import sys
import time
from urllib.parse import urlsplit

from fortigate_api import FortiGateAPI

addresses = sys.argv[1:]
group = os.environ["FGT_GROUP"]
url = urlsplit(os.environ["FGT_URL"])
# The library takes no file of its own for `verify`; `requests` finds it in the environment.
os.environ["REQUESTS_CA_BUNDLE"] = os.environ["CA_FILE"]
api = FortiGateAPI(host=url.hostname, port=url.port, token=os.environ["FGT_TOKEN"], vdom=os.environ.get("FGT_VDOM", "root"), verify=True)
api.login()
begun = time.monotonic()
for address in addresses:
    data = {"name": f"fa-{address}", "type": "ipmask", "subnet": f"{address} 255.255.255.255", "comment": "by a script"}
    answer = api.cmdb.firewall.address.create(data)
    assert answer.status_code == 200, answer.text
    again = api.cmdb.firewall.address.create(data)
    assert again.status_code == 500 and again.json()["error"] == -5, again.text
    assert api.cmdb.firewall.address.is_exist(f"fa-{address}")
found = api.cmdb.firewall.addrgrp.get(name=group)[0]
members = found["member"] + [{"name": f"fa-{address}"} for address in addresses]
answer = api.cmdb.firewall.addrgrp.update({"name": group, "member": members})
assert answer.status_code == 200, answer.text
print(f"took {time.monotonic() - begun:.3f}")
shown = {member["name"] for member in api.cmdb.firewall.addrgrp.get(name=group)[0]["member"]}
assert {f"fa-{address}" for address in addresses} <= shown, shown
named = api.cmdb.firewall.address.get(filter=f"name==fa-{addresses[0]}")
assert [one["subnet"] for one in named] == [f"{addresses[0]} 255.255.255.255"], named
busy = api.cmdb.firewall.address.delete(f"fa-{addresses[0]}")
assert busy.status_code == 500, busy.text
keep = [member for member in found["member"]]
api.cmdb.firewall.addrgrp.update({"name": group, "member": keep})
for address in addresses:
    assert api.cmdb.firewall.address.delete(f"fa-{address}").status_code == 200
assert api.cmdb.firewall.address.delete(f"fa-{addresses[0]}").status_code == 404
print("policies", len(api.cmdb.firewall.policy.get()))
api.logout()
