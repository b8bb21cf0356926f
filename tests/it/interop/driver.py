"""A Diameter node made of python-diameter, driven by lines of JSON.

The one argument tells whom to be and whom to connect to:

    {"origin_host": …, "realm": …, "peer": …, "peer_realm": …, "address": …, "port": …,
     "applications": [{"id": 16777251, "accounting": false}, …]}

Once the peer has accepted, {"ready": true} is printed. Each line read then is an order:

    {"id": 1, "command": 316, "application": 16777251, "avps": […], "end_to_end": 7, "retransmitted": true}
        sends a request; the last two are optional. {"id": 1, "answer": {…}} is printed when the answer has come, or
        {"id": 1, "error": …}. Orders do not wait for each other.
    {"reply": 3, "avps": […]}
        answers the third request that came, whenever that is; Session-Id and the origin come by themselves. Each request is
        printed as {"request": {…}} when it comes, and is left without an answer until then.
    {"leave": true}
        takes its leave of the peer with Disconnect-Peer, prints {"left": true} and ends.

An AVP is a pair of its name in python-diameter's dictionary and its value: a number, a text, a list of AVPs for a group,
or {"hex": …} for octets that are no text. A time is a number of seconds since 1970. What python-diameter does not know
is named by "code@vendor" and given in hex.
"""

import datetime
import json
import logging
import os
import sys
import threading
import time

from diameter.message import Message, MessageHeader
from diameter.message.avp import avp as types
from diameter.message.avp.dictionary import AVP_DICTIONARY, AVP_VENDOR_DICTIONARY
from diameter.message.commands import all_commands
from diameter.node import Node
from diameter.node.application import SimpleThreadingApplication

TGPP = 10415
NAMES = {
    entry["name"]: (code, vendor)
    for vendor, dictionary in ((TGPP, AVP_VENDOR_DICTIONARY[TGPP]), (0, AVP_DICTIONARY))
    for code, entry in dictionary.items()
}

# It warns of every connection that is not made at once.
logging.getLogger("diameter").setLevel(logging.ERROR)
printing = threading.Lock()


def say(line):
    with printing:
        print(json.dumps(line), flush=True)


def octets(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()


def avp_of(name, value):
    if "@" in name:
        code, vendor = (int(part) for part in name.split("@"))
        mandatory = 0x40
        return types.Avp(code, vendor, octets(value), mandatory | (0x80 if vendor else 0))
    avp = types.Avp.new(*NAMES[name])
    # The octets of a number or an address are given in hex where they are not to be what they should.
    if isinstance(value, dict) or isinstance(avp, types.AvpOctetString):
        avp.payload = octets(value)
    elif isinstance(avp, types.AvpGrouped):
        avp.value = [avp_of(*member) for member in value]
    elif isinstance(avp, types.AvpTime):
        avp.value = datetime.datetime.fromtimestamp(value)
    else:
        avp.value = value
    return avp


def told_avp(avp):
    name = avp.name if avp.name and avp.name in NAMES else f"{avp.code}@{avp.vendor_id}"
    if isinstance(avp, types.AvpGrouped):
        return [name, [told_avp(member) for member in avp.value]]
    value = avp.value
    if isinstance(value, datetime.datetime):
        return [name, int(value.timestamp())]
    if isinstance(value, tuple):
        return [name, value[1]]
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
        return [name, text if text.isprintable() else {"hex": value.hex()}]
    return [name, value]


def told(message):
    header = message.header
    return {
        "command": header.command_code,
        "application": header.application_id,
        "flags": header.command_flags,
        "end_to_end": header.end_to_end_identifier,
        "avps": [told_avp(avp) for avp in message.avps],
    }


def message_of(command, flags, application, avps, end_to_end=0, hop_by_hop=0):
    header = MessageHeader(
        command_flags=flags,
        command_code=command,
        application_id=application,
        end_to_end_identifier=end_to_end,
        hop_by_hop_identifier=hop_by_hop,
    )
    known = all_commands.get(command)
    # A command that it knows in detail is put together anew, in the order of its grammar.
    kind = (known and known.type_factory(header)) or Message
    message = kind(header, [avp_of(*avp) for avp in avps])
    message.header.command_code = command
    message.header.command_flags = flags
    return message


class Driver:
    def __init__(self, settings):
        self.node = Node(settings["origin_host"], settings["realm"])
        # How often its thread looks around.
        self.node.wakeup_interval = 1
        self.realm = settings["realm"]
        peer = self.node.add_peer(
            f"aaa://{settings['peer']}:{settings['port']};transport=tcp",
            settings["peer_realm"],
            ip_addresses=[settings["address"]],
            is_persistent=True,
        )
        self.received = []
        self.receiving = threading.Lock()
        self.applications = {}
        for application in settings["applications"]:
            accounting = application.get("accounting", False)
            served = SimpleThreadingApplication(
                application["id"],
                is_acct_application=accounting,
                is_auth_application=not accounting,
                request_handler=self.keep,
            )
            self.node.add_application(served, [peer], realms=[self.realm])
            self.applications[application["id"]] = served
        self.node.start()
        for served in self.applications.values():
            served.wait_for_ready(20)
        say({"ready": True})

    def keep(self, application, request):
        with self.receiving:
            self.received.append((application, request))
            say({"request": told(request)})

    def reply(self, order):
        application, request = self.received[order["reply"] - 1]
        header = request.header
        session = [avp for avp in told(request)["avps"] if avp[0] == "Session-Id"]
        origin = [["Origin-Host", self.node.origin_host], ["Origin-Realm", self.realm]]
        answer = message_of(
            header.command_code,
            header.command_flags & 0x40,
            header.application_id,
            session + origin + order["avps"],
            header.end_to_end_identifier,
            header.hop_by_hop_identifier,
        )
        application.send_answer(answer)

    def ask(self, order):
        try:
            flags = 0xC0 | (0x10 if order.get("retransmitted") else 0)
            application = order["application"]
            end_to_end = order.get("end_to_end", 0)
            request = message_of(order["command"], flags, application, order["avps"], end_to_end)
            answer = self.applications[application].send_request(request, timeout=20)
            say({"id": order["id"], "answer": told(answer)})
        except Exception as error:  # whatever it is, the test has to hear of it
            say({"id": order["id"], "error": repr(error)})

    def follow(self, order):
        if "leave" in order:
            threading.Thread(target=self.node.stop, daemon=True).start()
            # It looks at longer intervals itself.
            while self.node.connections:
                time.sleep(0.01)
            say({"left": True})
            os._exit(0)
        elif "reply" in order:
            self.reply(order)
        else:
            threading.Thread(target=self.ask, args=(order,), daemon=True).start()


driver = Driver(json.loads(sys.argv[1]))
for line in sys.stdin:
    driver.follow(json.loads(line))
os._exit(0)
