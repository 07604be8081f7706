"""Takes events out of an event stream into a file: one acknowledgement for each event, as soon as its line is written.

Ends after COUNT events. The file is not synced.
"""

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
channel.queue_declare(queue=queue, passive=True, durable=True)
channel.basic_qos(prefetch_count=1000)
taken = 0
with open(sys.argv[2], "wb") as out:

    def on_event(channel, method, properties, body):
        global taken
        out.write(body + b"\n")
        channel.basic_ack(method.delivery_tag)
        taken += 1
        if taken == count:
            channel.stop_consuming()

    channel.basic_consume(queue=queue, on_message_callback=on_event, auto_ack=False)
    channel.start_consuming()
connection.close()
