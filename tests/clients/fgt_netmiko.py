"""Puts addresses into a group over SSH with Netmiko, line by line, as scripts of the trade do.

    FGT_HOST=127.0.0.1 FGT_PORT=... FGT_USER=... FGT_PASSWORD=... FGT_GROUP=EDR-Threats python3 fgt_netmiko.py ADDRESS...
"""

import os
import sys
import time

from netmiko import ConnectHandler

addresses = sys.argv[1:]
group = os.environ["FGT_GROUP"]
device = ConnectHandler(
    device_type="fortinet",
    host=os.environ["FGT_HOST"],
    port=int(os.environ["FGT_PORT"]),
    username=os.environ["FGT_USER"],
    password=os.environ["FGT_PASSWORD"],
    conn_timeout=60,
    banner_timeout=60,
    auth_timeout=60,
)
print("prompt", device.find_prompt())
print(device.send_command("get system status | grep Version"))
vdom = os.environ.get("FGT_VDOM")
into = ["config vdom", f"edit {vdom}"] if vdom else []
out = ["end"] if vdom else []
begun = time.monotonic()
lines = into + ["config firewall address"]
for address in addresses:
    lines += [f'edit "nm-{address}"', "set type ipmask", f"set subnet {address} 255.255.255.255", 'set comment "by a script"', "next"]
lines += ["end", "config firewall addrgrp", f'edit "{group}"']
lines += [f'append member "nm-{address}"' for address in addresses]
lines += ["end"]
said = device.send_config_set(lines, enter_config_mode=False, exit_config_mode=False)
print(f"took {time.monotonic() - begun:.3f}")
assert "Command fail" not in said, said
shown = device.send_command(f'show firewall addrgrp "{group}"')
assert all(f'"nm-{address}"' in shown for address in addresses), shown
print(f"{len(addresses)} members")
if vdom:
    device.send_command("end", expect_string=r"[#$]")
device.disconnect()
