"""Blocks a list over REST with the library fortigate-api, one indicator after the other, as a script of the trade does:
makes the address, reads the group, writes the group.

    FGT_URL=https://127.0.0.1:PORT FGT_TOKEN=... CA_FILE=ca.pem FGT_GROUP=EDR-Threats python3 fgt_bulk.py LIST
"""

import os
import sys
from urllib.parse import urlsplit

from fortigate_api import FortiGateAPI

group = os.environ["FGT_GROUP"]
url = urlsplit(os.environ["FGT_URL"])
# The library takes no file of its own for `verify`; `requests` finds it in the environment.
os.environ["REQUESTS_CA_BUNDLE"] = os.environ["CA_FILE"]
api = FortiGateAPI(host=url.hostname, port=url.port, token=os.environ["FGT_TOKEN"], verify=True)
api.login()
with open(sys.argv[1], encoding="utf-8") as lines:
    addresses = [line.strip() for line in lines if line.strip()]
for address in addresses:
    name = f"fa-{address}"
    answer = api.cmdb.firewall.address.create({"name": name, "type": "ipmask", "subnet": f"{address} 255.255.255.255"})
    assert answer.status_code == 200, answer.text
    found = api.cmdb.firewall.addrgrp.get(name=group)[0]
    answer = api.cmdb.firewall.addrgrp.update({"name": group, "member": [*found["member"], {"name": name}]})
    assert answer.status_code == 200, answer.text
api.logout()
