"""Takes one host through its whole life: possible, isolated, confirmed, released, confirmed."""

import os
import sys
import time

import requests

url = "{}/v1/computers/{}/isolation".format(os.environ["CONSOLE_URL"], sys.argv[1])
session = requests.Session()
session.auth = (os.environ["CLIENT_ID"], os.environ["API_KEY"])


def until(state):
    """Polls until the console tells this state."""
    for _ in range(300):
        answer = session.get(url)
        answer.raise_for_status()
        data = answer.json()["data"]
        if data["status"] == state:
            return data
        time.sleep(0.1)
    sys.exit("never became {}".format(state))


possible = session.options(url)
assert possible.status_code == 204 and not possible.content, possible.status_code
assert "PUT" in possible.headers["Allow"], possible.headers

begun = session.put(url, json={"comment": "rehearsal", "unlock_code": "letmein"})
assert begun.status_code == 200, begun.text
data = until("isolated")
assert data["unlock_code"] == "letmein" and data["comment"] == "rehearsal", data
assert data["isolated_by"], data
assert "DELETE" in session.options(url).headers["Allow"]

again = session.put(url)
assert again.status_code == 409, again.status_code
assert again.json()["errors"][0]["error_code"] == 409

ended = session.delete(url, json={"comment": "over"})
assert ended.status_code == 200, ended.text
assert until("not_isolated")["comment"] == "over"
print("quota left:", ended.headers["X-RateLimit-Remaining"], "of", ended.headers["X-RateLimit-Limit"])
