//! What is answered.

use super::*;
use crate::diameter::apps::PendingAnswer;
use crate::diameter::codec::LocalIdentity;
use crate::domain::Outcome;

fn answered(octets: &[u8], terms: &Terms) -> Vec<(u32, Vec<u8>)> {
    let request = Message::decode(octets).unwrap();
    let decoded = decode(&request, now(), terms).unwrap();
    let pending = PendingAnswer::new(&request, decoded.reply);
    let mut out = BytesMut::new();
    let identity = LocalIdentity {
        origin_host: "reachd.example".into(),
        origin_realm: "example".into(),
    };
    let verdict = pending.verdict(Some(Outcome::Applied.into()));
    pending.write(&mut out, verdict, &identity);
    let answer = Message::decode(&out).unwrap();
    answer.avps().map(|avp| (avp.code, avp.data.to_vec())).collect()
}

/// "ALA 2001, none needed"; and for copies, whose answers nobody reads, RDA and SRA.
#[test]
fn every_answer_is_the_result_alone() {
    let number = |value: u32| value.to_be_bytes().to_vec();
    let expected = vec![
        (263, b"some.example;1;2".to_vec()),
        (268, number(2001)),
        (277, number(1)),
        (264, b"reachd.example".to_vec()),
        (296, b"example".to_vec()),
    ];
    let alr = request(&s6c::ALERT_SERVICE_CENTRE, |_| {});
    assert_eq!(answered(&alr, &COPIES), expected);
    assert_eq!(answered(&alr, &ADDRESSED), expected);
    let rdr = request(&s6c::REPORT_SM_DELIVERY_STATUS, |request| {
        request.group(&tgpp::SM_DELIVERY_OUTCOME, |_| {});
    });
    assert_eq!(answered(&rdr, &COPIES), expected);
    assert_eq!(
        answered(&bare(&s6c::SEND_ROUTING_INFO_FOR_SM, |_| {}), &COPIES),
        expected
    );
}

/// "RDA, SRA | HSS role only": whoever takes this node for an HSS is told so, and can try a real one.
#[test]
fn a_node_that_is_no_hss_does_not_answer_for_one() {
    let rdr = request(&s6c::REPORT_SM_DELIVERY_STATUS, |request| {
        request.group(&tgpp::SM_DELIVERY_OUTCOME, |_| {});
    });
    for octets in [rdr, bare(&s6c::SEND_ROUTING_INFO_FOR_SM, |_| {})] {
        let defect = decode(&Message::decode(&octets).unwrap(), now(), &ADDRESSED).unwrap_err();
        assert_eq!(defect.result_code.0, 3001);
    }
}

/// An SRR tells that somebody wants to send a message.
#[test]
fn a_question_is_no_event() {
    let srr = bare(&s6c::SEND_ROUTING_INFO_FOR_SM, |request| {
        request.avp_tbcd(&tgpp::MSISDN, NUMBER);
    });
    assert_eq!(event(&srr), None);
}

#[test]
fn other_commands_and_applications_are_refused() {
    let sound = request(&s6c::ALERT_SERVICE_CENTRE, |_| {});
    let code = |place: usize, octet: u8| {
        let mut octets = sound.clone();
        octets[place] = octet;
        read(&octets).unwrap_err().result_code.0
    };
    // MT-Forward-Short-Message belongs to SGd.
    assert_eq!(code(7, 0x26), 3001);
    assert_eq!(code(11, 0), 3007);
    let without_user = bare(&s6c::ALERT_SERVICE_CENTRE, |_| {});
    let defect = read(&without_user).unwrap_err();
    assert_eq!((defect.result_code.0, defect.avp()), (5005, Some((3102, 10415))));
}
