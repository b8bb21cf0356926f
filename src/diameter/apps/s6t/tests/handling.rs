//! What reports say of their own configuration. None of it is an event: while nothing is watched nothing is learnt, and
//! what was known stands with its time.

use super::*;
use crate::diameter::apps::Answered;
use crate::diameter::codec::{ExperimentalResult, ResultCode};

fn handled(reference: u32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<Notice> {
    let octets = request(From::Hss, |message| report(message, reference, write));
    let decoded = read(&octets).unwrap();
    assert!(decoded.events.is_empty());
    assert_eq!(kinds(&decoded), [ReportKind::Handling]);
    decoded.reply.notices().to_vec()
}

fn event_handling(value: u32) -> Vec<Notice> {
    handled(LOSS, |report| {
        // A cancelled loss of connectivity is no loss of connectivity.
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 0)
            .avp_u32(&tgpp::EVENT_HANDLING, value);
    })
}

/// "Event-Handling 0 SUSPEND: all reported by that reference: unknown (monitoring not active)"
#[test]
fn a_suspended_configuration_is_noted() {
    assert_eq!(event_handling(0), [Notice::Suspended(LOSS.into())]);
}

/// "Event-Handling 1 RESUME: none; wait for a report"
#[test]
fn a_resumed_configuration_is_noted() {
    assert_eq!(event_handling(1), [Notice::Resumed(LOSS.into())]);
}

/// "Event-Handling 2 CANCEL, RIR-Flags bit 1: reference gone; unknown; re-create if still authorised"
#[test]
fn a_cancelled_configuration_is_noted() {
    assert_eq!(event_handling(2), [Notice::Cancelled(LOSS.into())]);
    let octets = request(From::Hss, |message| {
        user(message, Some(NUMBER), None);
        message.avp_u32(&tgpp::RIR_FLAGS, 1 << 1);
    });
    assert_eq!(notices(&octets), [Notice::AllCancelled(number(NUMBER))]);
    assert!(read(&octets).unwrap().events.is_empty());
}

/// "SCEF-Reference-ID-for-Deletion inside a report: that reference was overwritten"
#[test]
fn an_overwritten_configuration_is_gone() {
    let gone = handled(DATA, |report| {
        report.avp_u32(&tgpp::SCEF_REFERENCE_ID_FOR_DELETION, LOSS);
    });
    assert_eq!(gone, [Notice::Cancelled(LOSS.into())]);
    // Beside something to report.
    let octets = request(From::Node(MME), |message| {
        report(message, DATA, |report| {
            report
                .avp_u32(&tgpp::SCEF_REFERENCE_ID_FOR_DELETION, LOSS)
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
        });
    });
    let decoded = read(&octets).unwrap();
    assert_eq!(decoded.events[0].changes.as_slice(), [reachable(Slot::Mme, MME)]);
    assert_eq!(decoded.reply.notices(), [Notice::Cancelled(LOSS.into())]);
}

/// A node that cannot watch tells so in a report: no loss of connectivity either.
#[test]
fn a_configuration_that_a_node_refuses_is_noted() {
    let service_report = |message: &mut MessageBuilder<'_>, vendor: Option<u32>, code: u32| {
        message.group(&tgpp::SERVICE_REPORT, |service| {
            service.group(&tgpp::SERVICE_RESULT, |result| {
                if let Some(vendor) = vendor {
                    result.avp_u32(&base::VENDOR_ID, vendor);
                }
                result.avp_u32(&tgpp::SERVICE_RESULT_CODE, code);
            });
        });
    };
    let refused = handled(LOSS, |report| {
        report.avp_u32(&tgpp::MONITORING_TYPE, 0);
        service_report(report, Some(10415), 5511);
    });
    let result = ExperimentalResult {
        vendor: 10415,
        code: 5511,
    };
    assert_eq!(
        refused,
        [Notice::Refused(LOSS.into(), Answered::Experimental(result))]
    );
    let refused = handled(LOSS, |report| service_report(report, None, 5006));
    assert_eq!(
        refused,
        [Notice::Refused(LOSS.into(), Answered::Base(ResultCode(5006)))]
    );
    // One node has success: it is watched.
    let taken = handled(LOSS, |report| {
        service_report(report, None, 5006);
        service_report(report, None, 2001);
    });
    assert_eq!(taken, []);
}

/// "RIR-Flags bit 2 authorised events changed"
#[test]
fn what_was_refused_may_be_allowed_once_authorisations_changed() {
    let octets = request(From::Hss, |message| {
        user(message, None, Some("meter@iot.example"));
        message.avp_u32(&tgpp::RIR_FLAGS, 1 << 2);
    });
    assert_eq!(
        notices(&octets),
        [Notice::AuthorisationChanged(external("meter@iot.example"))]
    );
}

/// "HSS/UDM restart (… Origin-State-Id up …): re-create own subscriptions"
#[test]
fn the_state_of_an_hss_is_passed_on_and_that_of_a_serving_node_is_not() {
    let with_state = |from, state| {
        notices(&request(from, |message| {
            message.avp_u32(&base::ORIGIN_STATE_ID, state);
        }))
    };
    let host = node(HSS);
    assert_eq!(with_state(From::Hss, 7), [Notice::State { host, state: 7 }]);
    assert_eq!(with_state(From::Hss, 0), [], "0 wants no inference drawn");
    assert_eq!(with_state(From::Node(MME), 7), []);
}

#[test]
fn a_report_of_a_configuration_that_stays_asks_for_nothing() {
    let octets = request(From::Node(MME), |message| report(message, DATA, |_| {}));
    assert_eq!(notices(&octets), []);
}
