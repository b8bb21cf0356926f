//! Capabilities-Exchange, Device-Watchdog and Disconnect-Peer as messages, and the admission of requests.

use std::net::{IpAddr, Ipv4Addr};

use bytes::BytesMut;

use super::super::admission::{Addressing, admit, authorize};
use super::super::capabilities::{CeaError, Local, Remote, read_cea, read_cer, write_cea, write_cer};
use super::super::messages::{DisconnectCause, check_dpr, check_dwr, write_answer, write_dpr, write_dwr};
use crate::diameter::codec::{CommandFlags, Defect, LocalIdentity, Message, MessageBuilder, ResultCode};
use crate::diameter::dict::s6a::APPLICATION as S6A;
use crate::diameter::dict::{AvpDef, AvpType, base, check_request, tgpp};

const SH: u32 = 16_777_217;
const ADDRESSES: &[IpAddr] = &[IpAddr::V4(Ipv4Addr::LOCALHOST)];

fn local() -> Local {
    Local {
        identity: LocalIdentity {
            origin_host: "reachd.example".into(),
            origin_realm: "example".into(),
        },
        origin_state_id: 77,
        applications: [S6A].into(),
    }
}

/// A CER with these members behind the required ones.
fn cer(members: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    let mut out = BytesMut::new();
    let flags = CommandFlags::default();
    let mut cer = MessageBuilder::request(&mut out, flags, base::COMMAND_CAPABILITIES_EXCHANGE, 0, 1, 2);
    cer.avp_utf8(&base::ORIGIN_HOST, "DRA1.Example")
        .avp_utf8(&base::ORIGIN_REALM, "Example")
        .avp_address(&base::HOST_IP_ADDRESS, ADDRESSES[0])
        .avp_u32(&base::VENDOR_ID, 0)
        .avp_utf8(&base::PRODUCT_NAME, "test");
    members(&mut cer);
    cer.finish();
    out
}

fn group(cer: &mut MessageBuilder<'_>, vendor: u32, auth: Option<u32>, acct: Option<u32>) {
    cer.group(&base::VENDOR_SPECIFIC_APPLICATION_ID, |group| {
        group.avp_u32(&base::VENDOR_ID, vendor);
        if let Some(auth) = auth {
            group.avp_u32(&base::AUTH_APPLICATION_ID, auth);
        }
        if let Some(acct) = acct {
            group.avp_u32(&base::ACCT_APPLICATION_ID, acct);
        }
    });
}

/// An AVP of nobody.
const fn unknown(mandatory: bool) -> AvpDef {
    AvpDef {
        code: 9999,
        vendor: 94,
        name: "",
        kind: AvpType::OctetString,
        mandatory,
    }
}

fn judge(cer: &[u8], ours: &[u32]) -> Result<Remote, Defect> {
    read_cer(&Message::decode(cer).unwrap(), ours)
}

#[test]
fn a_cer_with_the_p_or_the_e_bit_is_refused() {
    for flag in [CommandFlags::PROXIABLE, CommandFlags::ERROR] {
        let mut out = BytesMut::new();
        write_cer(&mut out, &local(), ADDRESSES, 1, 2);
        out[4] |= flag.0;
        assert_eq!(
            judge(&out, &[S6A]),
            Err(Defect::new(ResultCode::INVALID_HDR_BITS)),
            "{flag:?}"
        );
    }
}

#[test]
fn what_we_send_in_a_cer_is_sound_and_understood() {
    let mut out = BytesMut::new();
    write_cer(&mut out, &local(), ADDRESSES, 1, 2);
    let message = Message::decode(&out).unwrap();
    assert_eq!(check_request(&message, &base::CAPABILITIES_EXCHANGE), Ok(()));
    assert!(message.find(&base::INBAND_SECURITY_ID).is_none());
    let remote = read_cer(&message, &[S6A]).unwrap();
    assert_eq!(
        (&*remote.origin_host, &*remote.origin_realm),
        ("reachd.example", "example")
    );
    assert_eq!(
        (remote.origin_state_id, &*remote.applications),
        (Some(77), &[S6A][..])
    );
}

