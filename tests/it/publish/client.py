"""A client of reachd that knows nothing of it but its address: what there is to call, it learns by server reflection.

The one argument is the address. Each line read is an order, and is answered by a line:

    {"publish": [{…}, …], "feed": "…"}
        opens a stream under that name, if there is one, sends each as one message of PublishEvents (without its
        sequence, which is its place from 1 on), and ends its side. When the daemon has ended its own:
        {"acked": 3, "refused": [{…}, …]}
    {"call": "reachability.v1.ReachabilityService/GetReachability", "request": {…}}
        {"response": {…}} or {"error": {"code": "NOT_FOUND", "message": "…"}}

Messages are JSON in protobuf's own mapping, by protobuf's own code.
"""

import json
import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

PATIENCE = 60

channel = grpc.insecure_channel(sys.argv[1])
pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))


def method(name):
    """The path of a method, and the classes of its request and response."""
    service, method = name.split("/")
    found = pool.FindServiceByName(service).FindMethodByName(method)
    return f"/{name}", GetMessageClass(found.input_type), GetMessageClass(found.output_type)


def publish(messages, feed):
    path, request, response = method("reachability.v1.IngestService/PublishEvents")
    stream = channel.stream_stream(
        path, request_serializer=request.SerializeToString, response_deserializer=response.FromString
    )
    requests = [
        json_format.ParseDict({**message, "sequence": sequence}, request())
        for sequence, message in enumerate(messages, 1)
    ]
    metadata = [("reachd-feed", feed)] if feed else None
    acked, refused = 0, []
    for answer in stream(iter(requests), timeout=PATIENCE, metadata=metadata):
        acked = answer.acked_sequence
        refused += [json_format.MessageToDict(one) for one in answer.refused]
    return {"acked": acked, "refused": refused}


def call(name, request):
    path, sent, received = method(name)
    unary = channel.unary_unary(
        path, request_serializer=sent.SerializeToString, response_deserializer=received.FromString
    )
    response = unary(json_format.ParseDict(request, sent()), timeout=PATIENCE)
    return {"response": json_format.MessageToDict(response)}


for line in sys.stdin:
    order = json.loads(line)
    try:
        if "publish" in order:
            said = publish(order["publish"], order.get("feed"))
        else:
            said = call(order["call"], order["request"])
    except grpc.RpcError as error:
        said = {"error": {"code": error.code().name, "message": error.details()}}
    print(json.dumps(said), flush=True)
