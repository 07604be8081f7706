"""Prints every host of the console, page after page."""

import os

import requests

session = requests.session()
session.auth = (os.environ["CLIENT_ID"], os.environ["API_KEY"])
body = session.get(os.environ["CONSOLE_URL"] + "/v1/computers").json()
seen = 0
while True:
    for computer in body["data"]:
        print(computer["connector_guid"], computer["hostname"])
        seen += 1
    following = body["metadata"]["links"].get("next")
    if following is None:
        break
    body = session.get(following).json()
assert seen == body["metadata"]["results"]["total"], seen
