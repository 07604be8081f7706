"""Goes through the tasks of one host of a Security Center, and reads how each went from its history."""

import base64
import os
import sys
import warnings

import requests

url_base = os.environ["CONSOLE_URL"] + "/api/v1.0/"
warnings.filterwarnings("ignore", message="Unverified HTTPS request")
connection = requests.Session()
connection.verify = False
connection.trust_env = False
connection.mount("https://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=1))


def call(method, headers=None, **arguments):
    answer = connection.post(url_base + method, json=arguments, headers=headers or {})
    content = answer.json() if answer.content else {}
    if answer.status_code != 200 or "PxgError" in content:
        sys.exit("{}: {} {}".format(method, answer.status_code, answer.text))
    return content


# Bare words are taken as well as quoted ones.
user, password = (base64.b64encode(os.environ[name].encode()).decode() for name in ("KSC_USER", "KSC_PASSWORD"))
call("login", {"Authorization": "KSCBasic user={}, pass={}, internal=true".format(user, password), "X-KSC-VServer": "x"})

tasks = call("HostGroup.GetHostTasks", strHostName=sys.argv[1])["PxgRetVal"]
call("HostTasks.ResetTasksIterator", strSrvObjId=tasks)
while True:
    task = call("HostTasks.GetNextTask", strSrvObjId=tasks)["pTaskData"]
    if not task:
        break
    number = task["TASK_UNIQUE_ID"]
    name = task["TASK_INFO_PARAMS"]["value"]["DisplayName"]
    counts = call("Tasks.GetTaskStatistics", strTask=number)["PxgRetVal"]
    iterator = call(
        "Tasks.GetTaskHistory",
        strTask=number,
        pFields2Return=["event_type", "task_new_state", "event_id", "rise_time"],
        pSortFields=[{"type": "params", "value": {"Name": "rise_time", "Asc": False}}],
        strHostName="",
        pFilter={"event_type": "KLPRCI_TaskState"},
    )["strIteratorId"]
    count = call("EventProcessing.GetRecordCount", strIteratorId=iterator)["PxgRetVal"]
    events = call("EventProcessing.GetRecordRange", strIteratorId=iterator, nStart=0, nEnd=count)
    call("EventProcessing.ReleaseIterator", strIteratorId=iterator)
    states = [event["value"]["task_new_state"] for event in events["pParamsEvents"]["KLEVP_EVENT_RANGE_ARRAY"]]
    print(number, "completed", counts["4"], "states", sorted(states), name)
