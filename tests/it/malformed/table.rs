//! The table. Everything in it is played by `super`, row by row.
//!
//! Made-up numbers only. What has to be answered: RFC 6733 §7 and, for S6a, TS 29.272 §7.2.

use super::row::{
    Counted, HOP_BY_HOP, Outcome, Row, Sent, To, cut_off, given_up, lost, passed_over, refused, success,
    turned_away,
};
use crate::support::wire::code::*;
use crate::support::wire::{
    DRA, Peer, Request, S6A, VENDOR_3GPP, avp, avp_3gpp, command, encode_avp, originating, tbcd,
};

pub(super) const IMSI: &str = "001010000000001";
pub(super) const MME: &str = "mme1.visited.example";
/// A configured peer of which no connection stands.
pub(super) const NEWCOMER: &str = "dra4.home.example";
/// A configured peer whose requests are addressed to us.
pub(super) const ENDPOINT: &str = "hss1.home.example";

const UPDATE: &str = "Update-Location";
const WATCHDOG: &str = "Device-Watchdog";
const CAPABILITIES: &str = "Capabilities-Exchange";
/// As `diameter.max_message_size` by default.
const MOST: usize = 256 * 1024;

/// Every row. One to a line, as far as it fits.
#[rustfmt::skip]
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |name, sent: Sent, outcome: Outcome| rows.push(Row { name, sent, outcome });

    // === Header (RFC 6733 §3) ===
    row("version 2", header(0, &[2]), lost(5011));
    row("version 0", header(0, &[0]), lost(5011));
    row("length 0", header(1, &[0, 0, 0]), lost(5015));
    row("length 16", header(1, &[0, 0, 16]), lost(5015));
    row("length 19", header(1, &[0, 0, 19]), lost(5015));
    row("a length that is no multiple of four", header(1, &[0, 0, 201]), lost(5015));
    row("a length just above the limit", header(1, &[0x04, 0, 4]), lost(5015));
    row("16 MiB claimed", header(1, &[0xff, 0xff, 0xfc]), lost(5015));
    row("a length that ends within an AVP", short_of_its_avps(),
        Outcome { answer: refused(5014, tgpp(VISITED_PLMN_ID)).answer, ..lost(None) });
    row("a length that no octets follow", header(1, &[0, 8, 0]), given_up(Counted::Closed("slow_message")));
    row("R and E", header(4, &[0xe0]), refused(3008, None));
    row("P missing in a ULR", header(4, &[0x80]), refused(3008, None));
    row("P set in a DWR", base(command::DEVICE_WATCHDOG, |request| request.flags |= 0x40), refused(3008, None));
    row("E set in a DWR", base(command::DEVICE_WATCHDOG, |request| request.flags |= 0x20), refused(3008, None));
    row("reserved bits", header(4, &[0xcf]), success(UPDATE));
    row("T on what was never sent before", header(4, &[0xd0]), success(UPDATE));
    row("a header and nothing else", copies(Request { avps: Vec::new(), ..ulr() }), refused(5005, ietf(SESSION_ID)));
    row("application 0xFFFFFFFF", header(8, &[0xff; 4]), refused(3007, None));
    row("an application that is not negotiated", header(8, &3u32.to_be_bytes()), refused(3007, None));
    row("an application of nobody", header(8, &16_777_999u32.to_be_bytes()), refused(3007, None));
    row("a command of S6a in the base protocol", header(8, &[0; 4]), refused(3001, None));
    row("an unknown command of the base protocol", base(283, |_| ()), refused(3001, None));
    row("an unknown command of S6a", header(5, &[0, 3, 0xe7]), refused(3001, None));
    row("the highest command there is", header(5, &[0xff, 0xff, 0xff]), refused(3001, None));
    row("a CER within S6a", header(5, &[0, 1, 1]), refused(3001, None));
    row("a DWR within S6a", header(5, &[0, 1, 0x18]), refused(3001, None));

    // === AVP lengths (§4.1) ===
    row("an AVP of length 0", with_length(USER_NAME, 0), refused(5014, ietf(USER_NAME)));
    row("an AVP shorter than its header", with_length(USER_NAME, 7), refused(5014, ietf(USER_NAME)));
    row("an AVP shorter than its header with vendor", with_length(ULR_FLAGS, 11), refused(5014, tgpp(ULR_FLAGS)));
    row("an AVP of 16 MiB", with_length(USER_NAME, 0x00ff_ffff), refused(5014, ietf(USER_NAME)));
    row("an AVP one word too long", with_length(ULR_FLAGS, 20), refused(5014, tgpp(ULR_FLAGS)));
    row("V without octets for the vendor", copies(ulr().with(vec![0, 0, 5, 125, 0xc0, 0, 0, 8])),
        refused(5014, ietf(ULR_FLAGS)));
    row("one word behind the last AVP", copies(ulr().with(vec![0; 4])), refused(5014, ietf(0)));
    row("padding missing between AVPs", without_padding(), refused(5014, (0x0001_0840, 0)));
    row("padding that is not zero", padding_of_ones(), success(UPDATE));
    row("a member beyond its group", profile(&length_put_to(avp_3gpp(MSISDN, &[0x99, 0x19]), 200)),
        refused(5014, tgpp(MSISDN)));
    row("a member shorter than its header", profile(&length_put_to(avp_3gpp(MSISDN, &[0x99, 0x19]), 3)),
        refused(5014, tgpp(MSISDN)));
    row("a group with octets left over", profile(&[&avp_3gpp(MSISDN, &[0x99, 0x19])[..], &[0; 5]].concat()),
        refused(5014, ietf(0)));
    row("a group whose last padding is missing", profile(&avp_3gpp(MSISDN, &tbcd("99912345"))[..16]),
        success("Insert-Subscriber-Data"));
    row("an empty group", profile(&[]), success("Insert-Subscriber-Data"));

    // === Nesting and numbers ===
    row("a thousand groups in each other", copies(ulr().with(nested(1000))), success(UPDATE));
    row("a profile of a thousand groups in each other", profile(&nested(1000)), success("Insert-Subscriber-Data"));
    row("as many AVPs as are read", copies(with_route_records(1024)), success(UPDATE));
    row("one AVP more than is read", copies(with_route_records(1025)), refused(5012, None));
    row("more members than are read", profile(&encode_avp(9999, 0, None, b"").repeat(1025)), refused(5012, None));
    row("as many AVPs as fit", copies(with_route_records(20_000)), refused(5012, None));

    // === AVP flags (§4.1, §7.1.5) ===
    row("vendor 0", copies(ulr().with(encode_avp(278, 0xc0, Some(0), &[0; 4]))), refused(3009, ietf(278)));
    row("P and reserved flags of an AVP", copies(replaced(encode_avp(USER_NAME, 0x7f, None, IMSI.as_bytes()))),
        success(UPDATE));
    row("M missing", copies(replaced(encode_avp(USER_NAME, 0, None, IMSI.as_bytes()))), success(UPDATE));
    row("M where it should not be", copies(ulr().with(avp(281, b"text"))), success(UPDATE));

    // === Unknown AVPs and vendors ===
    row("unknown and mandatory", copies(ulr().with(avp(7777, b"later"))), refused(5001, ietf(7777)));
    row("unknown of 3GPP and mandatory", copies(ulr().with(avp_3gpp(7777, b"later"))), refused(5001, tgpp(7777)));
    row("of an unknown vendor and mandatory", copies(ulr().with(encode_avp(1, 0xc0, Some(94), b"x"))),
        refused(5001, (1, 94)));
    row("unknown and optional", copies(ulr().with(encode_avp(7777, 0x80, Some(VENDOR_3GPP), b"x")).with(encode_avp(9, 0, None, b"x"))),
        success(UPDATE));
    row("a known code without its vendor", copies(ulr().without(ULR_FLAGS).with(avp(ULR_FLAGS, &[0, 0, 0, 2]))),
        refused(5001, ietf(ULR_FLAGS)));
    row("a known code under another vendor", copies(replaced(avp_3gpp(USER_NAME, IMSI.as_bytes()))),
        refused(5005, ietf(USER_NAME)));
    row("an unknown mandatory member", profile(&avp(7777, b"later")), success("Insert-Subscriber-Data"));

    // === Missing and repeated AVPs (§7.1.5), for each command of S6a ===
    for (name, request, missing) in [
        ("ULR without Session-Id", ulr(), ietf(SESSION_ID)),
        ("ULR without Origin-Host", ulr(), ietf(ORIGIN_HOST)),
        ("ULR without Destination-Realm", ulr(), ietf(DESTINATION_REALM)),
        ("ULR without User-Name", ulr(), ietf(USER_NAME)),
        ("ULR without ULR-Flags", ulr(), tgpp(ULR_FLAGS)),
        ("ULR without Visited-PLMN-Id", ulr(), tgpp(VISITED_PLMN_ID)),
        ("CLR without Destination-Host", clr(), ietf(DESTINATION_HOST)),
        ("CLR without Cancellation-Type", clr(), tgpp(CANCELLATION_TYPE)),
        ("AIR without Visited-PLMN-Id", air(), tgpp(VISITED_PLMN_ID)),
        ("IDR without Subscription-Data", idr(), tgpp(SUBSCRIPTION_DATA)),
        ("DSR without DSR-Flags", dsr(), tgpp(DSR_FLAGS)),
        ("PUR without User-Name", pur(), ietf(USER_NAME)),
        ("RSR without Destination-Host", rsr(), ietf(DESTINATION_HOST)),
        ("NOR without User-Name", nor(), ietf(USER_NAME)),
    ] {
        row(name, copies(request.without(missing.0)), refused(5005, missing));
    }
    for (name, request, repeated) in [
        ("ULR with two Session-Ids", ulr(), ietf(SESSION_ID)),
        ("ULR with two User-Names", ulr(), ietf(USER_NAME)),
        ("ULR with two RAT-Types", ulr(), tgpp(RAT_TYPE)),
        ("CLR with two Cancellation-Types", clr(), tgpp(CANCELLATION_TYPE)),
        ("AIR with two User-Names", air(), ietf(USER_NAME)),
        ("IDR with two Subscription-Data", idr(), tgpp(SUBSCRIPTION_DATA)),
        ("DSR with two DSR-Flags", dsr(), tgpp(DSR_FLAGS)),
        ("PUR with two Origin-Realms", pur(), ietf(ORIGIN_REALM)),
        ("RSR with two Destination-Hosts", rsr(), ietf(DESTINATION_HOST)),
        ("NOR with two NOR-Flags", nor(), tgpp(NOR_FLAGS)),
    ] {
        let again = request.avps.iter().find(|avp| avp[..4] == repeated.0.to_be_bytes()).unwrap().clone();
        row(name, copies(request.with(again)), refused(5009, repeated));
    }

    // === Wrong types and values ===
    row("ULR-Flags of three octets", copies(ulr().without(ULR_FLAGS).with(avp_3gpp(ULR_FLAGS, &[0, 0, 2]))),
        refused(5014, tgpp(ULR_FLAGS)));
    row("RAT-Type of eight octets", copies(ulr().without(RAT_TYPE).with(avp_3gpp(RAT_TYPE, &[0; 8]))),
        refused(5014, tgpp(RAT_TYPE)));
    row("Auth-Session-State of none", copies(ulr().without(AUTH_SESSION_STATE).with(avp(AUTH_SESSION_STATE, &[]))),
        refused(5014, ietf(AUTH_SESSION_STATE)));
    row("a time of three octets", copies(nor().with(avp_3gpp(3329, &[0; 3]))), refused(5014, tgpp(3329)));
    for (name, imsi) in [
        ("a User-Name that is no UTF-8", &b"\xff\xfe001"[..]),
        ("a User-Name of letters", b"00101abc0000001"),
        ("a User-Name of other digits", "\u{0661}00101".as_bytes()),
        ("an IMSI with a blank", b"001 01"),
        ("an IMSI of five digits", b"00101"),
        ("an IMSI of sixteen digits", b"0010100000000011"),
        ("an empty User-Name", b""),
        ("a User-Name of 100 KB", &[b'1'; 100_000]),
    ] {
        row(name, copies(replaced(avp(USER_NAME, imsi))), refused(5004, ietf(USER_NAME)));
    }
    for (name, digits) in [
        ("a number with a filler inside", &[0x99, 0xf9, 0x21][..]),
        ("a number with a letter", &[0x99, 0xa9]),
        ("an empty number", &[]),
        ("a number of 200 digits", &[0x99; 100]),
    ] {
        row(name, profile(&avp_3gpp(MSISDN, digits)), refused(5004, tgpp(MSISDN)));
    }
    row("an undefined Cancellation-Type", copies(clr().without(CANCELLATION_TYPE).with(avp_3gpp(CANCELLATION_TYPE, &[0, 0, 0, 99]))),
        refused(5004, tgpp(CANCELLATION_TYPE)));
    for (name, host) in [
        ("an Origin-Host with a blank", &b"mme 1.example"[..]),
        ("an empty Origin-Host", b""),
        ("an Origin-Host of 300 letters", &[b'm'; 300]),
    ] {
        row(name, copies(ulr().without(ORIGIN_HOST).with(avp(ORIGIN_HOST, host))), refused(5004, ietf(ORIGIN_HOST)));
    }

    // === Giants ===
    row("the longest message there may be", copies(filled(encode_avp(9999, 0, None, b""), MOST)), success(UPDATE));
    row("four octets more", copies(filled(encode_avp(9999, 0, None, b""), MOST + 4)), lost(5015));
    row("a giant that must be echoed", copies(filled(avp(PROXY_INFO, b""), MOST)), success(UPDATE));
    row("a giant that is to blame", copies(filled(avp(7777, b""), MOST)), refused(5001, ietf(7777)));

    // === The stream ===
    row("one octet at a time", Sent { one_by_one: true, ..copies(ulr()) }, success(UPDATE));
    row("HTTP on an open connection", raw(To::Copies, HTTP), lost(None));
    row("an answer to nobody", header(4, &[0x40]), passed_over(UPDATE, "other"));
    row("a broken answer to nobody", raw(To::Copies, &header_of(with_length(USER_NAME, 0).octets, 4, &[0x40])),
        passed_over(UPDATE, "other"));
    row("a DWA to nobody", base(command::DEVICE_WATCHDOG, |request| request.flags = 0), passed_over(WATCHDOG, "other"));
    row("a DPA to nobody", base(command::DISCONNECT_PEER, |request| request.flags = 0),
        passed_over("Disconnect-Peer", "other"));
    row("a CEA on an open connection", base(command::CAPABILITIES_EXCHANGE, |request| request.flags = 0),
        passed_over(CAPABILITIES, "other"));
    row("an answer of an application of nobody", raw(To::Copies, &header_of(header(8, &[9; 4]).octets, 4, &[0x40])),
        passed_over(UPDATE, "other"));

    // === The base protocol on an open connection (§5) ===
    row("a CER on an open connection", sent(To::Copies, cer(DRA)), refused(5012, None));
    row("a DWR of another host", sent(To::Copies, originating(Request::base(command::DEVICE_WATCHDOG), "dra9.home.example")),
        refused(5004, ietf(ORIGIN_HOST)));
    row("a DWR with an unknown mandatory AVP", base(command::DEVICE_WATCHDOG, |request| request.avps.push(avp(7777, b"later"))),
        refused(5001, ietf(7777)));
    row("a DWR with an unknown optional AVP", base(command::DEVICE_WATCHDOG, |request| request.avps.push(encode_avp(7777, 0, None, b"x"))),
        success(WATCHDOG));
    row("a DWR with two Origin-Hosts", base(command::DEVICE_WATCHDOG, |request| request.avps.push(avp(ORIGIN_HOST, DRA.as_bytes()))),
        refused(5009, ietf(ORIGIN_HOST)));
    row("a DPR with an unknown mandatory AVP", sent(To::Copies, originating(dpr(0), DRA).with(avp(7777, b"later"))),
        refused(5001, ietf(7777)));
    row("a DPR with P", sent(To::Copies, Request { flags: 0xc0, ..originating(dpr(0), DRA) }), refused(3008, None));
    row("a DWR without Origin-Realm", base(command::DEVICE_WATCHDOG, |request| { *request = request.clone().without(ORIGIN_REALM) }),
        refused(5005, ietf(ORIGIN_REALM)));
    row("a DPR of another host", sent(To::Copies, originating(dpr(0), "dra9.home.example")),
        refused(5004, ietf(ORIGIN_HOST)));
    row("a DPR without a cause", base(command::DISCONNECT_PEER, |_| ()), refused(5005, ietf(DISCONNECT_CAUSE)));
    row("a DPR for an undefined cause", sent(To::Copies, originating(dpr(9), DRA)), refused(5004, ietf(DISCONNECT_CAUSE)));

    // === Addressed elsewhere (§6.1) ===
    row("another Destination-Host", sent(To::Endpoint, alr().with(avp(DESTINATION_HOST, b"hss9.home.example"))), refused(3002, None));
    row("another Destination-Realm", sent(To::Endpoint, with_realm("other.example")), refused(3003, None));
    row("S6a for a node that is no HSS", sent(To::Endpoint, ulr()), refused(3007, None));

    // === S6c and accounting ===
    row("an unknown command of S6c", sent(To::Endpoint, Request { command: 8_388_650, ..alr() }), refused(3001, None));
    row("an unknown command of accounting", sent(To::Endpoint, Request { command: 272, ..acr(2) }), refused(3001, None));
    row("P missing in an ACR", sent(To::Endpoint, Request { flags: 0x80, ..acr(2) }), refused(3008, None));
    row("ALR without SC-Address", sent(To::Endpoint, alr().without(SC_ADDRESS)), refused(5005, tgpp(SC_ADDRESS)));
    row("ALR without User-Identifier", sent(To::Endpoint, alr().without(USER_IDENTIFIER)), refused(5005, tgpp(USER_IDENTIFIER)));
    row("ALR with two SC-Addresses", sent(To::Endpoint, alr().with(avp_3gpp(SC_ADDRESS, &tbcd("99900002")))), refused(5009, tgpp(SC_ADDRESS)));
    row("ALR about a number that is none", sent(To::Endpoint, alr_about(&avp_3gpp(MSISDN, &[0x99, 0xa9]))), refused(5004, tgpp(MSISDN)));
    row("ALR about a broken group", sent(To::Endpoint, alr_about(&[0; 5])), refused(5014, ietf(0)));
    row("ACR without Accounting-Record-Number", sent(To::Endpoint, acr(2).without(RECORD_NUMBER)), refused(5005, ietf(RECORD_NUMBER)));
    row("ACR with two Accounting-Record-Types", sent(To::Endpoint, acr(2).with(avp(RECORD_TYPE, &[0, 0, 0, 4]))), refused(5009, ietf(RECORD_TYPE)));
    row("an undefined Accounting-Record-Type", sent(To::Endpoint, acr(77)), refused(5004, ietf(RECORD_TYPE)));
    row("a record number of three octets", sent(To::Endpoint, acr(2).without(RECORD_NUMBER).with(avp(RECORD_NUMBER, &[0; 3]))), refused(5014, ietf(RECORD_NUMBER)));
    row("a Subscription-Id of octets left over", sent(To::Endpoint, acr(2).with(avp(SUBSCRIPTION_ID, &[0; 7]))), refused(5014, ietf(0)));
    row("a thousand Subscription-Ids", sent(To::Endpoint, subscribed_often(1000)), success("Accounting"));

    // === Before anything was said (§5.3, §5.6) ===
    row("a request first", sent(To::Fresh, ulr()), cut_off("protocol"));
    row("a DWR first", sent(To::Fresh, originating(Request::base(command::DEVICE_WATCHDOG), NEWCOMER)), cut_off("protocol"));
    row("a CEA first", sent(To::Fresh, Request { flags: 0, ..cer(NEWCOMER) }), cut_off("protocol"));
    row("HTTP first", raw(To::Fresh, HTTP), cut_off("protocol"));
    row("TLS first", raw(To::Fresh, &[&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 300]].concat()),
        cut_off("protocol"));
    row("nothing at all", raw(To::Fresh, b""), given_up(Counted::Refused("timeout")));
    row("half a CER", raw(To::Fresh, &cer(NEWCOMER).encode(HOP_BY_HOP)[..50]), given_up(Counted::Refused("timeout")));
    row("a CER of 20 KB", sent(To::Fresh, cer(NEWCOMER).with(encode_avp(9999, 0, None, &[0; 20_000]))),
        Outcome { counted: Counted::Refused("protocol"), ..lost(5015) });
    row("a CER of version 3", raw(To::Fresh, &header_of(cer(NEWCOMER).encode(HOP_BY_HOP), 0, &[3])),
        Outcome { counted: Counted::Refused("protocol"), ..lost(5011) });
    row("a CER with R and E", sent(To::Fresh, Request { flags: 0xa0, ..cer(NEWCOMER) }), turned_away(3008, None, "protocol"));
    row("a CER with P", sent(To::Fresh, Request { flags: 0xc0, ..cer(NEWCOMER) }), turned_away(3008, None, "protocol"));
    row("a CER with an unknown mandatory AVP", sent(To::Fresh, cer(NEWCOMER).with(avp(7777, b"later"))),
        turned_away(5001, ietf(7777), "protocol"));
    row("a CER with a mandatory AVP of an unknown vendor", sent(To::Fresh, cer(NEWCOMER).with(encode_avp(1, 0xc0, Some(94), b"x"))),
        turned_away(5001, (1, 94), "protocol"));
    row("a CER with V and vendor 0", sent(To::Fresh, cer(NEWCOMER).with(encode_avp(278, 0xc0, Some(0), &[0; 4]))),
        turned_away(3009, ietf(278), "protocol"));
    row("a CER with two Origin-Hosts", sent(To::Fresh, cer(NEWCOMER).with(avp(ORIGIN_HOST, b"dra5.home.example"))),
        turned_away(5009, ietf(ORIGIN_HOST), "protocol"));
    row("a CER with two Product-Names", sent(To::Fresh, cer(NEWCOMER).with(encode_avp(PRODUCT_NAME, 0, None, b"x"))),
        turned_away(5009, ietf(PRODUCT_NAME), "protocol"));
    row("a CER of a stranger", sent(To::Fresh, cer("stranger.example")), turned_away(3010, None, "unknown_peer"));
    row("a CER in our own name", sent(To::Fresh, cer("reachd.home.example")), turned_away(3010, None, "unknown_peer"));
    row("a CER of another realm", sent(To::Fresh, cer(NEWCOMER).without(ORIGIN_REALM).with(avp(ORIGIN_REALM, b"other.example"))),
        turned_away(3010, None, "unknown_peer"));
    row("a CER without Origin-Host", sent(To::Fresh, cer(NEWCOMER).without(ORIGIN_HOST)),
        turned_away(5005, ietf(ORIGIN_HOST), "protocol"));
    row("a CER without Host-IP-Address", sent(To::Fresh, cer(NEWCOMER).without(HOST_IP_ADDRESS)),
        turned_away(5005, ietf(HOST_IP_ADDRESS), "protocol"));
    row("a CER without Product-Name", sent(To::Fresh, cer(NEWCOMER).without(PRODUCT_NAME)),
        turned_away(5005, ietf(PRODUCT_NAME), "protocol"));
    row("a CER without a common application", sent(To::Fresh, offering(&[avp(AUTH_APPLICATION_ID, &16_777_252u32.to_be_bytes())])),
        turned_away(5010, None, "no_common_application"));
    row("a CER with no id in its group", sent(To::Fresh, offering_group(&[])),
        turned_away(5005, ietf(AUTH_APPLICATION_ID), "protocol"));
    row("a CER with two ids in a group", sent(To::Fresh, offering_group(&[AUTH_APPLICATION_ID, ACCT_APPLICATION_ID])),
        turned_away(5009, ietf(ACCT_APPLICATION_ID), "protocol"));
    row("a CER that insists on in-band TLS", sent(To::Fresh, cer(NEWCOMER).with(avp(299, &[0, 0, 0, 1]))),
        turned_away(5017, None, "protocol"));
    row("a CER with a broken AVP", sent(To::Fresh, cer(NEWCOMER).with(length_put_to(avp(PRODUCT_NAME, b"x"), 5))),
        turned_away(5014, ietf(PRODUCT_NAME), "protocol"));
    row("an address of a family that is none of IP", sent(To::Fresh, with_address(b"\0\x08999")),
        success(CAPABILITIES));
    row("a CER of a peer that is there already", sent(To::Fresh, cer(DRA)), cut_off("duplicate"));
    rows
}

