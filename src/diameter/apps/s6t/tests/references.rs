//! Whose a report is: by its reference, by User-Identifier beside it, and not by references of others.

use super::*;

fn reachable_report(message: &mut MessageBuilder<'_>, reference: u32) {
    report(message, reference, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 1)
            .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
    });
}

#[test]
fn a_request_may_carry_several_reports_of_several_references() {
    let octets = request(From::Node(MME), |message| {
        report(message, LOSS, |report| {
            report.avp_u32(&tgpp::LOSS_OF_CONNECTIVITY_REASON, 4);
        });
        reachable_report(message, DATA);
        user(message, Some("99911111"), None);
        report(message, GROUP_LOSS, |report| {
            report.avp_u32(&tgpp::LOSS_OF_CONNECTIVITY_REASON, 0);
        });
    });
    let decoded = read(&octets).unwrap();
    let who: Vec<_> = decoded
        .events
        .iter()
        .map(|event| event.subscriber.msisdn())
        .collect();
    let ours = Msisdn::parse(NUMBER).ok();
    assert_eq!(who, [ours, ours, Msisdn::parse("99911111").ok()]);
    assert_eq!(
        kinds(&decoded),
        [ReportKind::Loss, ReportKind::Data, ReportKind::Loss]
    );
}

/// "With Extended-Reference-IDs negotiated, the mandatory 32-bit id is present but its value is to be ignored."
#[test]
fn an_extended_reference_counts_in_place_of_the_short_one() {
    let extended = |short, long| {
        let octets = request(From::Node(MME), |message| {
            message.group(&tgpp::MONITORING_EVENT_REPORT, |group| {
                group
                    .avp_u32(&tgpp::SCEF_REFERENCE_ID, short)
                    .avp_u64(&tgpp::SCEF_REFERENCE_ID_EXT, long)
                    .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
            });
        });
        read(&octets).unwrap().events.len()
    };
    assert_eq!(extended(999, u64::from(DATA)), 1);
    assert_eq!(extended(DATA, 1 << 40), 0);
}

/// "report for a reference id that was just replaced … answer success", and one that was ended by the operator.
#[test]
fn a_late_report_under_an_ended_reference_is_no_error_and_no_event() {
    let octets = request(From::Node(MME), |message| reachable_report(message, ENDED));
    let decoded = read(&octets).unwrap();
    assert!(decoded.events.is_empty());
    assert_eq!(
        decoded.reply,
        read(&request(From::Node(MME), |_| {})).unwrap().reply
    );
}

/// What a User-Identifier adds to the identifier that was asked by is bound to it; it does not replace it.
#[test]
fn identifiers_beside_a_reference_are_bound_and_do_not_contradict() {
    let octets = request(From::Node(MME), |message| {
        user(message, Some("99900000"), Some("meter@iot.example"));
        reachable_report(message, DATA);
    });
    let decoded = read(&octets).unwrap();
    assert_eq!(
        decoded.events[0].subscriber,
        number(NUMBER).or(&external("meter@iot.example"))
    );
}

/// SCEF-ID belongs to the key: "the key for reports is (SCEF-ID, SCEF-Reference-ID)".
#[test]
fn the_same_number_of_another_scef_is_unknown() {
    let octets = request(From::Node(MME), |message| {
        message.group(&tgpp::MONITORING_EVENT_REPORT, |group| {
            group
                .avp_u32(&tgpp::SCEF_REFERENCE_ID, DATA)
                .avp_utf8(&tgpp::SCEF_ID, "other.example")
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
        });
    });
    assert!(read(&octets).unwrap().events.is_empty());
    let same = request(From::Node(MME), |message| {
        message.group(&tgpp::MONITORING_EVENT_REPORT, |group| {
            group
                .avp_u32(&tgpp::SCEF_REFERENCE_ID, DATA)
                .avp_utf8(&tgpp::SCEF_ID, "REACHD.example")
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
        });
    });
    assert_eq!(read(&same).unwrap().events.len(), 1);
}

/// A copy of what was sent to another SCEF: its references happen to be numbers of ours.
#[test]
fn a_copy_of_a_report_to_another_scef_is_read_by_its_user_identifier_alone() {
    let copy = |with_user: bool| {
        let mut out = BytesMut::new();
        let flags = CommandFlags::PROXIABLE;
        let mut message = MessageBuilder::request(&mut out, flags, 8_388_719, t6a::APPLICATION, 7, 9);
        message
            .avp_utf8(&base::SESSION_ID, "some.example;1;2")
            .avp_i32(&base::AUTH_SESSION_STATE, 1)
            .avp_utf8(&base::ORIGIN_HOST, MME)
            .avp_utf8(&base::ORIGIN_REALM, "epc.example")
            .avp_utf8(&base::DESTINATION_HOST, "other.example")
            .avp_utf8(&base::DESTINATION_REALM, "example");
        if with_user {
            user(&mut message, Some("99977777"), None);
        }
        reachable_report(&mut message, DATA);
        message.finish();
        read(&out).unwrap()
    };
    let read = copy(true);
    assert_eq!(read.events[0].subscriber, number("99977777"));
    assert_eq!(read.events[0].changes.as_slice(), [reachable(Slot::Mme, MME)]);
    assert_eq!(read.reply.notices(), []);
    assert!(copy(false).events.is_empty());
}