#[test]
fn an_application_counts_wherever_and_under_whatever_vendor_it_is_advertised() {
    let ours = [S6A, SH];
    for advertised in [
        cer(|cer| {
            cer.avp_u32(&base::AUTH_APPLICATION_ID, S6A);
        }),
        cer(|cer| {
            cer.avp_u32(&base::ACCT_APPLICATION_ID, S6A);
        }),
        cer(|cer| group(cer, tgpp::VENDOR_ID, Some(S6A), None)),
        cer(|cer| group(cer, 13_019, None, Some(S6A))),
        cer(|cer| {
            group(cer, tgpp::VENDOR_ID, Some(16_777_238), None);
            group(cer, tgpp::VENDOR_ID, Some(S6A), None);
        }),
    ] {
        assert_eq!(*judge(&advertised, &ours).unwrap().applications, [S6A]);
    }
    let relay = cer(|cer| {
        cer.avp_u32(&base::AUTH_APPLICATION_ID, base::APPLICATION_RELAY);
    });
    assert_eq!(*judge(&relay, &ours).unwrap().applications, ours);
}

#[test]
fn identities_are_folded_to_lower_case() {
    let remote = judge(&cer(|cer| group(cer, tgpp::VENDOR_ID, Some(S6A), None)), &[S6A]).unwrap();
    assert_eq!(
        (&*remote.origin_host, &*remote.origin_realm),
        ("dra1.example", "example")
    );
}

#[test]
fn a_faulty_cer_is_refused_with_the_code_of_its_fault() {
    let code = |cer: BytesMut| judge(&cer, &[S6A]).unwrap_err().result_code;
    assert_eq!(code(cer(|_| {})), ResultCode::NO_COMMON_APPLICATION);
    assert_eq!(
        code(cer(|cer| group(cer, tgpp::VENDOR_ID, Some(SH), None))),
        ResultCode::NO_COMMON_APPLICATION
    );
    assert_eq!(
        code(cer(|cer| group(cer, tgpp::VENDOR_ID, None, None))),
        ResultCode::MISSING_AVP
    );
    assert_eq!(
        code(cer(|cer| group(cer, tgpp::VENDOR_ID, Some(S6A), Some(S6A)))),
        ResultCode::AVP_OCCURS_TOO_MANY_TIMES
    );
    let short = cer(|cer| {
        cer.avp_octets(&base::AUTH_APPLICATION_ID, &[1, 2]);
    });
    assert_eq!(code(short), ResultCode::INVALID_AVP_LENGTH);
    let mandatory = cer(|cer| {
        group(cer, tgpp::VENDOR_ID, Some(S6A), None);
        cer.avp_octets(&unknown(true), b"x");
    });
    assert_eq!(code(mandatory), ResultCode::AVP_UNSUPPORTED);
    let optional = cer(|cer| {
        group(cer, tgpp::VENDOR_ID, Some(S6A), None);
        cer.avp_octets(&unknown(false), b"x");
    });
    assert!(judge(&optional, &[S6A]).is_ok());
    let two_names = cer(|cer| {
        group(cer, tgpp::VENDOR_ID, Some(S6A), None);
        cer.avp_utf8(&base::ORIGIN_HOST, "dra2.example");
    });
    assert_eq!(code(two_names), ResultCode::AVP_OCCURS_TOO_MANY_TIMES);
    let insists = cer(|cer| {
        group(cer, tgpp::VENDOR_ID, Some(S6A), None);
        cer.avp_u32(&base::INBAND_SECURITY_ID, 1);
    });
    assert_eq!(code(insists), ResultCode::NO_COMMON_SECURITY);
    let offers_both = cer(|cer| {
        group(cer, tgpp::VENDOR_ID, Some(S6A), None);
        cer.avp_u32(&base::INBAND_SECURITY_ID, 1)
            .avp_u32(&base::INBAND_SECURITY_ID, 0);
    });
    assert!(judge(&offers_both, &[S6A]).is_ok());
}

