//! What a push is answered (TS 29.328 §6.1.4.1).

use super::*;
use crate::diameter::codec::{AvpFlags, ResultCode};
use crate::diameter::dict::AvpDef;
use crate::domain::{Identifier, Msisdn};

const REACHABLE: &str = "<Sh-IMS-Data><UEReachabilityForIP><UEIPReachabilityMME>0</UEIPReachabilityMME></UEReachabilityForIP></Sh-IMS-Data>";

/// Result-Code or Experimental-Result-Code of an answer.
fn result(answer: &[u8]) -> (Option<u32>, Option<u32>) {
    let answer = Message::decode(answer).unwrap();
    let experimental = answer.find(&base::EXPERIMENTAL_RESULT).map(|result| {
        let group = result.grouped().unwrap();
        assert_eq!(
            group.find(&base::VENDOR_ID).unwrap().as_u32(),
            Ok(tgpp::VENDOR_ID)
        );
        group
            .find(&base::EXPERIMENTAL_RESULT_CODE)
            .unwrap()
            .as_u32()
            .unwrap()
    });
    let base = answer.find(&base::RESULT_CODE).map(|code| code.as_u32().unwrap());
    (base, experimental)
}

fn names(answer: &[u8]) -> Vec<&'static str> {
    let answer = Message::decode(answer).unwrap();
    let name = |code, vendor| crate::diameter::dict::lookup(code, vendor).unwrap().name;
    answer.avps().map(|avp| name(avp.code, avp.vendor)).collect()
}

#[test]
fn a_push_of_what_was_asked_for_is_news_at_its_receipt_and_gets_success() {
    let octets = push(sh_data(REACHABLE).as_bytes());
    let decoded = read(&octets, Some(true)).unwrap();
    assert_eq!(decoded.events.len(), 1);
    let event = &decoded.events[0];
    assert_eq!((event.event_time, event.received_at), (now(), now()));
    assert_eq!(event.changes.as_slice(), [found(Slot::Mme, whoever())]);
    assert_eq!(result(&answered(&octets, Some(true))), (Some(2001), None));
}

#[test]
fn a_push_of_reachability_uses_its_subscription_up_and_one_of_a_state_does_not() {
    let used_up = |members: &str| {
        let octets = push(sh_data(members).as_bytes());
        let pending = PendingAnswer::new(
            &Message::decode(&octets).unwrap(),
            read(&octets, Some(true)).unwrap().reply,
        );
        pending.used_up().map(SubscriberIdentifiers::strongest)
    };
    let number = Identifier::Msisdn(Msisdn::parse(NUMBER).unwrap());
    assert_eq!(used_up(REACHABLE), Some(number));
    assert_eq!(
        used_up("<Sh-IMS-Data><IMSUserState>0</IMSUserState></Sh-IMS-Data>"),
        None
    );
}

#[test]
fn an_answer_carries_what_every_message_of_sh_must() {
    for (subscribed, results) in [(true, "Result-Code"), (false, "Experimental-Result")] {
        let octets = push(sh_data(REACHABLE).as_bytes());
        let answer = answered(&octets, Some(subscribed));
        assert_eq!(
            names(&answer),
            [
                "Session-Id",
                "Vendor-Specific-Application-Id",
                results,
                "Auth-Session-State",
                "Origin-Host",
                "Origin-Realm"
            ]
        );
        let header = *Message::decode(&answer).unwrap().header();
        assert_eq!((header.flags.0, header.command), (0x40, 309));
    }
}

#[test]
fn a_push_that_nobody_asked_for_is_refused_with_5107_whatever_its_data_are() {
    for user_data in [sh_data(REACHABLE), sh_data(""), "<Sh-Data".to_owned()] {
        let octets = push(user_data.as_bytes());
        assert!(read(&octets, Some(false)).unwrap().events.is_empty());
        assert_eq!(result(&answered(&octets, Some(false))), (None, Some(5107)));
    }
}

#[test]
fn while_it_cannot_be_told_who_was_asked_for_the_hss_keeps_its_subscription() {
    let defect = read(&push(sh_data(REACHABLE).as_bytes()), None).unwrap_err();
    assert_eq!(defect, Defect::new(ResultCode::UNABLE_TO_COMPLY));
}