// === How the octets are made ===

const fn ietf(code: u32) -> (u32, u32) {
    (code, 0)
}

const fn tgpp(code: u32) -> (u32, u32) {
    (code, VENDOR_3GPP)
}

const DSR_FLAGS: u32 = 1421;
const ACCT_APPLICATION_ID: u32 = 259;
const SC_ADDRESS: u32 = 3300;
const USER_IDENTIFIER: u32 = 3102;
const RECORD_TYPE: u32 = 480;
const RECORD_NUMBER: u32 = 485;
const SUBSCRIPTION_ID: u32 = 443;
const S6C: u32 = 16_777_312;
const ACCOUNTING: u32 = 3;
const HTTP: &[u8] = b"GET / HTTP/1.1\r\nHost: reachd\r\n\r\n";

fn ulr() -> Request {
    Request::update_location(IMSI, MME)
}

fn pur() -> Request {
    Request::purge(IMSI, MME)
}

fn nor() -> Request {
    Request::notify(IMSI, MME, 0)
}

fn clr() -> Request {
    Request::cancel(IMSI, MME, 0)
}

fn idr() -> Request {
    Request::insert_subscriber_data(IMSI, MME, "99912345678")
}

fn air() -> Request {
    Request::s6a(318, MME)
        .with(avp(USER_NAME, IMSI.as_bytes()))
        .with(avp_3gpp(VISITED_PLMN_ID, &[0x99, 0xf9, 0x10]))
}

