"""Signs in to a Cybereason tenant by the form, follows redirects as a browser does, lists and isolates sensors."""

import os
import sys
import time

import requests

base = os.environ["CONSOLE_URL"]
session = requests.Session()
session.verify = os.environ["CA_FILE"]
session.trust_env = False

# The session is in the jar; where the redirects end tells nothing but that there is a console.
login = session.post(
    base + "/login.html",
    data={"username": os.environ["CYB_USER"], "password": os.environ["CYB_PASSWORD"]},
    headers={"Content-Type": "application/x-www-form-urlencoded"},
)
if login.status_code != 200 or "error" in login.url or "Cybereason | Login" in login.text:
    sys.exit("login: {} {}".format(login.status_code, login.url))
print("session", len(session.cookies["JSESSIONID"]))
headers = {"Content-Type": "application/json"}


def call(path, body):
    answer = session.post(base + "/rest/" + path, json=body, headers=headers)
    if answer.status_code != 200 or "json" not in answer.headers["Content-Type"]:
        sys.exit("{}: {} {}".format(path, answer.status_code, answer.text[:200]))
    return answer.json()


def sensors(filters):
    page, found = 0, []
    while True:
        answer = call(
            "sensors/query",
            {
                "limit": 50,
                "offset": page,
                "sortingFieldName": "machineName",
                "sortDirection": "ASC",
                "filters": filters,
                "batchId": None,
            },
        )
        found += answer["sensors"]
        if not answer["hasMoreResults"]:
            return found
        page += 1


print("version", session.get(base + "/rest/monitor/global/server/version/all", headers=headers).json()["data"]["version"])
fleet = sensors([{"fieldName": "status", "operator": "NotEquals", "values": ["Archived"]}])
print("sensors", len(fleet))
named = sensors([{"fieldName": "machineName", "operator": "ContainsIgnoreCase", "values": [sys.argv[1]]}])
ids = [sensor["pylumId"] for sensor in named if sensor["machineName"].lower() == sys.argv[1].lower()]
for verb, wish in (("isolate", True), ("un-isolate", False)):
    words = call("monitor/global/commands/" + verb, {"pylumIds": ids, "malopId": ""})
    print(verb, sorted(set(words.values())))
    for _ in range(100):
        seen = sensors([{"fieldName": "pylumId", "operator": "Equals", "values": ids}])
        if all(sensor["isolated"] is wish for sensor in seen):
            break
        time.sleep(0.05)
    else:
        sys.exit("it never came to " + verb)

malops = call(
    "crimes/unified",
    {
        "totalResultLimit": 10000,
        "perGroupLimit": 10000,
        "perFeatureLimit": 100,
        "templateContext": "OVERVIEW",
        "customFields": [],
        "queryPath": [{"requestedType": "MalopProcess", "guidList": None, "result": True, "filters": None}],
    },
)
for guid, malop in sorted(malops["data"]["resultIdToElementDataMap"].items()):
    print("malop", guid, malop["simpleValues"]["decisionFeature"]["values"][0])
inbox = call("detection/inbox", {"startTime": 0, "endTime": int(time.time() * 1000) + 1000})
print("inbox", len(inbox["malops"]))

session.get(base + "/logout")
# A dead session is sent to the login page, which a client that follows reads with 200.
after = session.post(base + "/rest/sensors/query", json={}, headers=headers)
assert after.status_code == 200 and "Cybereason | Login" in after.text, after.status_code
print("signed out")
