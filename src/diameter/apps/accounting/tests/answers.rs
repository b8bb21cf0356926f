//! What a record is answered.

use super::*;
use crate::diameter::apps::{PendingAnswer, Verdict};
use crate::diameter::codec::{LocalIdentity, ResultCode, answer_error};
use crate::domain::Outcome;

fn identity() -> LocalIdentity {
    LocalIdentity {
        origin_host: "reachd.example".into(),
        origin_realm: "example".into(),
    }
}

/// Flags and AVPs of an answer.
fn taken_apart(octets: &[u8]) -> (u8, Vec<(u32, Vec<u8>)>) {
    let answer = Message::decode(octets).unwrap();
    let header = answer.header();
    assert_eq!((header.command, header.application), (271, 3));
    assert_eq!((header.hop_by_hop, header.end_to_end), (7, 9));
    let avps = answer.avps().map(|avp| (avp.code, avp.data.to_vec())).collect();
    (header.flags.0, avps)
}

fn answered(octets: &[u8], verdict: impl FnOnce(&PendingAnswer) -> Verdict) -> (u8, Vec<(u32, Vec<u8>)>) {
    let request = Message::decode(octets).unwrap();
    let decoded = decode(&request, now(), &TERMS).unwrap();
    let pending = PendingAnswer::new(&request, decoded.reply);
    let mut out = BytesMut::new();
    let verdict = verdict(&pending);
    pending.write(&mut out, verdict, &identity());
    taken_apart(&out)
}

fn number(value: u32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

fn aca(result: u32, record_type: u32) -> Vec<(u32, Vec<u8>)> {
    vec![
        (263, SESSION.as_bytes().to_vec()),
        (268, number(result)),
        (264, b"reachd.example".to_vec()),
        (296, b"example".to_vec()),
        (480, number(record_type)),
        (485, number(5)),
        (259, number(3)),
    ]
}

/// "ACA | 2001 + same Accounting-Record-Type and -Number, Acct-Application-Id 3", and no Auth-Session-State.
#[test]
fn the_answer_repeats_type_and_number() {
    for (kind, record_type) in [(EVENT, 1), (START, 2), (INTERIM, 3), (STOP, 4)] {
        let octets = record(kind, |request| {
            request.avp_u32(&base::ACCT_APPLICATION_ID, 3);
        });
        let answer = answered(&octets, |pending| pending.verdict(Some(Outcome::Applied.into())));
        assert_eq!(answer, (0x40, aca(2001, record_type)));
    }
    // "answer 2001 to INTERIM and STOP of unknown sessions"
    let stop = record(STOP, |_| {});
    let answer = answered(&stop, |pending| pending.verdict(Some(Outcome::NotHolder.into())));
    assert_eq!(answer, (0x40, aca(2001, 4)));
}

/// "when the event cannot be stored: 4002 (client keeps and retries)", never 3004 or 5012, which would send the client
/// elsewhere or make it throw the record away.
#[test]
fn a_record_that_cannot_be_kept_is_the_client_s_to_keep() {
    let octets = record(START, |_| {});
    for code in [ResultCode::TOO_BUSY, ResultCode::UNABLE_TO_COMPLY] {
        let answer = answered(&octets, |pending| pending.refusal(code));
        assert_eq!(answer, (0x40, aca(4002, 2)));
    }
}

#[test]
fn an_error_answer_repeats_what_the_answer_s_form_requires() {
    let octets = record(START, |request| {
        request
            .avp_u32(&base::ACCT_APPLICATION_ID, 3)
            .avp_octets(&base::FRAMED_IP_ADDRESS, &[1]);
    });
    let request = Message::decode(&octets).unwrap();
    let defect = decode(&request, now(), &TERMS).unwrap_err();
    let mut out = BytesMut::new();
    answer_error(&mut out, &request, &identity(), &defect, None);
    let (flags, avps) = taken_apart(&out);
    let codes: Vec<u32> = avps.iter().map(|(code, _)| *code).collect();
    assert_eq!(
        (flags, codes),
        (0x40, vec![263, 480, 485, 259, 268, 264, 296, 279])
    );
    assert_eq!(avps[1].1, number(2));
}

#[test]
fn other_commands_and_applications_are_refused() {
    let code = |place: usize, octet: u8| {
        let mut octets = record(START, |_| {});
        octets[place] = octet;
        read(&octets).unwrap_err().result_code.0
    };
    assert_eq!(code(7, 0x10), 3001);
    assert_eq!(code(11, 4), 3007);
}