/// Alert-Service-Centre of S6c.
fn alr() -> Request {
    alr_about(&avp_3gpp(MSISDN, &tbcd("99912345678")))
}

fn alr_about(user: &[u8]) -> Request {
    Request {
        application: S6C,
        ..Request::s6a(8_388_648, "hss.home.example")
    }
    .with(avp_3gpp(SC_ADDRESS, &tbcd("99900001")))
    .with(avp_3gpp(USER_IDENTIFIER, user))
}

/// Accounting-Request of that record type.
fn acr(kind: u32) -> Request {
    Request {
        application: ACCOUNTING,
        ..Request::s6a(271, "pgw1.home.example")
    }
    .without(AUTH_SESSION_STATE)
    .with(avp(RECORD_TYPE, &kind.to_be_bytes()))
    .with(avp(RECORD_NUMBER, &[0, 0, 0, 7]))
}

fn subscribed_often(times: usize) -> Request {
    let imsi = avp(
        SUBSCRIPTION_ID,
        &[avp(450, &[0, 0, 0, 1]), avp(444, IMSI.as_bytes())].concat(),
    );
    let mut request = acr(1);
    request.avps.resize(request.avps.len() + times, imsi);
    request
}

fn rsr() -> Request {
    Request::s6a(322, "hss.home.example").with(avp(DESTINATION_HOST, MME.as_bytes()))
}

