//! Reports of an HSS on S6t. "S6t reports come from the HSS and carry no serving node": they are true of whoever serves
//! the subscriber.

use super::*;

/// "Type 1, Reachability-Information 0 (S6t): unknown slot: reachable (SMS); one-shot, subscribe again"
#[test]
fn a_device_that_can_be_reached_for_sms_is_reachable_by_a_path_that_is_not_told() {
    let octets = request(From::Hss, |message| {
        report(message, SMS, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 1)
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 0)
                .avp_time(&tgpp::MAXIMUM_UE_AVAILABILITY_TIME, NOW_UNIX + 30);
        });
    });
    let decoded = read(&octets).unwrap();
    assert_eq!(
        decoded.events[0].changes.as_slice(),
        [reachable_until(Slot::AnySms, "*", NOW_UNIX + 30)]
    );
    assert_eq!(kinds(&decoded), [ReportKind::Sms]);
    assert_eq!(decoded.reply.notices(), [Notice::Reported(SMS.into())]);
    // Without Reachability-Information it is what was asked.
    assert_eq!(
        changes(From::Hss, SMS, |report| {
            report.avp_u32(&tgpp::MONITORING_TYPE, 1);
        }),
        [reachable(Slot::AnySms, "*")]
    );
}

/// An immediate report on what a node told the HSS.
#[test]
fn what_an_hss_relays_for_data_is_true_of_whoever_serves_the_device() {
    let written = changes(From::Hss, DATA, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 1)
            .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
    });
    assert_eq!(written, [reachable(Slot::Mme, "*")]);
}

#[test]
fn a_loss_that_an_hss_relays_is_of_whoever_serves_the_half_that_it_names() {
    let lost = |reason| {
        changes(From::Hss, LOSS, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 0)
                .avp_u32(&tgpp::LOSS_OF_CONNECTIVITY_REASON, reason);
        })
    };
    let any = unreachable(Slot::AnySms, "*");
    for reason in [0, 2] {
        assert_eq!(
            lost(reason),
            [
                unreachable(Slot::Mme, "*"),
                unreachable(Slot::MmeSms, "*"),
                any.clone()
            ]
        );
    }
    for reason in [1, 3] {
        assert_eq!(
            lost(reason),
            [
                unreachable(Slot::Sgsn, "*"),
                unreachable(Slot::SgsnSms, "*"),
                any.clone()
            ]
        );
    }
    let cleared = |slot| Change::Cleared { slot };
    assert_eq!(lost(4), [cleared(Slot::Mme), cleared(Slot::MmeSms), any.clone()]);
    assert_eq!(lost(5), [cleared(Slot::Sgsn), cleared(Slot::SgsnSms), any]);
}

/// "Type 4 roaming: Visited-PLMN-Id, roaming flag; proves a fresh registration"
#[test]
fn a_change_of_the_visited_network_proves_a_registration() {
    let written = changes(From::Hss, DATA, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 4)
            .avp_u32(&tgpp::ROAMING_INFORMATION, 0)
            .avp_octets(&tgpp::VISITED_PLMN_ID, &[0x99, 0xf9, 0x10]);
    });
    assert_eq!(written, [reachable(Slot::Mme, "*")]);
}

/// "Type 3: device change"
#[test]
fn a_changed_device_is_no_news_about_reachability() {
    let written = changes(From::Hss, DATA, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 3)
            .avp_u32(&tgpp::IMEI_CHANGE, 1)
            .group(&tgpp::TERMINAL_INFORMATION, |_| {});
    });
    assert_eq!(written, []);
}
