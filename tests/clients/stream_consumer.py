"""Consumes an event stream: TLS, passive declare, bounded prefetch, one acknowledgement for each event.

Prints the id of every event, or its length if it is no JSON, and ends after COUNT events or when the queue is empty.
"""

import json
import os
import ssl
import sys

import pika

count = int(sys.argv[1])
context = ssl.create_default_context(cafile=os.environ["CA_FILE"])
host = os.environ["AMQP_HOST"]
parameters = pika.ConnectionParameters(
    host=host,
    port=int(os.environ["AMQP_PORT"]),
    virtual_host="/",
    credentials=pika.PlainCredentials(os.environ["AMQP_USER"], os.environ["AMQP_PASSWORD"]),
    ssl_options=pika.SSLOptions(context, host),
)
queue = os.environ["AMQP_QUEUE"]
connection = pika.BlockingConnection(parameters)
channel = connection.channel()
declared = channel.queue_declare(queue=queue, passive=True, durable=True)
print("waiting", declared.method.message_count)
channel.basic_qos(prefetch_count=100)
taken = 0
for method, properties, body in channel.consume(queue, auto_ack=False, inactivity_timeout=20):
    if method is None:
        sys.exit("nothing came in time")
    assert properties.content_type == "application/octet-stream", properties
    assert properties.delivery_mode == 2, properties
    assert properties.headers["CC"][0].startswith(method.routing_key + "."), properties
    assert method.exchange == "events_api_stream", method
    event = json.loads(body.decode("utf-8"))
    print("event", event["id"], event["event_type_id"], len(body), "again" if method.redelivered else "new")
    channel.basic_ack(method.delivery_tag)
    taken += 1
    if taken == count:
        break
channel.cancel()
connection.close()