fn dsr() -> Request {
    Request {
        command: 320,
        ..rsr()
    }
    .with(avp(USER_NAME, IMSI.as_bytes()))
    .with(avp_3gpp(DSR_FLAGS, &[0, 0, 0, 1]))
}

fn dpr(cause: u32) -> Request {
    Request::base(command::DISCONNECT_PEER).with(avp(DISCONNECT_CAUSE, &cause.to_be_bytes()))
}

fn cer(identity: &str) -> Request {
    Peer::capabilities_exchange_of(identity)
}

fn offering(applications: &[Vec<u8>]) -> Request {
    let mut request = cer(NEWCOMER).without(VENDOR_SPECIFIC_APPLICATION_ID);
    request.avps.extend_from_slice(applications);
    request
}

/// What the endpoint offers: S6a, S6c and accounting.
pub(super) fn cer_of_the_endpoint() -> Request {
    let s6c = avp(AUTH_APPLICATION_ID, &S6C.to_be_bytes());
    let accounting = avp(ACCT_APPLICATION_ID, &ACCOUNTING.to_be_bytes());
    cer(ENDPOINT).with(s6c).with(accounting)
}

/// S6a in a Vendor-Specific-Application-Id with these members.
fn offering_group(ids: &[u32]) -> Request {
    let members: Vec<u8> = ids.iter().flat_map(|id| avp(*id, &S6A.to_be_bytes())).collect();
    offering(&[avp(VENDOR_SPECIFIC_APPLICATION_ID, &members)])
}