#[test]
fn a_push_of_nothing_that_matters_is_taken_all_the_same() {
    for members in ["", "<Sh-IMS-Data><IMSUserState>3</IMSUserState></Sh-IMS-Data>"] {
        let octets = push(sh_data(members).as_bytes());
        assert!(read(&octets, Some(true)).unwrap().events.is_empty());
        assert_eq!(result(&answered(&octets, Some(true))), (Some(2001), None));
    }
}

#[test]
fn more_data_than_can_be_taken_gets_5008() {
    for user_data in [
        vec![b' '; 70_000],
        sh_data(&"<a>".repeat(100)).into_bytes(),
        sh_data(&"<a/>".repeat(5000)).into_bytes(),
    ] {
        let octets = push(&user_data);
        assert!(read(&octets, Some(true)).unwrap().events.is_empty());
        assert_eq!(result(&answered(&octets, Some(true))), (None, Some(5008)));
    }
}

#[test]
fn data_that_are_not_sound_are_blamed_and_never_with_5001() {
    for user_data in [
        &b""[..],
        b"<Sh-Data>",
        b"\xff\xfe<\0",
        b"<Other/>",
        b"<!DOCTYPE a><Sh-Data/>",
        b"<Sh-Data><EPSUserState>9</EPSUserState></Sh-Data>",
    ] {
        let defect = read(&push(user_data), Some(true)).unwrap_err();
        assert_eq!((defect.result_code.0, defect.avp()), (5004, Some((702, 10415))));
    }
}

#[test]
fn each_required_avp_is_missed() {
    let whole = push(sh_data(REACHABLE).as_bytes());
    let message = Message::decode(&whole).unwrap();
    for def in sh::PUSH_NOTIFICATION.required.iter().copied().flatten() {
        let mut out = BytesMut::new();
        let mut request =
            MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 309, sh::APPLICATION, 7, 9);
        for avp in message.avps().filter(|avp| !avp.is(def)) {
            request.raw(&avp);
        }
        request.finish();
        let defect = read(&out, Some(true)).unwrap_err();
        assert_eq!(
            (defect.result_code.0, defect.avp()),
            (5005, Some((def.code, def.vendor))),
            "{}",
            def.name
        );
    }
}

#[test]
fn what_may_occur_once_may_not_occur_again() {
    let check = |def: &AvpDef| {
        let octets = bare(|request| {
            by_number(request);
            request.avp_utf8(&tgpp::USER_DATA, &sh_data(REACHABLE));
            for avp in Message::decode(&push(sh_data(REACHABLE).as_bytes()))
                .unwrap()
                .find_all(def)
            {
                request.raw(&avp);
            }
        });
        read(&octets, Some(true)).unwrap_err().result_code.0
    };
    for def in sh::PUSH_NOTIFICATION.required.iter().copied().flatten() {
        assert_eq!(check(def), 5009, "{}", def.name);
    }
}

#[test]
fn no_other_command_of_sh_is_taken() {
    for command in [306, 307, 308, 310] {
        let mut out = BytesMut::new();
        MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, command, sh::APPLICATION, 7, 9).finish();
        let defect = read(&out, Some(true)).unwrap_err();
        assert_eq!(defect.result_code, ResultCode::COMMAND_UNSUPPORTED, "{command}");
    }
}

#[test]
fn features_and_wildcards_beside_change_nothing() {
    let octets = bare(|request| {
        by_number(request);
        request
            .avp_utf8(&tgpp::USER_DATA, &sh_data(REACHABLE))
            .avp_utf8(&tgpp::WILDCARDED_PUBLIC_IDENTITY, "sip:!.*!@ims.example")
            .avp_octets(&tgpp::SUPPORTED_FEATURES, &[])
            .avp_octets(&tgpp::SUPPORTED_FEATURES, &[])
            .avp_utf8(&base::ROUTE_RECORD, "dra.example");
    });
    assert_eq!(read(&octets, Some(true)).unwrap().events.len(), 1);
    // The flags of User-Data are no reason to refuse it.
    let mut without_m = push(sh_data(REACHABLE).as_bytes());
    let place = without_m
        .windows(4)
        .position(|window| window == 702u32.to_be_bytes())
        .unwrap();
    without_m[place + 4] = AvpFlags::VENDOR.0;
    assert_eq!(read(&without_m, Some(true)).unwrap().events.len(), 1);
}
