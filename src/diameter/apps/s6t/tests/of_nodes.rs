//! Reports of MMEs and SGSNs on T6a/T6b. The node is the Origin-Host.

use super::*;
use crate::domain::IpChangeKind;

const NODE: From = From::Node(MME);

fn lost(reason: u32) -> Vec<Change> {
    changes(NODE, LOSS, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 0)
            .avp_u32(&tgpp::LOSS_OF_CONNECTIVITY_REASON, reason);
    })
}

/// What the loss of a device that is attached nowhere else takes with it.
fn and_sms_by_any_path(changes: &[Change]) -> Vec<Change> {
    let mut changes = changes.to_vec();
    changes.push(unreachable(Slot::AnySms, "*"));
    changes
}

/// "Type 0, Loss-Of-Connectivity-Reason 0 / 1 (detached): MME / SGSN: unreachable, data and SMS of the slot"
#[test]
fn a_detached_device_is_unreachable_in_the_half_it_was_detached_from() {
    let mme = [unreachable(Slot::Mme, MME), unreachable(Slot::MmeSms, MME)];
    assert_eq!(lost(0), and_sms_by_any_path(&mme));
    let sgsn = [unreachable(Slot::Sgsn, MME), unreachable(Slot::SgsnSms, MME)];
    assert_eq!(lost(1), and_sms_by_any_path(&sgsn));
}

/// "Type 0, reason 2 / 3 (max detection time expired): MME / SGSN: unreachable; UE may be in coverage hole or asleep and
/// still registered"
#[test]
fn a_silent_device_is_unreachable_and_stays_registered() {
    assert_eq!(lost(2), lost(0));
    assert_eq!(lost(3), lost(1));
}

/// "Type 0, reason 4 / 5 (purged): MME / SGSN: deregistered"
#[test]
fn a_purged_device_is_deregistered() {
    let mme = [deregistered(Slot::Mme, MME), deregistered(Slot::MmeSms, MME)];
    assert_eq!(lost(4), and_sms_by_any_path(&mme));
    let sgsn = [deregistered(Slot::Sgsn, MME), deregistered(Slot::SgsnSms, MME)];
    assert_eq!(lost(5), and_sms_by_any_path(&sgsn));
}

/// "Type 0, no reason AVP (older release): slot of Origin-Host: unreachable"
#[test]
fn a_loss_without_a_reason_is_of_whatever_its_node_holds() {
    let both = and_sms_by_any_path(&[
        unreachable(Slot::Mme, MME),
        unreachable(Slot::MmeSms, MME),
        unreachable(Slot::Sgsn, MME),
        unreachable(Slot::SgsnSms, MME),
    ]);
    let without = changes(NODE, LOSS, |report| {
        report.avp_u32(&tgpp::MONITORING_TYPE, 0);
    });
    assert_eq!(without, both);
    // A reason of a later release.
    assert_eq!(lost(6), both);
}

/// "Type 1, Reachability-Information 1: slot of Origin-Host: reachable (data)"
#[test]
fn a_device_that_can_be_reached_for_data_is_reachable_there() {
    let written = changes(NODE, DATA, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 1)
            .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1)
            .avp_u32(&tgpp::REACHABILITY_CAUSE, 1);
    });
    assert_eq!(written, [reachable(Slot::Mme, MME)]);
}

/// "Maximum-UE-Availability-Time = until"
#[test]
fn the_availability_time_ends_what_is_reported_reachable() {
    let until = |unix: i64| {
        changes(NODE, DATA, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 1)
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1)
                .avp_time(&tgpp::MAXIMUM_UE_AVAILABILITY_TIME, unix);
        })
    };
    assert_eq!(
        until(NOW_UNIX + 60),
        [reachable_until(Slot::Mme, MME, NOW_UNIX + 60)]
    );
    // Beyond NTP's first era.
    assert_eq!(
        until(2_100_000_000),
        [reachable_until(Slot::Mme, MME, 2_100_000_000)]
    );
    // Over before it was reported: bounds nothing.
    assert_eq!(until(NOW_UNIX - 1), [reachable(Slot::Mme, MME)]);
}

/// A node that reports reachability for SMS knows by which path.
#[test]
fn a_device_that_can_be_reached_for_sms_is_reachable_through_that_node() {
    let written = changes(NODE, SMS, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 1)
            .avp_u32(&tgpp::REACHABILITY_INFORMATION, 0);
    });
    assert_eq!(written, [reachable(Slot::MmeSms, MME)]);
}