fn with_address(address: &[u8]) -> Request {
    cer(NEWCOMER)
        .without(HOST_IP_ADDRESS)
        .with(avp(HOST_IP_ADDRESS, address))
}

fn with_realm(realm: &str) -> Request {
    alr()
        .without(DESTINATION_REALM)
        .with(avp(DESTINATION_REALM, realm.as_bytes()))
}

fn raw(to: To, octets: &[u8]) -> Sent {
    Sent {
        to,
        octets: octets.to_vec(),
        one_by_one: false,
    }
}

fn sent(to: To, request: Request) -> Sent {
    raw(to, &request.encode(HOP_BY_HOP))
}

fn copies(request: Request) -> Sent {
    sent(To::Copies, request)
}

/// A request of the base protocol, changed.
fn base(command: u32, change: impl FnOnce(&mut Request)) -> Sent {
    let mut request = originating(Request::base(command), DRA);
    change(&mut request);
    copies(request)
}

/// A ULR with these octets somewhere in its header.
fn header(at: usize, octets: &[u8]) -> Sent {
    raw(To::Copies, &header_of(ulr().encode(HOP_BY_HOP), at, octets))
}

fn header_of(mut message: Vec<u8>, at: usize, octets: &[u8]) -> Vec<u8> {
    message[at..at + octets.len()].copy_from_slice(octets);
    message
}

