"""Makes one isolation call for one host, without a body and without a session."""

import os
import sys

import requests

verb, guid = sys.argv[1:]
call = {"options": requests.options, "get": requests.get, "put": requests.put, "delete": requests.delete}[verb]
url = "{}/v1/computers/{}/isolation".format(os.environ["CONSOLE_URL"], guid)
answer = call(url, auth=(os.environ["CLIENT_ID"], os.environ["API_KEY"]))
if verb == "options":
    print(answer.status_code, answer.headers["allow"])
else:
    body = answer.json()
    print(answer.status_code, body["data"].get("status") or body["errors"][0]["details"][0])
sys.exit(0 if answer.ok else 1)