/// "Type 6 availability after DDN failure: slot of Origin-Host: reachable (data)"
#[test]
fn a_device_that_answers_after_a_failed_delivery_is_reachable() {
    for kind in [6, 9] {
        let written = changes(NODE, DATA, |report| {
            report.avp_u32(&tgpp::MONITORING_TYPE, kind);
        });
        assert_eq!(written, [reachable(Slot::Mme, MME)], "{kind}");
    }
    // "Type 8" without Idle-Status-Indication reports what type 1 does.
    let written = changes(NODE, DATA, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 8)
            .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
    });
    assert_eq!(written, [reachable(Slot::Mme, MME)]);
}

fn idle(kind: u32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<Event> {
    events(NODE, DATA, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, kind)
            .group(&tgpp::IDLE_STATUS_INDICATION, write);
    })
}

/// "Type 8 or 9 with Idle-Status-Indication: slot of Origin-Host: went idle at Idle-Status-Timestamp; with Active-Time:
/// until = timestamp + Active-Time (PSM)"
#[test]
fn a_device_that_goes_idle_is_reachable_until_its_active_time_is_over() {
    for kind in [8, 9] {
        let events = idle(kind, |idle| {
            idle.avp_time(&tgpp::IDLE_STATUS_TIMESTAMP, NOW_UNIX - 5)
                .avp_u32(&tgpp::ACTIVE_TIME, 20)
                .avp_u32(&tgpp::SUBSCRIBED_PERIODIC_RAU_TAU_TIMER, 3600);
        });
        assert_eq!(events[0].event_time, at(NOW_UNIX - 5));
        assert_eq!(
            events[0].changes.as_slice(),
            [reachable_until(Slot::Mme, MME, NOW_UNIX + 15)]
        );
    }
    // Asleep at once.
    let events = idle(8, |idle| {
        idle.avp_time(&tgpp::IDLE_STATUS_TIMESTAMP, NOW_UNIX - 5)
            .avp_u32(&tgpp::ACTIVE_TIME, 0);
    });
    assert_eq!(
        events[0].changes.as_slice(),
        [reachable_until(Slot::Mme, MME, NOW_UNIX - 5)]
    );
}

/// "with eDRX-Cycle-Length: reachable with that latency"
#[test]
fn a_device_that_pages_rarely_stays_reachable_and_the_rat_tells_its_half() {
    for (rat, slot) in [
        (1004, Slot::Mme),
        (1005, Slot::Mme),
        (1000, Slot::Sgsn),
        (1001, Slot::Sgsn),
        (0, Slot::Mme),
    ] {
        let events = idle(8, |idle| {
            idle.group(&tgpp::EDRX_CYCLE_LENGTH, |cycle| {
                cycle
                    .avp_i32(&tgpp::RAT_TYPE, rat)
                    .avp_octets(&tgpp::EDRX_CYCLE_LENGTH_VALUE, &[5]);
            });
        });
        assert_eq!(events[0].changes.as_slice(), [reachable(slot, MME)], "{rat}");
        assert_eq!(events[0].event_time, now(), "no time but the receipt");
    }
}

/// Location information of one half tells which half the device is in.
#[test]
fn location_information_tells_the_half() {
    let located = |avp| {
        changes(NODE, DATA, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 1)
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1)
                .group(&tgpp::EPS_LOCATION_INFORMATION, |location| {
                    location.group(avp, |_| {});
                });
        })
    };
    assert_eq!(
        located(&tgpp::MME_LOCATION_INFORMATION),
        [reachable(Slot::Mme, MME)]
    );
    assert_eq!(
        located(&tgpp::SGSN_LOCATION_INFORMATION),
        [reachable(Slot::Sgsn, MME)]
    );
}

/// "Type 10, CREATED / DELETED: SESSION: binding-up / binding-down for APN"
#[test]
fn pdn_connections_are_sessions_by_apn_whichever_node_tells() {
    let told = |from, created: u32| {
        changes(from, DATA, |report| {
            report.avp_u32(&tgpp::MONITORING_TYPE, 10);
            for apn in ["internet", "ims"] {
                report.group(&tgpp::PDN_CONNECTIVITY_STATUS_REPORT, |status| {
                    status
                        .avp_utf8(&base::SERVICE_SELECTION, apn)
                        .avp_u32(&tgpp::PDN_CONNECTIVITY_STATUS_TYPE, created);
                });
            }
        })
    };
    let made = |apn: &str| Change::Registered {
        slot: Slot::Session,
        node: node(&format!("pdn:{apn}")),
        ends: crate::domain::Ends::default(),
    };
    assert_eq!(told(NODE, 0), [made("internet"), made("ims")]);
    assert_eq!(
        told(From::Node("mme-b.epc.example"), 1),
        [
            deregistered(Slot::Session, "pdn:internet"),
            deregistered(Slot::Session, "pdn:ims")
        ]
    );
}