/// A ULR whose User-Name is this AVP.
fn replaced(user_name: Vec<u8>) -> Request {
    ulr().without(USER_NAME).with(user_name)
}

/// A ULR whose AVP of that code says another length; it comes last.
fn with_length(code: u32, length: u32) -> Sent {
    let request = ulr();
    let found = request
        .avps
        .iter()
        .find(|avp| avp[..4] == code.to_be_bytes())
        .unwrap()
        .clone();
    copies(request.without(code).with(length_put_to(found, length)))
}

fn length_put_to(mut avp: Vec<u8>, length: u32) -> Vec<u8> {
    avp[5..8].copy_from_slice(&length.to_be_bytes()[1..]);
    avp
}

/// Cut by its own header within the last AVP; what is left over begins like no message.
fn short_of_its_avps() -> Sent {
    let request = ulr()
        .without(VISITED_PLMN_ID)
        .with(avp_3gpp(VISITED_PLMN_ID, &[0x19; 40]));
    let mut octets = request.encode(HOP_BY_HOP);
    let length = (octets.len() - 32) as u32;
    octets[1..4].copy_from_slice(&length.to_be_bytes()[1..]);
    raw(To::Copies, &octets)
}

/// The octet that pads User-Name is left out, so that every AVP behind it is one octet off.
fn without_padding() -> Sent {
    let mut user_name = avp(USER_NAME, IMSI.as_bytes());
    assert_eq!(user_name.pop(), Some(0));
    let mut request = ulr().without(USER_NAME).without(ORIGIN_HOST).with(user_name);
    request.avps.push(avp(ORIGIN_HOST, b"mme1"));
    request.avps.push(vec![0]);
    copies(request)
}

fn padding_of_ones() -> Sent {
    let mut user_name = avp(USER_NAME, IMSI.as_bytes());
    *user_name.last_mut().unwrap() = 0xff;
    copies(replaced(user_name))
}

/// An IDR with these octets for Subscription-Data.
fn profile(members: &[u8]) -> Sent {
    let group = avp_3gpp(SUBSCRIPTION_DATA, members);
    copies(idr().without(SUBSCRIPTION_DATA).with(group))
}

fn nested(levels: usize) -> Vec<u8> {
    (0..levels).fold(Vec::new(), |inner, _| avp(FAILED_AVP, &inner))
}

fn with_route_records(total: usize) -> Request {
    let mut request = ulr();
    request.avps.resize(total, avp(282, b"dra"));
    request
}

/// A ULR of that length by one AVP, whose data fill it up.
fn filled(empty: Vec<u8>, length: usize) -> Request {
    let room = length - 20 - ulr().avps.concat().len() - empty.len();
    let filled = [&empty[..], &vec![b'x'; room]].concat();
    ulr().with(length_put_to(filled, (empty.len() + room) as u32))
}
