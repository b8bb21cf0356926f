//! Requests that are answered with an error at once.

use super::*;
use crate::diameter::codec::Header;

/// The result code and the AVP to blame.
fn refused(octets: &[u8]) -> (u32, Option<u32>) {
    let defect = read(octets).unwrap_err();
    (defect.result_code.0, defect.avp().map(|(code, _)| code))
}

#[test]
fn another_command_or_application_is_refused() {
    for from in [From::Hss, From::Node(MME)] {
        let mut octets = request(from, |_| {});
        assert!(read(&octets).is_ok());
        octets[7] -= 1;
        assert_eq!(refused(&octets), (3001, None), "nobody asks anything of us");
        octets[11] = 0;
        assert_eq!(refused(&octets), (3007, None));
    }
}

/// "Destination-Host is mandatory in what the HSS starts …; optional in RIR on T6a."
#[test]
fn each_application_has_its_own_grammar() {
    let without_destination = |from| {
        let octets = request(from, |_| {});
        let mut out = BytesMut::new();
        let header = *Message::decode(&octets).unwrap().header();
        let flags = CommandFlags::PROXIABLE;
        let mut copy = MessageBuilder::request(&mut out, flags, header.command, header.application, 7, 9);
        for avp in Message::decode(&octets).unwrap().avps() {
            if !avp.is(&base::DESTINATION_HOST) {
                copy.raw(&avp);
            }
        }
        copy.finish();
        out
    };
    assert_eq!(refused(&without_destination(From::Hss)), (5005, Some(293)));
    assert!(read(&without_destination(From::Node(MME))).is_ok());
}

#[test]
fn members_that_a_report_needs_are_missed_with_an_example() {
    let nameless = request(From::Hss, |message| {
        message.group(&tgpp::MONITORING_EVENT_REPORT, |group| {
            group.avp_u32(&tgpp::MONITORING_TYPE, 0);
        });
    });
    assert_eq!(refused(&nameless), (5005, Some(3124)));
    let status = |write: fn(&mut MessageBuilder<'_>)| {
        request(From::Node(MME), |message| {
            report(message, DATA, |report| {
                report
                    .avp_u32(&tgpp::MONITORING_TYPE, 10)
                    .group(&tgpp::PDN_CONNECTIVITY_STATUS_REPORT, write);
            });
        })
    };
    let nameless = status(|group| {
        group.avp_u32(&tgpp::PDN_CONNECTIVITY_STATUS_TYPE, 0);
    });
    assert_eq!(refused(&nameless), (5005, Some(493)));
    let typeless = status(|group| {
        group.avp_utf8(&base::SERVICE_SELECTION, "internet");
    });
    assert_eq!(refused(&typeless), (5005, Some(3182)));
}

#[test]
fn undefined_values_are_refused() {
    let wrong = |write: fn(&mut MessageBuilder<'_>)| {
        refused(&request(From::Node(MME), |message| report(message, DATA, write)))
    };
    let reachability = wrong(|report| {
        report.avp_u32(&tgpp::REACHABILITY_INFORMATION, 2);
    });
    assert_eq!(reachability, (5004, Some(3140)));
    let handling = wrong(|report| {
        report.avp_u32(&tgpp::EVENT_HANDLING, 3);
    });
    assert_eq!(handling, (5004, Some(3149)));
    let session = wrong(|report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 10)
            .group(&tgpp::PDN_CONNECTIVITY_STATUS_REPORT, |status| {
                status
                    .avp_utf8(&base::SERVICE_SELECTION, "two words")
                    .avp_u32(&tgpp::PDN_CONNECTIVITY_STATUS_TYPE, 0);
            });
    });
    assert_eq!(session, (5004, Some(493)));
    let number = request(From::Hss, |message| user(message, Some("0999"), None));
    assert_eq!(refused(&number), (5004, Some(701)));
}

/// "When the event cannot be stored: 3004 or 5012, never 5515"; and when it cannot be told what was asked.
#[test]
fn while_it_cannot_be_told_what_was_asked_the_sender_is_asked_to_come_again() {
    let mut world = world();
    world.asked.insert(DATA.into(), Monitored::Unavailable);
    let octets = request(From::Node(MME), |message| {
        report(message, 999, |_| {});
        report(message, DATA, |_| {});
    });
    let defect = read_with(&world, &octets).unwrap_err();
    assert_eq!(defect.result_code.0, 3004);
}

#[test]
fn more_reports_than_are_read_are_refused_as_a_whole() {
    let items = |count: usize| {
        request(From::Hss, |message| {
            // At most 1024 members in a group: several groups.
            for _ in 0..count / 512 {
                message.group(&tgpp::GROUP_REPORT, |group| {
                    group.avp_u32(&tgpp::SCEF_REFERENCE_ID, GROUP_SMS);
                    for _ in 0..512 {
                        group.group(&tgpp::GROUP_REPORT_ITEM, |item| {
                            user(item, Some("99911111"), None);
                        });
                    }
                });
            }
        })
    };
    assert_eq!(read(&items(8192)).unwrap().events.len(), 8192);
    assert_eq!(refused(&items(8704)), (5012, None));
}

/// Any single octet may be anything: the request is read or refused, never a panic.
#[test]
fn every_octet_may_be_damaged() {
    let octets = request(From::Hss, |message| {
        user(message, Some(NUMBER), Some("a@b"));
        message.avp_u32(&tgpp::RIR_FLAGS, 6);
        report(message, LOSS, |report| {
            report
                .avp_u32(&tgpp::LOSS_OF_CONNECTIVITY_REASON, 0)
                .avp_time(&tgpp::REPORTING_TIME_STAMP, NOW_UNIX);
        });
        message.group(&tgpp::GROUP_REPORT, |group| {
            group
                .avp_u32(&tgpp::SCEF_REFERENCE_ID, GROUP_SMS)
                .group(&tgpp::GROUP_REPORT_ITEM, |item| user(item, Some("99911"), None));
        });
    });
    let mut refused = 0;
    for at in Header::LEN..octets.len() {
        for value in 0..=255 {
            let mut octets = octets.clone();
            octets[at] = value;
            if let Err(defect) = read(&octets) {
                let code = defect.result_code;
                assert!(code.is_protocol_error() || code.0 / 1000 == 5, "{code}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}
