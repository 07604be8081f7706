"""Makes an event stream that hears of everything, and prints the credentials that are told only now."""

import json
import os
import sys

import requests

answer = requests.post(
    os.environ["CONSOLE_URL"] + "/v1/event_streams/",
    auth=(os.environ["CLIENT_ID"], os.environ["API_KEY"]),
    headers={"accept": "application/json"},
    json={"name": sys.argv[1], "event_type": [], "group_guid": []},
)
if answer.status_code != 201:
    sys.exit(answer.text)
print(json.dumps(answer.json()["data"]["amqp_credentials"]))
