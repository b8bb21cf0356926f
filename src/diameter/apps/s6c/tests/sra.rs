//! Send-Routing-Info-for-SM-Answer.

use super::*;
use crate::diameter::apps::s6c::{Routing, read_sra};

fn answer(write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    let asked = bare(&s6c::SEND_ROUTING_INFO_FOR_SM, |_| {});
    let header = *Message::decode(&asked).unwrap().header();
    let mut out = BytesMut::new();
    let mut answer = MessageBuilder::answer(&mut out, &header, false);
    answer.avp_utf8(&base::SESSION_ID, "some.example;1;2");
    write(&mut answer);
    answer.finish();
    out
}

fn read(octets: &[u8], every_path: bool) -> Result<Option<Event>, Defect> {
    let asked = Routing {
        subscriber: by_number(),
        every_path,
    };
    read_sra(&Message::decode(octets).unwrap(), &asked, now())
}

fn told(every_path: bool, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<Change> {
    let octets = answer(|answer| {
        answer.avp_u32(&base::RESULT_CODE, 2001);
        write(answer);
    });
    let event = read(&octets, every_path).unwrap();
    event.map_or_else(Vec::new, |event| event.changes.into_vec())
}

fn at(write: impl Fn(&mut MessageBuilder<'_>)) -> Vec<Change> {
    told(false, |answer| {
        answer.group(&tgpp::SERVING_NODE, |node| write(node));
    })
}

/// "SRA success, Serving-Node / Additional-Serving-Node | MME-Name, SGSN-Name or -Number, MSC-Number, IP-SM-GW-*, SMSF
/// address | slot registered for SMS with that node"
#[test]
fn a_serving_node_is_registered_for_sms() {
    let number = "99900002";
    assert_eq!(
        at(|node| {
            node.avp_utf8(&tgpp::MME_NAME, "mme.epc.example");
        }),
        [registered(Slot::MmeSms, "mme.epc.example")]
    );
    assert_eq!(
        at(|node| {
            node.avp_utf8(&tgpp::SGSN_NAME, "sgsn.epc.example")
                .avp_tbcd(&tgpp::SGSN_NUMBER, number);
        }),
        [registered(Slot::SgsnSms, "sgsn.epc.example")]
    );
    assert_eq!(
        at(|node| {
            node.avp_tbcd(&tgpp::SGSN_NUMBER, number);
        }),
        [registered(Slot::SgsnSms, number)]
    );
    assert_eq!(
        at(|node| {
            node.avp_tbcd(&tgpp::MSC_NUMBER, number);
        }),
        [registered(Slot::Msc, number)]
    );
    assert_eq!(
        at(|node| {
            node.avp_utf8(&tgpp::IP_SM_GW_NAME, "ipsmgw.ims.example");
        }),
        [registered(Slot::IpSmGw, "ipsmgw.ims.example")]
    );
    assert_eq!(
        at(|node| {
            node.avp_tbcd(&tgpp::IP_SM_GW_NUMBER, number);
        }),
        [registered(Slot::IpSmGw, number)]
    );
    // "MSC number may be the MME number for SMS in MME"
    assert_eq!(
        at(|node| {
            node.avp_tbcd(&tgpp::MSC_NUMBER, number)
                .avp_utf8(&tgpp::MME_NAME, "mme.epc.example");
        }),
        [registered(Slot::MmeSms, "mme.epc.example")]
    );
    assert_eq!(
        at(|node| {
            node.avp_tbcd(&tgpp::MSC_NUMBER, number)
                .avp_tbcd(&tgpp::MME_NUMBER_FOR_MT_SMS, number);
        }),
        [registered(Slot::MmeSms, number)]
    );
    let smsf = told(false, |answer| {
        answer
            .group(&tgpp::SMSF_3GPP_ADDRESS, |node| {
                node.avp_utf8(&tgpp::SMSF_3GPP_NAME, "smsf1.5gc.example");
            })
            .group(&tgpp::SMSF_NON_3GPP_ADDRESS, |node| {
                node.avp_tbcd(&tgpp::SMSF_NON_3GPP_NUMBER, number);
            });
    });
    assert_eq!(
        smsf,
        [
            registered(Slot::Smsf3gpp, "smsf1.5gc.example"),
            registered(Slot::SmsfNon3gpp, number)
        ]
    );
    // A node of a kind that is not known here.
    assert_eq!(at(|_| {}), []);
}

/// "Slots not listed: not SMS-registered"
#[test]
fn paths_that_were_asked_for_and_are_not_named_are_not_there() {
    let cleared = |slot| Change::Cleared { slot };
    let one = |every_path| {
        told(every_path, |answer| {
            answer.group(&tgpp::SERVING_NODE, |node| {
                node.avp_tbcd(&tgpp::MSC_NUMBER, "99900002");
            });
        })
    };
    let msc = registered(Slot::Msc, "99900002");
    assert_eq!(
        one(true),
        [
            msc.clone(),
            cleared(Slot::MmeSms),
            cleared(Slot::SgsnSms),
            cleared(Slot::IpSmGw)
        ]
    );
    // Whoever does not ask for every path is told of one.
    assert_eq!(one(false), std::slice::from_ref(&msc));
    // Two are all that fit into an answer: there may be a third.
    let two = told(true, |answer| {
        answer
            .group(&tgpp::SERVING_NODE, |node| {
                node.avp_tbcd(&tgpp::MSC_NUMBER, "99900002");
            })
            .group(&tgpp::ADDITIONAL_SERVING_NODE, |node| {
                node.avp_utf8(&tgpp::SGSN_NAME, "sgsn.epc.example");
            });
    });
    assert_eq!(two, [msc, registered(Slot::SgsnSms, "sgsn.epc.example")]);
    // Behind an IP-SM-GW every other is hidden.
    let gateway = told(true, |answer| {
        answer.group(&tgpp::SERVING_NODE, |node| {
            node.avp_tbcd(&tgpp::IP_SM_GW_NUMBER, "99900003");
        });
    });
    assert_eq!(gateway, [registered(Slot::IpSmGw, "99900003")]);
    // None, or one of a kind that is not known here.
    assert_eq!(told(true, |_| {}), []);
    let unknown = told(true, |answer| {
        answer.group(&tgpp::SERVING_NODE, |_| {});
    });
    assert_eq!(unknown, []);
}

fn with_status(status: u32, nodes: &[(&str, bool)]) -> Vec<Change> {
    let mut told = told(false, |answer| {
        for (place, (name, is_mme)) in nodes.iter().enumerate() {
            let group = [&tgpp::SERVING_NODE, &tgpp::ADDITIONAL_SERVING_NODE][place];
            answer.group(group, |node| {
                if *is_mme {
                    node.avp_utf8(&tgpp::MME_NAME, name);
                } else {
                    node.avp_tbcd(&tgpp::MSC_NUMBER, name);
                }
            });
        }
        answer.avp_u32(&tgpp::MWD_STATUS, status);
    });
    told.retain(|change| !matches!(change, Change::Registered { .. }));
    told
}

#[test]
fn messages_that_wait_tell_what_failed_before() {
    // "SRA MWD-Status bit 1 MNRF | MSC / MME | unreachable (SMS) since an earlier attempt"
    assert_eq!(
        with_status(1 << 1, &[("99900002", false)]),
        [lost_at(Slot::Msc, "99900002")]
    );
    assert_eq!(
        with_status(1 << 1, &[("mme.epc.example", true)]),
        [lost_at(Slot::MmeSms, "mme.epc.example")]
    );
    assert_eq!(
        with_status(1 << 1, &[("99900002", false), ("mme.epc.example", true)]),
        [
            lost_at(Slot::Msc, "99900002"),
            lost_at(Slot::MmeSms, "mme.epc.example")
        ]
    );
    assert_eq!(with_status(1 << 1, &[]), [lost(Slot::Msc), lost(Slot::MmeSms)]);
    // "SRA MWD-Status bit 3 MNRG | SGSN | unreachable (SMS)"
    assert_eq!(with_status(1 << 3, &[]), [lost(Slot::SgsnSms)]);
    // "SRA MWD-Status bit 2 MCEF | device memory full, radio reachable"
    assert_eq!(with_status(1 << 2, &[]), []);
    // Bit 0, the service centre is not on the list, and bits that are not known.
    assert_eq!(with_status(1 | 1 << 31, &[]), []);
}

/// "SRA absent-user diagnostics | slot in the AVP name | reason, §5.1"
#[test]
fn a_diagnostic_is_about_the_slot_in_its_name() {
    let diagnosed = |def, value, server: Option<&str>| {
        let mut told = told(false, |answer| {
            if let Some(name) = server {
                answer.group(&tgpp::SERVING_NODE, |node| {
                    node.avp_utf8(&tgpp::MME_NAME, name);
                });
            }
            answer.avp_u32(def, value);
        });
        told.retain(|change| !matches!(change, Change::Registered { .. }));
        told
    };
    for (def, slot) in [
        (&tgpp::MME_ABSENT_USER_DIAGNOSTIC_SM, Slot::MmeSms),
        (&tgpp::MSC_ABSENT_USER_DIAGNOSTIC_SM, Slot::Msc),
        (&tgpp::SGSN_ABSENT_USER_DIAGNOSTIC_SM, Slot::SgsnSms),
        (&tgpp::SMSF_3GPP_ABSENT_USER_DIAGNOSTIC_SM, Slot::Smsf3gpp),
        (&tgpp::SMSF_NON_3GPP_ABSENT_USER_DIAGNOSTIC_SM, Slot::SmsfNon3gpp),
    ] {
        assert_eq!(diagnosed(def, 0, None), [lost(slot)]);
    }
    let mme = "mme.epc.example";
    for (value, gone) in [
        (0, false), // "0, 5 no paging response: unreachable now, still registered"
        (5, false),
        (12, false), // "12 no response via IP-SM-GW"
        (13, false), // "13 temporarily unavailable: sleeping, still registered"
        (1, false),  // "1, 6 detached: unreachable by detach"
        (6, false),
        (3, true), // "3, 7, 11 deregistered: slot deregistered"
        (7, true),
        (11, true),
        (4, true), // "4, 8 purged: slot deregistered (purged)"
        (8, true),
        (9, false), // "9, 10 unidentified: slot stale"
        (10, false),
        (2, false), // "2 roaming restriction: service barred there"
        (99, false),
    ] {
        let expected = if gone {
            deregistered(Slot::MmeSms, mme)
        } else {
            lost_at(Slot::MmeSms, mme)
        };
        let def = &tgpp::MME_ABSENT_USER_DIAGNOSTIC_SM;
        assert_eq!(diagnosed(def, value, Some(mme)), [expected], "{value}");
        // A node that is not named is not let go.
        assert_eq!(diagnosed(def, value, None), [lost(Slot::MmeSms)], "{value}");
    }
}

fn failed(vendor: u32, code: u32) -> Option<Event> {
    let octets = answer(|answer| {
        answer.group(&base::EXPERIMENTAL_RESULT, |group| {
            group
                .avp_u32(&base::VENDOR_ID, vendor)
                .avp_u32(&base::EXPERIMENTAL_RESULT_CODE, code);
        });
    });
    read(&octets, true).unwrap()
}

#[test]
fn an_error_is_about_reachability_only_if_it_says_absent() {
    // "SRA Experimental-Result 5550 ABSENT_USER | all SMS slots | unreachable (SMS); nothing about data"
    let absent = failed(10415, 5550).unwrap();
    assert_eq!(absent.subscriber, by_number());
    assert_eq!(absent.changes.into_vec(), Slot::SMS.map(lost));
    // "SRA 5001 / 5556 / 5557 | subscription facts, not reachability"
    for code in [5001, 5556, 5557] {
        assert_eq!(failed(10415, code), None, "{code}");
    }
    // The numbers of another vendor mean something else.
    assert_eq!(failed(13019, 5550), None);
    let busy = answer(|answer| {
        answer.avp_u32(&base::RESULT_CODE, 3004);
    });
    assert_eq!(read(&busy, true).unwrap(), None);
}

#[test]
fn the_imsi_in_the_answer_is_bound_to_the_number_asked_about() {
    let octets = answer(|answer| {
        answer
            .avp_u32(&base::RESULT_CODE, 2001)
            .avp_utf8(&base::USER_NAME, IMSI);
    });
    let event = read(&octets, false).unwrap().unwrap();
    let both = SubscriberIdentifiers::new(Some(imsi()), Some(msisdn()), None).unwrap();
    assert_eq!((event.subscriber, event.changes.len()), (both, 0));
}

#[test]
fn an_answer_that_cannot_be_read_is_no_event() {
    let without_result = answer(|_| {});
    assert_eq!(read(&without_result, false).unwrap_err().result_code.0, 5005);
    let no_node = answer(|answer| {
        answer
            .avp_u32(&base::RESULT_CODE, 2001)
            .group(&tgpp::SERVING_NODE, |node| {
                node.avp_octets(&tgpp::MSC_NUMBER, &[0xaa]);
            });
    });
    assert_eq!(read(&no_node, false).unwrap_err().result_code.0, 5004);
}