#[test]
fn a_cea_opens_only_with_success_and_a_common_application() {
    let offer = cer(|cer| group(cer, tgpp::VENDOR_ID, Some(S6A), None));
    let request = *Message::decode(&offer).unwrap().header();
    let cea = |verdict: Result<(), &Defect>| {
        let mut out = BytesMut::new();
        write_cea(&mut out, &local(), ADDRESSES, &request, verdict);
        out
    };
    let accepted = cea(Ok(()));
    let accepted = Message::decode(&accepted).unwrap();
    assert!(!accepted.header().flags.is_error());
    assert_eq!(*read_cea(&accepted, &[S6A]).unwrap().applications, [S6A]);
    assert!(matches!(read_cea(&accepted, &[SH]), Err(CeaError::Unusable(_))));

    for mandatory in [true, false] {
        let mut beside = BytesMut::new();
        MessageBuilder::answer(&mut beside, &request, false)
            .avp_u32(&base::RESULT_CODE, ResultCode::SUCCESS.0)
            .avp_utf8(&base::ORIGIN_HOST, "dra1.example")
            .avp_utf8(&base::ORIGIN_REALM, "example")
            .avp_u32(&base::AUTH_APPLICATION_ID, S6A)
            .avp_octets(&unknown(mandatory), b"x")
            .finish();
        let judged = read_cea(&Message::decode(&beside).unwrap(), &[S6A]);
        assert_eq!(judged.is_err(), mandatory, "{judged:?}");
    }

    let stranger = cea(Err(&Defect::new(ResultCode::UNKNOWN_PEER)));
    let stranger = Message::decode(&stranger).unwrap();
    assert!(stranger.header().flags.is_error());
    assert_eq!(
        read_cea(&stranger, &[S6A]),
        Err(CeaError::Refused(ResultCode::UNKNOWN_PEER))
    );

    let missing = cea(Err(&Defect::missing(&base::PRODUCT_NAME)));
    let missing = Message::decode(&missing).unwrap();
    assert!(!missing.header().flags.is_error());
    assert!(
        missing
            .find(&base::FAILED_AVP)
            .unwrap()
            .grouped()
            .unwrap()
            .find(&base::PRODUCT_NAME)
            .is_some()
    );
}

#[test]
fn our_watchdog_and_disconnect_requests_pass_our_own_checks() {
    let mut out = BytesMut::new();
    write_dwr(&mut out, &local(), 1, 2);
    assert_eq!(
        check_dwr(&Message::decode(&out).unwrap(), "REACHD.example"),
        Ok(())
    );
    let wrong = check_dwr(&Message::decode(&out).unwrap(), "other.example").unwrap_err();
    assert_eq!(wrong.result_code, ResultCode::INVALID_AVP_VALUE);
    for cause in [
        DisconnectCause::Rebooting,
        DisconnectCause::Busy,
        DisconnectCause::DoNotWantToTalkToYou,
    ] {
        out.clear();
        write_dpr(&mut out, &local(), cause, 1, 2);
        assert_eq!(
            check_dpr(&Message::decode(&out).unwrap(), "reachd.example"),
            Ok(cause)
        );
    }
}

#[test]
fn a_dpr_without_cause_is_answered_with_the_missing_avp() {
    let mut out = BytesMut::new();
    let flags = CommandFlags::default();
    MessageBuilder::request(&mut out, flags, base::COMMAND_DISCONNECT_PEER, 0, 1, 2)
        .avp_utf8(&base::ORIGIN_HOST, "dra1.example")
        .avp_utf8(&base::ORIGIN_REALM, "example")
        .finish();
    let dpr = Message::decode(&out).unwrap();
    let defect = check_dpr(&dpr, "dra1.example").unwrap_err();
    let mut answer = BytesMut::new();
    write_answer(&mut answer, &local(), dpr.header(), Err(&defect));
    let answer = Message::decode(&answer).unwrap();
    assert_eq!(answer.find(&base::RESULT_CODE).unwrap().as_u32(), Ok(5005));
    assert!(
        answer
            .find(&base::FAILED_AVP)
            .unwrap()
            .grouped()
            .unwrap()
            .find(&base::DISCONNECT_CAUSE)
            .is_some()
    );
}

#[test]
fn a_request_that_has_been_here_before_is_a_loop_wherever_it_goes() {
    let admitted = |records: &[&str], host: &str, addressing| {
        let mut out = BytesMut::new();
        let mut request = MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 316, S6A, 1, 2);
        request
            .avp_utf8(&base::DESTINATION_HOST, host)
            .avp_utf8(&base::DESTINATION_REALM, "example");
        for record in records {
            request.avp_utf8(&base::ROUTE_RECORD, record);
        }
        request.finish();
        admit(&Message::decode(&out).unwrap(), &local(), &[S6A], addressing)
    };
    let forwarded = ["mme1.example", "dra1.example", "reachd.example.org"];
    let looped = ["mme1.example", "Reachd.EXAMPLE", "dra1.example"];
    for (addressing, elsewhere) in [
        (Addressing::Checked, Err(ResultCode::UNABLE_TO_DELIVER)),
        (Addressing::Ignored, Ok(())),
    ] {
        assert_eq!(admitted(&forwarded, "reachd.example", addressing), Ok(()));
        assert_eq!(admitted(&forwarded, "hss.example", addressing), elsewhere);
        for host in ["reachd.example", "hss.example"] {
            let verdict = admitted(&looped, host, addressing);
            assert_eq!(verdict, Err(ResultCode::LOOP_DETECTED), "{host}");
        }
    }
}

