"""Asks for the version, with the credentials inside the URL."""

import os

import requests

url = "https://{}:{}@{}/v1/version".format(
    os.environ["CLIENT_ID"],
    os.environ["API_KEY"],
    os.environ["CONSOLE_URL"].split("://", 1)[1],
)
answer = requests.get(url)
answer.raise_for_status()
body = answer.json()
assert body["data"] == {}, body
print(body["version"])