/// "(+ addresses)": Served-Party-IP-Address; "for IPv6 the low 64 bits are normally zero: it is a /64 prefix".
#[test]
fn a_pdn_connection_has_its_addresses_for_as_long_as_it_stands() {
    let told = |created: u32| {
        let events = events(NODE, DATA, |report| {
            report.avp_u32(&tgpp::MONITORING_TYPE, 10).group(
                &tgpp::PDN_CONNECTIVITY_STATUS_REPORT,
                |status| {
                    status
                        .avp_utf8(&base::SERVICE_SELECTION, "internet")
                        .avp_u32(&tgpp::PDN_CONNECTIVITY_STATUS_TYPE, created)
                        .avp_address(&tgpp::SERVED_PARTY_IP_ADDRESS, "192.0.2.7".parse().unwrap())
                        .avp_address(&tgpp::SERVED_PARTY_IP_ADDRESS, "2001:db8::".parse().unwrap())
                        .avp_address(&tgpp::SERVED_PARTY_IP_ADDRESS, "0.0.0.0".parse().unwrap());
                },
            );
        });
        let addresses = events[0].addresses.iter();
        addresses
            .map(|change| (change.address.text(), change.session.clone(), change.kind))
            .collect::<Vec<_>>()
    };
    for (created, kind) in [(0, IpChangeKind::Started), (1, IpChangeKind::Ended)] {
        let of = |text: &str| (text.to_owned(), node("pdn:internet"), kind);
        assert_eq!(told(created), [of("192.0.2.7/32"), of("2001:db8::/64")]);
    }
}

/// "Type 3: device change", "Type 5: communication failure: radio failure evidence, not unreachable", types 2 and 7, and
/// types that do not exist yet.
#[test]
fn reports_of_other_kinds_change_nothing() {
    for kind in [2, 3, 5, 7, 11, u32::MAX] {
        let octets = request(NODE, |message| {
            report(message, DATA, |report| {
                report.avp_u32(&tgpp::MONITORING_TYPE, kind);
            });
        });
        let decoded = read(&octets).unwrap();
        assert!(decoded.events.is_empty(), "{kind}");
        assert_eq!(kinds(&decoded), [ReportKind::Other]);
    }
}

/// Monitoring-Type is optional: what the report holds tells, or else what was asked under its reference.
#[test]
fn a_report_without_a_type_is_told_by_its_content_or_by_what_was_asked() {
    let loss = and_sms_by_any_path(&[unreachable(Slot::Mme, MME), unreachable(Slot::MmeSms, MME)]);
    let with_reason = changes(NODE, DATA, |report| {
        report.avp_u32(&tgpp::LOSS_OF_CONNECTIVITY_REASON, 0);
    });
    assert_eq!(with_reason, loss, "content outweighs what was asked");
    let with_reachability = changes(NODE, LOSS, |report| {
        report.avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
    });
    assert_eq!(with_reachability, [reachable(Slot::Mme, MME)]);
    let with_idle = changes(NODE, LOSS, |report| {
        report.group(&tgpp::IDLE_STATUS_INDICATION, |_| {});
    });
    assert_eq!(with_idle, [reachable(Slot::Mme, MME)]);
    assert_eq!(changes(NODE, DATA, |_| {}), [reachable(Slot::Mme, MME)]);
    assert_eq!(changes(NODE, SMS, |_| {}), [reachable(Slot::MmeSms, MME)]);
    assert_eq!(changes(NODE, LOSS, |_| {})[0], unreachable(Slot::Mme, MME));
    // A device change without a type is no loss of connectivity.
    let changed = changes(NODE, LOSS, |report| {
        report.avp_u32(&tgpp::IMEI_CHANGE, 1);
    });
    assert_eq!(changed, []);
}

fn stamped(unix: i64) -> Timestamp {
    let events = events(NODE, DATA, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 1)
            .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1)
            .avp_time(&tgpp::REPORTING_TIME_STAMP, unix);
    });
    events[0].event_time
}

/// "T6a report: Reporting-Time-Stamp when present, else arrival"; "Clamp times in the future (clock skew) to arrival."
#[test]
fn the_time_of_a_report_is_its_time_stamp() {
    assert_eq!(stamped(NOW_UNIX - 60), at(NOW_UNIX - 60));
    assert_eq!(stamped(NOW_UNIX - 1), at(NOW_UNIX - 1));
    assert_eq!(
        stamped(NOW_UNIX + 10),
        at(NOW_UNIX + 10),
        "clocks differ a little"
    );
    assert_eq!(stamped(NOW_UNIX + 3600), now());
    let without = events(NODE, DATA, |_| {});
    assert_eq!(without[0].event_time, now());
}

/// A stamp of whole seconds would put a report before what was received earlier in the same second.
#[test]
fn a_time_stamp_within_the_second_of_the_receipt_is_the_receipt() {
    assert_eq!(stamped(NOW_UNIX), now());
}
