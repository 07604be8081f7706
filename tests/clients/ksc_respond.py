"""Isolates one host through a Security Center, on the wire as the vendor's own client and its sample for responses do.

One connection, which `login` binds; no session header. The certificate is not verified, as the sample has it. The time is
the local one, and called UTC.
"""

import base64
import datetime
import json
import os
import sys
import time
import warnings

import requests

url_base = os.environ["CONSOLE_URL"] + "/api/v1.0/"
user = os.environ["KSC_USER"]
password = os.environ["KSC_PASSWORD"]
internal = os.environ.get("KSC_INTERNAL", "0")
area = "Kuma"

warnings.filterwarnings("ignore", message="Unverified HTTPS request")
connection = requests.Session()
connection.verify = False
connection.trust_env = False
connection.mount("https://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=1))


def encoded(text):
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def log_in():
    """Binds the connection: what comes back is no token."""
    scheme = 'KSCBasic user="{}", pass="{}", domain="", internal="{}"'
    headers = {
        "Authorization": scheme.format(encoded(user), encoded(password), internal),
        "Content-Type": "application/json",
        "X-KSC-VServer": "",
    }
    answer = connection.post(url_base + "login", headers=headers, data={})
    if answer.status_code != 200:
        sys.exit("login: {}".format(answer.status_code))


def unwrapped(value):
    """Values without the wrappers of their types."""
    if isinstance(value, list):
        return [unwrapped(element) for element in value]
    if isinstance(value, dict):
        if set(value) == {"type", "value"}:
            return unwrapped(value["value"])
        return {name: unwrapped(element) for name, element in value.items()}
    return value


def call(method, **arguments):
    """One call; errors of the server's own come with 200."""
    headers = {"Content-Type": "application/json"}
    answer = connection.post(url_base + method, headers=headers, data=json.dumps(arguments))
    if answer.status_code != 200:
        sys.exit("{}: {}".format(method, answer.status_code))
    content = answer.json()
    if "PxgError" in content:
        error = content["PxgError"]
        sys.exit("{}: {module} {code}: {message}".format(method, **error))
    return unwrapped(content)


def hosts(name):
    """The ids of hosts that are shown under this name."""
    found = call(
        "HostGroup.FindHosts",
        wstrFilter='(KLHST_WKS_DN="{}")'.format(name.replace('"', '""')),
        vecFieldsToReturn=["KLHST_WKS_HOSTNAME", "KLHST_WKS_DN"],
        vecFieldsToOrder=[{"type": "params", "value": {"Name": "KLHST_WKS_DN", "Asc": True}}],
        pParams={"KLGRP_FIND_FROM_CUR_VS_ONLY": True},
        lMaxLifeTime=100,
    )
    accessor = found["strAccessor"]
    count = call("ChunkAccessor.GetItemsCount", strAccessor=accessor)["PxgRetVal"]
    ids = []
    while len(ids) < count:
        chunk = call("ChunkAccessor.GetItemsChunk", strAccessor=accessor, nStart=len(ids), nCount=200)
        ids.extend(row["KLHST_WKS_HOSTNAME"] for row in chunk["pChunk"]["KLCSP_ITERATOR_ARRAY"])
    call("ChunkAccessor.Release", strAccessor=accessor)
    return ids


def tasks_of(host):
    return set(call("Tasks.GetAllTasksOfHost", strDomainName="", strHostName=host)["PxgRetVal"])


def respond(host, task, params):
    """Writes an incident and lets go of it; its number."""
    body = {
        "task": task,
        "targetHost": host,
        "params": params,
        "responseEventIncident": True,
        "responseEventIncidentArea": area,
    }
    stamp = datetime.datetime.now().replace(microsecond=0).isoformat() + "Z"
    incident = {
        "KLINCDT_SEVERITY": 2,
        "KLINCDT_ADDED": {"type": "datetime", "value": stamp},
        "KLINCDT_BODY": json.dumps(body),
        "KLHST_WKS_HOSTNAME": host,
    }
    number = call("HostGroup.AddIncident", pData=incident)["PxgRetVal"]
    call("HostGroup.UpdateIncident", nId=number, pData={"KLINCDT_IS_HANDLED": False, "KLHST_WKS_HOSTNAME": host})
    return number


def state_of(task):
    """How a task stands on its one host."""
    iterator = call(
        "Tasks.ResetHostIteratorForTaskStatus",
        strTask=task,
        pFields2Return=["hostname", "state_code", "state_descr", "finish_time"],
        nHostStateMask=127,
        nLifetime=120,
    )["strHostIteratorId"]
    read = call("Tasks.GetHostStatusRecordRange", strHostIteratorId=iterator, nStart=0, nEnd=1)
    call("Tasks.ReleaseHostStatusIterator", strHostIteratorId=iterator)
    (status,) = read["pParHostStatus"]["statuses"]
    return status["state_code"], status.get("state_descr", "")


log_in()
if not call("ConEvents.IsAnyServiceConsoleAvailable")["PxgRetVal"]:
    sys.exit("nobody picks incidents up")
(host,) = hosts(sys.argv[1])
action = 0 if sys.argv[2:] == ["off"] else 1
before = tasks_of(host)
incident = respond(host, "isolateHost", {"action": action})
for _ in range(300):
    new = tasks_of(host) - before
    if new:
        (task,) = new
        name = call("Tasks.GetTask", strTask=task)["PxgRetVal"]["DisplayName"]
        assert name.lower().startswith("[response][{}] isolatehost - ".format(area.lower())), name
        state, text = state_of(task)
        if state in (4, 8, 16):
            print("incident", incident, "task", task, "state", state, text)
            break
    time.sleep(0.1)
else:
    sys.exit("the task never ended")
connection.close()
