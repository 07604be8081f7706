"""Isolates one Apex Central agent and restores it, polling the list in between, as the vendor's guide walks through it."""

import base64
import hashlib
import json
import os
import sys
import time

import jwt
import requests

url_base = os.environ["CONSOLE_URL"]
application_id = os.environ["APPLICATION_ID"]
api_key = os.environ["API_KEY"]
ca_file = os.environ["CA_FILE"]
agents_path = "/WebApp/API/AgentResource/ProductAgents"


def checksum(method, raw_url, headers, body):
    """The digest that ties a token to one request."""
    named = {name.lower(): value for name, value in headers.items() if name.lower().startswith("api")}
    joined = "&".join("{}:{}".format(name, named[name].strip()) for name in sorted(named))
    text = "|".join([method.upper(), raw_url.lower(), joined, body])
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def token(method, raw_url, headers, body):
    """A token for one request; the time in it has a fraction."""
    claims = {
        "appid": application_id,
        "iat": time.time(),
        "version": "V1",
        "checksum": checksum(method, raw_url, headers, body),
    }
    made = jwt.encode(claims, api_key, algorithm="HS256")
    # PyJWT 1 returns bytes, PyJWT 2 text.
    return made.decode("ascii") if isinstance(made, bytes) else made


def ask(method, query="", body=""):
    """One request; what the console has to say in `result_content`."""
    raw_url = agents_path + query
    headers = {
        "Authorization": "Bearer " + token(method, raw_url, {}, body),
        "Content-Type": "application/json;charset=utf-8",
    }
    answer = requests.request(method, url_base + raw_url, headers=headers, data=body.encode("utf-8"), verify=ca_file)
    content = answer.json()
    if answer.status_code != 200 or content["result_code"] != 1:
        sys.exit("{} {}: {} {}".format(method, raw_url, answer.status_code, answer.text))
    return content["result_content"]


def act(name, agent):
    """An action on one agent, with every member that the schema has."""
    body = json.dumps({
        "entity_id": agent["entity_id"],
        "ip_address": None,
        "mac_address": None,
        "host_name": None,
        "product": "",
        "act": name,
        "allow_multiple_match": False,
    })
    shown = ask("POST", body=body)
    assert [record["entity_id"] for record in shown] == [agent["entity_id"]], shown
    # The answer shows the agent as it was before.
    assert shown[0]["isolation_status"] == agent["isolation_status"], shown


def until(agent, status):
    """Polls until the list tells this state."""
    for _ in range(300):
        (found,) = ask("GET", "?entity_id=" + agent["entity_id"])
        if found["isolation_status"] == status:
            return found
        time.sleep(0.1)
    sys.exit("never became {}".format(status))


agents = ask("GET")
wanted = sys.argv[1] if len(sys.argv) > 1 else agents[0]["host_name"]
(chosen,) = [agent for agent in agents if agent["host_name"] == wanted]
assert "cmd_isolate_agent" in chosen["capabilities"], chosen
act("cmd_isolate_agent", chosen)
isolated = until(chosen, "isolated")
act("cmd_restore_isolated_agent", isolated)
until(chosen, "normal")
print("agents:", len(agents), "isolated and restored:", wanted)
