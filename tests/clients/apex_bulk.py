"""Isolates or restores the agents of hosts.txt one after the other, with the settings of config.txt.

Lists once, then sends one signed request for each host name or id, each over a connection of its own.
"""

import base64
import hashlib
import json
import sys
import time

import jwt
import requests

AGENTS_PATH = "/WebApp/API/AgentResource/ProductAgents"
ACTS = {"isolate": "cmd_isolate_agent", "restore": "cmd_restore_isolated_agent"}


def settings(path):
    """Reads lines of NAME=VALUE."""
    with open(path) as lines:
        pairs = (line.strip().split("=", 1) for line in lines if "=" in line)
        return {name.strip(): value.strip() for name, value in pairs}


config = settings("config.txt")


def token(method, body):
    """A token for one request: it names the second and the digest of what is sent."""
    signed = "|".join([method, AGENTS_PATH.lower(), "", body])
    digest = hashlib.sha256(signed.encode("utf-8")).digest()
    claims = {
        "appid": config["APPLICATION_ID"],
        "iat": time.time(),
        "version": "V1",
        "checksum": base64.b64encode(digest).decode("ascii"),
    }
    made = jwt.encode(claims, config["API_KEY"], algorithm="HS256")
    # PyJWT 1 returns bytes, PyJWT 2 text.
    return made.decode("ascii") if isinstance(made, bytes) else made


def ask(method, body=""):
    """One request; its status and the answer."""
    headers = {
        "Authorization": "Bearer " + token(method, body),
        "Content-Type": "application/json;charset=utf-8",
    }
    answer = requests.request(method, config["CONSOLE_URL"] + AGENTS_PATH, headers=headers, data=body.encode("utf-8"))
    return answer.status_code, answer.json()


act = ACTS[sys.argv[1]]
with open("hosts.txt") as lines:
    wanted = [line.strip() for line in lines if line.strip()]
agents = ask("GET")[1]["result_content"]
ids = {agent["host_name"]: agent["entity_id"] for agent in agents if act in agent["capabilities"]}
failed = 0
for host in wanted:
    body = json.dumps({"entity_id": ids.get(host, host), "act": act, "allow_multiple_match": False})
    status, answer = ask("POST", body)
    if status == 200 and answer["result_code"] == 1 and len(answer["result_content"]) == 1:
        print("done:", host)
    else:
        failed += 1
        print("failed:", host, status, answer)
sys.exit(1 if failed else 0)
