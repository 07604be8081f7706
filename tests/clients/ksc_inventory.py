"""Lists the hosts of a Security Center through a session, page by page, on a certificate that is known by its digest."""

import base64
import hashlib
import os
import ssl
import sys

import requests

url_base = os.environ["CONSOLE_URL"] + "/api/v1.0/"
user = os.environ["KSC_USER"]
password = os.environ["KSC_PASSWORD"]
certificate = os.environ["CERT_FILE"]


class Pinned(requests.adapters.HTTPAdapter):
    """Trusts one certificate, whatever stands in it."""

    def init_poolmanager(self, *args, **kwargs):
        with open(certificate) as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        super().init_poolmanager(*args, assert_fingerprint=hashlib.sha256(der).hexdigest(), **kwargs)


connection = requests.Session()
connection.trust_env = False
connection.verify = False
connection.mount("https://", Pinned(pool_connections=1, pool_maxsize=1))


def encoded(text):
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def post(method, arguments=None, **headers):
    return connection.post(url_base + method, json=arguments or {}, headers=headers)


authorization = 'KSCBasic user="{}", pass="{}", internal="1"'.format(encoded(user), encoded(password))
started = post("Session.StartSession", Authorization=authorization)
if started.status_code != 200:
    sys.exit("StartSession: {}".format(started.status_code))
session = {"X-KSC-Session": started.json()["PxgRetVal"]}


def call(method, **arguments):
    answer = post(method, arguments, **session)
    content = answer.json()
    if answer.status_code != 200 or "PxgError" in content:
        sys.exit("{}: {} {}".format(method, answer.status_code, answer.text))
    return content


def rows(method, accessor_of, **arguments):
    """Every row of a result, two hundred at a time."""
    found = call(method, lMaxLifeTime=3600, **arguments)
    accessor, count, read = found[accessor_of], found["PxgRetVal"], 0
    while read < count:
        chunk = call("ChunkAccessor.GetItemsChunk", strAccessor=accessor, nStart=read, nCount=200)
        read += chunk["PxgRetVal"]
        for row in chunk["pChunk"]["KLCSP_ITERATOR_ARRAY"]:
            yield row["value"]
    call("ChunkAccessor.Release", strAccessor=accessor)


assert call("Session.Ping") == {}
server = call("HostGroup.GetStaticInfo", pValues=["KLADMSRV_PRODUCT_FULL_VERSION"])["PxgRetVal"]
print("version", server["KLADMSRV_PRODUCT_FULL_VERSION"])
# A filter that is null means everything, and what is not needed is left out.
fields = ["KLHST_WKS_HOSTNAME", "KLHST_WKS_DN", "KLHST_WKS_IP_LONG", "KLHST_WKS_STATUS", "KLHST_WKS_GROUPID"]
for host in rows("HostGroup.FindHosts", "strAccessor", wstrFilter=None, vecFieldsToReturn=fields):
    address = host["KLHST_WKS_IP_LONG"]["value"]
    octets = ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))
    print("host", host["KLHST_WKS_HOSTNAME"], host["KLHST_WKS_DN"], octets, host["KLHST_WKS_STATUS"])
for group in rows("HostGroup.FindGroups", "strAccessor", wstrFilter="", vecFieldsToReturn=["id", "name"]):
    print("group", group["id"], group["name"])
for incident in rows(
    "HostGroup.FindIncidents", "strAccessor", strFilter="KLINCDT_IS_HANDLED=0", pFieldsToReturn=["KLINCDT_ID"]
):
    print("incident", incident["KLINCDT_ID"])
assert call("Session.EndSession") == {}
ended = post("Session.Ping", **session)
assert ended.status_code == 403, ended.status_code
