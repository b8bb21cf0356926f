//! What an HSS made of what was asked.

use super::*;
use crate::diameter::apps::Answered;
use crate::diameter::apps::s6t::cia::{Answer, Judgement};
use crate::diameter::codec::{ExperimentalResult, ResultCode};

pub(super) fn answer(write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    let mut asked = BytesMut::new();
    let flags = CommandFlags::PROXIABLE;
    MessageBuilder::request(&mut asked, flags, 8_388_718, s6t::APPLICATION, 7, 9).finish();
    let header = *Message::decode(&asked).unwrap().header();
    let mut out = BytesMut::new();
    let mut answer = MessageBuilder::answer(&mut out, &header, false);
    answer
        .avp_utf8(&base::SESSION_ID, "some.example;1;2")
        .avp_utf8(&base::ORIGIN_HOST, HSS)
        .avp_utf8(&base::ORIGIN_REALM, "epc.example");
    write(&mut answer);
    answer.finish();
    out
}

fn read_answer(octets: &[u8]) -> Result<Answer, Defect> {
    Answer::read(&Message::decode(octets).unwrap(), now(), now(), &world())
}

fn base_result(code: u32) -> Answered {
    Answered::Base(ResultCode(code))
}

fn experimental(code: u32) -> Answered {
    Answered::Experimental(ExperimentalResult { vendor: 10415, code })
}

pub(super) fn write_experimental(message: &mut MessageBuilder<'_>, code: u32) {
    message.group(&base::EXPERIMENTAL_RESULT, |group| {
        group
            .avp_u32(&base::VENDOR_ID, 10415)
            .avp_u32(&base::EXPERIMENTAL_RESULT_CODE, code);
    });
}

fn status(message: &mut MessageBuilder<'_>, reference: u32, vendor: Option<u32>, code: u32) {
    message.group(&tgpp::MONITORING_EVENT_CONFIG_STATUS, |status| {
        status.group(&tgpp::SERVICE_REPORT, |service| {
            service
                .group(&tgpp::SERVICE_RESULT, |result| {
                    if let Some(vendor) = vendor {
                        result.avp_u32(&base::VENDOR_ID, vendor);
                    }
                    result.avp_u32(&tgpp::SERVICE_RESULT_CODE, code);
                })
                .avp_u32(&tgpp::NODE_TYPE, 0);
        });
        status
            .avp_u32(&tgpp::SCEF_REFERENCE_ID, reference)
            .avp_utf8(&tgpp::SCEF_ID, SCEF);
    });
}

/// "TS 29.336 words success as an Experimental-Result of value DIAMETER_SUCCESS; send Result-Code 2001 and accept either."
#[test]
fn success_comes_in_two_forms() {
    let plain = answer(|answer| {
        answer.avp_u32(&base::RESULT_CODE, 2001);
    });
    let odd = answer(|answer| write_experimental(answer, 2001));
    for (octets, result) in [(plain, base_result(2001)), (odd, experimental(2001))] {
        let read = read_answer(&octets).unwrap();
        assert_eq!(read.result, result);
        assert_eq!(Judgement::of(result), Judgement::Done);
        assert!(read.refused.is_empty() && read.events.is_empty() && read.notices.is_empty());
    }
}

/// "One CIA mixes successes and failures: top Result-Code 2001, details per reference in Monitoring-Event-Config-Status →
/// Service-Report → Service-Result. Absent status for a reference = accepted."
#[test]
fn references_are_refused_one_by_one() {
    let octets = answer(|answer| {
        answer.avp_u32(&base::RESULT_CODE, 2001);
        status(answer, LOSS, Some(10415), 5510);
        status(answer, SMS, None, 5006);
        status(answer, 4, None, 2001);
    });
    let read = read_answer(&octets).unwrap();
    assert_eq!(
        read.refused.as_slice(),
        [(LOSS, experimental(5510)), (SMS, base_result(5006))]
    );
}

#[test]
fn results_are_judged_by_whether_they_can_change() {
    use Judgement::{Done, NothingThere, Permanent, Transient};
    for (result, judgement) in [
        (base_result(2001), Done),
        (base_result(2002), Done),
        (experimental(5514), NothingThere),
        // "back-off on transient errors (3004, 5012, 5513 …)", "Result-Code 5006 inside a config status = node out of
        // monitoring resources"
        (base_result(3002), Transient),
        (base_result(3004), Transient),
        (base_result(3007), Transient),
        (base_result(4001), Transient),
        (base_result(5006), Transient),
        (base_result(5012), Transient),
        (experimental(5513), Transient),
        (experimental(5006), Transient),
        (experimental(4182), Transient),
        // "5001 USER_UNKNOWN · 5510 UNAUTHORIZED_REQUESTING_ENTITY · 5511 UNAUTHORIZED_SERVICE · 5512
        // REQUESTED_RANGE_IS_NOT_ALLOWED · 5516 UNAUTHORIZED_MTC_PROVIDER · 5451 USER_NO_APN_SUBSCRIPTION"
        (experimental(5001), Permanent),
        (experimental(5510), Permanent),
        (experimental(5511), Permanent),
        (experimental(5512), Permanent),
        (experimental(5516), Permanent),
        (experimental(5451), Permanent),
        (base_result(5001), Permanent),
        (base_result(5003), Permanent),
        (base_result(5005), Permanent),
    ] {
        assert_eq!(Judgement::of(result), judgement, "{result:?}");
    }
}

/// "Immediate reports can come inside CIA (relayed from IDA)."
#[test]
fn reports_that_come_with_the_answer_are_events() {
    let octets = answer(|answer| {
        answer
            .avp_u32(&base::RESULT_CODE, 2001)
            .avp_u32(&base::ORIGIN_STATE_ID, 5);
        user(answer, Some(NUMBER), None);
        report(answer, DATA, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 1)
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
        });
        report(answer, SMS, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 1)
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 0);
        });
        // A reference that nobody knows is nobody's business here.
        report(answer, 999, |_| {});
    });
    let read = read_answer(&octets).unwrap();
    let changes: Vec<_> = read.events.iter().map(|event| event.changes.to_vec()).collect();
    assert_eq!(
        changes,
        [
            vec![reachable(Slot::Mme, "*")],
            vec![reachable(Slot::AnySms, "*")]
        ]
    );
    let host = node(HSS);
    assert_eq!(
        read.notices,
        [Notice::Reported(SMS.into()), Notice::State { host, state: 5 }]
    );
}

#[test]
fn an_answer_without_a_result_or_with_a_nameless_status_has_failed() {
    let code = |octets: &[u8]| read_answer(octets).unwrap_err().result_code.0;
    assert_eq!(code(&answer(|_| {})), 5005);
    let nameless = answer(|answer| {
        answer
            .avp_u32(&base::RESULT_CODE, 2001)
            .group(&tgpp::MONITORING_EVENT_CONFIG_STATUS, |_| {});
    });
    assert_eq!(code(&nameless), 5005);
}
