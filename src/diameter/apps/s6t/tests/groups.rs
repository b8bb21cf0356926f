//! Reports on the members of a group.

use super::*;

/// "Group-Report: {SCEF-Reference-ID} … *[Group-Report-Item]": one event for each.
#[test]
fn every_item_of_a_group_report_is_an_event_of_its_own() {
    let octets = request(From::Hss, |message| {
        message.group(&tgpp::GROUP_REPORT, |group| {
            group.avp_u32(&tgpp::SCEF_REFERENCE_ID, GROUP_SMS);
            for member in 0..3 {
                group.group(&tgpp::GROUP_REPORT_ITEM, |item| {
                    match member {
                        0 => user(item, Some("99911111"), None),
                        1 => user(item, None, Some("meter@iot.example")),
                        _ => user(item, Some("99922222"), Some("other@iot.example")),
                    }
                    item.avp_u32(&tgpp::MONITORING_TYPE, 1)
                        .avp_u32(&tgpp::REACHABILITY_INFORMATION, 0);
                });
            }
        });
    });
    let decoded = read(&octets).unwrap();
    let who: Vec<_> = decoded
        .events
        .iter()
        .map(|event| {
            assert_eq!(event.changes.as_slice(), [reachable(Slot::AnySms, "*")]);
            event.subscriber.clone()
        })
        .collect();
    let both = number("99922222").or(&external("other@iot.example"));
    assert_eq!(who, [number("99911111"), external("meter@iot.example"), both]);
    assert_eq!(decoded.reply.notices(), [Notice::Reported(GROUP_SMS.into())]);
}

/// A member of a group is told by the User-Identifier of the request.
#[test]
fn a_serving_node_names_the_member_that_it_reports_on() {
    let octets = request(From::Node(MME), |message| {
        user(message, Some("99911111"), None);
        report(message, GROUP_LOSS, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 0)
                .avp_u32(&tgpp::LOSS_OF_CONNECTIVITY_REASON, 0);
        });
    });
    let decoded = read(&octets).unwrap();
    assert_eq!(decoded.events[0].subscriber, number("99911111"));
    assert_eq!(decoded.events[0].changes[0], unreachable(Slot::Mme, MME));
}

#[test]
fn a_report_that_names_no_member_is_refused() {
    let nobody = request(From::Node(MME), |message| report(message, GROUP_LOSS, |_| {}));
    let defect = read(&nobody).unwrap_err();
    assert_eq!((defect.result_code.0, defect.avp()), (5005, Some((3102, 10415))));
    let nobody = request(From::Hss, |message| {
        message.group(&tgpp::GROUP_REPORT, |group| {
            group.avp_u32(&tgpp::SCEF_REFERENCE_ID, GROUP_SMS);
            group.group(&tgpp::GROUP_REPORT_ITEM, |item| {
                item.avp_u32(&tgpp::REACHABILITY_INFORMATION, 0);
            });
        });
    });
    let defect = read(&nobody).unwrap_err();
    assert_eq!((defect.result_code.0, defect.avp()), (5005, Some((3102, 10415))));
}

/// The group's own identifier is no member.
#[test]
fn the_name_of_a_group_is_not_taken_for_a_subscriber() {
    let octets = request(From::Hss, |message| {
        message.group(&tgpp::USER_IDENTIFIER, |group| {
            group
                .avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, "meters@iot.example")
                .avp_u32(&tgpp::TYPE_OF_EXTERNAL_IDENTIFIER, 1);
        });
        report(message, GROUP_LOSS, |report| {
            report.avp_u32(&tgpp::EVENT_HANDLING, 2);
        });
    });
    let decoded = read(&octets).unwrap();
    assert!(decoded.events.is_empty());
    assert_eq!(decoded.reply.notices(), [Notice::Cancelled(GROUP_LOSS.into())]);
}
