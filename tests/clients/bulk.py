"""Isolates or releases the hosts of guids.txt one after the other, with the settings of config.txt."""

import sys

import requests


def settings(path):
    """Reads lines of NAME=VALUE."""
    with open(path) as lines:
        pairs = (line.strip().split("=", 1) for line in lines if "=" in line)
        return {name.strip(): value.strip() for name, value in pairs}


config = settings("config.txt")
with open("guids.txt") as lines:
    guids = [line.strip() for line in lines if line.strip()]
call = {"isolate": requests.put, "unisolate": requests.delete}[sys.argv[1]]
failed = 0
for guid in guids:
    url = "{}/{}/isolation".format(config["BASE_URL"], guid)
    answer = call(url, auth=(config["API_CLIENT_ID"], config["API_KEY"]))
    if answer.status_code == 200:
        print("done:", guid)
    else:
        failed += 1
        print("failed:", guid, answer.status_code)
sys.exit(1 if failed else 0)