#[test]
fn a_peer_speaks_for_nodes_of_its_realms_alone_if_they_are_named() {
    let realms = [Box::from("epc.example"), Box::from("roaming.example")];
    let judged = |host: Option<&str>, realm: Option<&str>, realms: &[Box<str>]| {
        let mut out = BytesMut::new();
        let mut request = MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 316, S6A, 1, 2);
        if let Some(host) = host {
            request.avp_utf8(&base::ORIGIN_HOST, host);
        }
        if let Some(realm) = realm {
            request.avp_utf8(&base::ORIGIN_REALM, realm);
        }
        request.finish();
        authorize(&Message::decode(&out).unwrap(), realms)
    };
    for (host, realm) in [
        ("mme1.epc.example", "epc.example"),
        ("MME1.EPC.Example", "Epc.Example"),
        ("epc.example", "epc.example"),
        ("mme1.site.roaming.example", "roaming.example"),
    ] {
        assert_eq!(judged(Some(host), Some(realm), &realms), Ok(()), "{host} {realm}");
    }
    for (host, realm) in [
        ("mme1.home.example", "home.example"),
        ("mme1.epc.example", "roaming.example"),
        ("mme1.home.example", "epc.example"),
        ("mme1-epc.example", "epc.example"),
        ("example", "epc.example"),
        ("", "epc.example"),
        ("mme1.epc.example", ""),
    ] {
        let expected = Err(ResultCode::AUTHORIZATION_REJECTED);
        assert_eq!(
            judged(Some(host), Some(realm), &realms),
            expected,
            "{host} {realm}"
        );
        assert_eq!(judged(Some(host), Some(realm), &[]), Ok(()), "{host} {realm}");
    }
    // What is missing is for the grammar to miss.
    assert_eq!(judged(None, Some("home.example"), &realms), Ok(()));
    assert_eq!(judged(Some("mme1.home.example"), None, &realms), Ok(()));
}

#[test]
fn requests_are_admitted_by_header_and_addressee() {
    let admitted = |flags: CommandFlags, application: u32, to: Option<(&str, &str)>, addressing| {
        let mut out = BytesMut::new();
        let mut request = MessageBuilder::request(&mut out, flags, 316, application, 1, 2);
        if let Some((host, realm)) = to {
            request
                .avp_utf8(&base::DESTINATION_HOST, host)
                .avp_utf8(&base::DESTINATION_REALM, realm);
        }
        request.finish();
        admit(&Message::decode(&out).unwrap(), &local(), &[S6A], addressing)
    };
    let plain = CommandFlags::PROXIABLE;
    let checked = Addressing::Checked;
    assert_eq!(admitted(plain, S6A, None, checked), Ok(()));
    assert_eq!(
        admitted(plain.with(CommandFlags::RETRANSMITTED), S6A, None, checked),
        Ok(())
    );
    assert_eq!(
        admitted(plain, S6A, Some(("REACHD.example", "EXAMPLE")), checked),
        Ok(())
    );
    let elsewhere = Some(("hss.example", "example"));
    assert_eq!(
        admitted(plain, S6A, elsewhere, checked),
        Err(ResultCode::UNABLE_TO_DELIVER)
    );
    assert_eq!(admitted(plain, S6A, elsewhere, Addressing::Ignored), Ok(()));
    let abroad = Some(("reachd.example", "abroad"));
    assert_eq!(
        admitted(plain, S6A, abroad, checked),
        Err(ResultCode::REALM_NOT_SERVED)
    );
    assert_eq!(
        admitted(plain, SH, None, checked),
        Err(ResultCode::APPLICATION_UNSUPPORTED)
    );
    assert_eq!(
        admitted(plain, 0, None, checked),
        Err(ResultCode::COMMAND_UNSUPPORTED)
    );
    assert_eq!(
        admitted(plain.with(CommandFlags::ERROR), S6A, None, checked),
        Err(ResultCode::INVALID_HDR_BITS)
    );
}
