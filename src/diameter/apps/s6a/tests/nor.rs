//! Notify-Request (TS 29.272 §5.2.5). The node is the Origin-Host.

use super::*;

fn notify(flags: u32, reason: Option<i32>) -> Vec<Change> {
    changes(&s6a::NOTIFY, |request| {
        request.avp_u32(&tgpp::NOR_FLAGS, flags);
        if let Some(reason) = reason {
            request.avp_i32(&tgpp::ALERT_REASON, reason);
        }
    })
}

#[test]
fn every_bit_is_read_by_itself() {
    for (flags, reason, expected) in [
        // "bit 3 UE-Reachable-from-MME: MME reachable (data)"
        (1 << 3, None, vec![reachable(Slot::Mme)]),
        // "bit 5 UE-Reachable-from-SGSN: SGSN reachable (data)"
        (1 << 5, None, vec![reachable(Slot::Sgsn)]),
        // "bit 6 Ready-for-SM-from-MME + Alert-Reason 0: reachable (SMS, and UE present)"
        (
            1 << 6,
            Some(0),
            vec![reachable(Slot::Mme), reachable(Slot::MmeSms)],
        ),
        // "bit 6 + Alert-Reason 1: SMS memory free again; UE was reachable all along"
        (1 << 6, Some(1), vec![reachable(Slot::MmeSms)]),
        // Without Alert-Reason, the weaker of the two.
        (1 << 6, None, vec![reachable(Slot::MmeSms)]),
        // "bit 2 Ready-for-SM-from-SGSN + Alert-Reason 0 / 1: same pair"
        (
            1 << 2,
            Some(0),
            vec![reachable(Slot::Sgsn), reachable(Slot::SgsnSms)],
        ),
        (1 << 2, Some(1), vec![reachable(Slot::SgsnSms)]),
        // "bit 9 Removal-of-MME-Registration-for-SMS: SMS deregistered in the MME slot; data facet unchanged"
        (1 << 9, None, vec![deregistered(Slot::MmeSms)]),
        // "bit 0 Single-Registration-Indication": names no holder, and must not end one it did not know of.
        (1 << 0, None, vec![]),
        // "bit 1 SGSN-Area-Restricted: SGSN unreachable"
        (1 << 1, None, vec![unreachable(Slot::Sgsn)]),
        // "Terminal-Information, APN/PGW data, bit 7, SRVCC: identity or none"
        (1 << 7 | 1 << 8 | 1 << 4 | 1 << 31, None, vec![]),
        // Alert-Reason means something with bits 2 and 6 only.
        (0, Some(0), vec![]),
        // "All bits are evaluated independently"
        (
            1 << 3 | 1 << 9 | 1 << 0,
            None,
            vec![reachable(Slot::Mme), deregistered(Slot::MmeSms)],
        ),
        // Two bits that say the same say it once.
        (
            1 << 3 | 1 << 6,
            Some(0),
            vec![reachable(Slot::Mme), reachable(Slot::MmeSms)],
        ),
    ] {
        assert_eq!(notify(flags, reason), expected, "{flags:#b} {reason:?}");
    }
}

/// "absent NOR-Flags = all clear"; "Terminal-Information, APN/PGW data, bit 7, SRVCC | | identity or none";
/// "Monitoring-Event-Config-Status | | a monitoring configuration was refused or is unknown"
#[test]
fn a_notification_without_flags_says_nothing() {
    assert_eq!(changes(&s6a::NOTIFY, |_| {}), []);
    let other = changes(&s6a::NOTIFY, |request| {
        request
            .group(&tgpp::TERMINAL_INFORMATION, |terminal| {
                terminal.avp_utf8(&tgpp::IMEI, "00000000000000");
            })
            .avp_u32(&tgpp::CONTEXT_IDENTIFIER, 1)
            .avp_utf8(&base::SERVICE_SELECTION, "internet")
            .avp_i32(&tgpp::UE_SRVCC_CAPABILITY, 1)
            .group(&tgpp::MONITORING_EVENT_CONFIG_STATUS, |_| {});
    });
    assert_eq!(other, []);
}

/// "Maximum-UE-Availability-Time: until for the reachability above"
#[test]
fn the_availability_time_ends_what_is_reported_reachable() {
    let until = |unix: i64| {
        changes(&s6a::NOTIFY, |request| {
            request
                .avp_u32(&tgpp::NOR_FLAGS, 1 << 3 | 1 << 1)
                .avp_time(&tgpp::MAXIMUM_UE_AVAILABILITY_TIME, unix);
        })
    };
    let expected = |until| {
        vec![
            Change::Reachable {
                slot: Slot::Mme,
                node: node(),
                until,
            },
            unreachable(Slot::Sgsn),
        ]
    };
    let hour = Timestamp::from_micros((NOW_UNIX + 3600) * 1_000_000);
    assert_eq!(until(NOW_UNIX + 3600), expected(hour));
    // Beyond NTP's first era.
    let later = Timestamp::from_micros(2_100_000_000 * 1_000_000);
    assert_eq!(until(2_100_000_000), expected(later));
    // Over before it was reported: bounds nothing.
    assert_eq!(until(NOW_UNIX), expected(None));
    assert_eq!(until(NOW_UNIX - 1), expected(None));
}
