"""Counts the hosts of the console by their state of isolation."""

import collections
import os

import requests

session = requests.Session()
session.auth = (os.environ["CLIENT_ID"], os.environ["API_KEY"])
counts = collections.Counter()
following = os.environ["CONSOLE_URL"] + "/v1/computers?limit=500"
while following:
    answer = session.get(following)
    answer.raise_for_status()
    body = answer.json()
    for computer in body["data"]:
        isolation = computer.get("isolation", {})
        counts[isolation.get("status") if isolation.get("available") else "unavailable"] += 1
    following = body["metadata"]["links"].get("next")
for state in sorted(counts):
    print(state, counts[state])
