//! What Sh-Data means: the table of the mapping, one case per row.

use super::*;
use crate::diameter::apps::sh::data::ShData;
use crate::diameter::apps::sh::{changes, without_gateway};

/// The changes of a document with these members.
fn of(members: &str) -> Vec<Change> {
    changes(&ShData::parse(sh_data(members).as_bytes()).unwrap(), now())
}

/// In each state of packet access: where it is told, and the slots it is about.
const PACKET: [(&str, Slot, Slot); 3] = [
    ("EPSUserState", Slot::Mme, Slot::MmeSms),
    ("PSUserState", Slot::Sgsn, Slot::SgsnSms),
    ("Sh-5GSUserState", Slot::Amf3gpp, Slot::Smsf3gpp),
];

// | EPSUserState (UDA) | MME | 0 or 6 → unreachable; 1, 3 → unreachable for paging; 2 → SMS only; 4 → reachable (data); 5 → unknown |
// | PSUserState | SGSN | same |
// | Sh-5GSUserState | AMF | same (access not told unless requested) |

#[test]
fn detached_and_not_to_be_paged_is_unreachable_for_data_and_for_sms_through_the_same_node() {
    for (element, slot, sms) in PACKET {
        for value in [0, 6, 1, 3] {
            assert_eq!(
                of(&format!("<{element}>{value}</{element}>")),
                [lost(slot, whoever()), lost(sms, whoever())],
                "{element} {value}"
            );
        }
    }
}

#[test]
fn attached_without_a_connection_is_sms_only() {
    for (element, slot, sms) in PACKET {
        assert_eq!(
            of(&format!("<{element}>2</{element}>")),
            [lost(slot, whoever()), found(sms, whoever())],
            "{element}"
        );
    }
}

#[test]
fn connected_is_reachable_for_data_and_claims_no_sms() {
    for (element, slot, sms) in PACKET {
        assert_eq!(
            of(&format!("<{element}>4</{element}>")),
            [found(slot, whoever()), no_longer_lost(sms, whoever())],
            "{element}"
        );
    }
}

#[test]
fn a_state_that_the_node_did_not_give_is_no_state() {
    for (element, _, _) in PACKET {
        assert_eq!(of(&format!("<{element}>5</{element}>")), [], "{element}");
    }
}

// | CSUserState | MSC | 0 CAMELBusy or 2 AssumedIdle → reachable (SMS); 1 → unreachable; 3 → unknown |

#[test]
fn a_circuit_switched_state_is_about_sms_through_the_msc() {
    for (value, expected) in [
        (0, vec![found(Slot::Msc, whoever())]),
        (1, vec![lost(Slot::Msc, whoever())]),
        (2, vec![found(Slot::Msc, whoever())]),
        (3, vec![]),
    ] {
        assert_eq!(
            of(&format!("<CSUserState>{value}</CSUserState>")),
            expected,
            "{value}"
        );
    }
}

// | EPSLocationInformation MMEName, PSLocation SGSNNumber, CSLocation MSC/VLR number | as named | node identity; … |

#[test]
fn the_node_that_a_document_names_is_the_one_that_its_state_is_about() {
    let mme = "<EPSLocationInformation><MMEName>MME-A.epc.example</MMEName></EPSLocationInformation>";
    assert_eq!(
        of(&format!("{mme}<EPSUserState>4</EPSUserState>")),
        [
            found(Slot::Mme, named("mme-a.epc.example")),
            no_longer_lost(Slot::MmeSms, named("mme-a.epc.example"))
        ]
    );
    let msc = "<CSLocationInformation><MSCNumber>99980001</MSCNumber></CSLocationInformation>";
    assert_eq!(
        of(&format!("{msc}<CSUserState>1</CSUserState>")),
        [lost(Slot::Msc, named("99980001"))]
    );
}

#[test]
fn an_sgsn_is_not_named_by_its_number() {
    let sgsn = "<PSLocationInformation><SGSNNumber>99980003</SGSNNumber></PSLocationInformation>";
    assert_eq!(
        of(&format!("{sgsn}<PSUserState>0</PSUserState>")),
        [lost(Slot::Sgsn, whoever()), lost(Slot::SgsnSms, whoever())]
    );
}

#[test]
fn a_node_alone_is_no_state() {
    let mme = "<EPSLocationInformation><MMEName>mme-a</MMEName></EPSLocationInformation>";
    assert_eq!(of(mme), []);
}

// | UEReachabilityForIP (PNR) | MME, SGSN, AMF by element | reachable (data); re-send SNR at once |

#[test]
fn reachability_for_ip_is_reachable_where_its_members_say() {
    for (members, expected) in [
        (&["MME"][..], &[Slot::Mme][..]),
        (&["SGSN"], &[Slot::Sgsn]),
        (&["AMF3GPP"], &[Slot::Amf3gpp]),
        (&["AMFnon3GPP"], &[Slot::AmfNon3gpp]),
        (
            &["MME", "SGSN", "AMF3GPP", "AMFnon3GPP"],
            &[Slot::Mme, Slot::Sgsn, Slot::Amf3gpp, Slot::AmfNon3gpp],
        ),
    ] {
        let members: String = members
            .iter()
            .map(|member| format!("<UEIPReachability{member}>0</UEIPReachability{member}>"))
            .collect();
        let document = format!(
            "<Sh-IMS-Data><Extension><UEReachabilityForIP>{members}</UEReachabilityForIP></Extension></Sh-IMS-Data>"
        );
        let expected: Vec<Change> = expected.iter().map(|slot| found(*slot, whoever())).collect();
        assert_eq!(of(&document), expected, "{members}");
    }
}

// | IMSUserState 1 | IMS | registered: SMS over IP possible; IP connectivity over *some* access, Wi-Fi included |
// | IMSUserState 0 or 2 | IMS | deregistered (2 means served as unregistered user) |
// | IMSUserState 3 | IMS | transient, ignore |

#[test]
fn a_state_in_ims_ends_sms_over_ip_or_lets_it_count_again_and_makes_nobody_reachable() {
    for (value, expected) in [
        (1, vec![no_longer_lost(Slot::IpSmGw, whoever())]),
        (0, vec![lost(Slot::IpSmGw, whoever())]),
        (2, vec![lost(Slot::IpSmGw, whoever())]),
        (3, vec![]),
    ] {
        let document = format!("<Sh-IMS-Data><IMSUserState>{value}</IMSUserState></Sh-IMS-Data>");
        assert_eq!(of(&document), expected, "{value}");
    }
}

// | SMSRegistrationInfo present / absent (UDA) | IP-SM-GW | SMS registered / deregistered |

#[test]
fn a_gateway_that_is_named_is_registered_and_none_is_whoever_was_gone() {
    let registered = "<Sh-IMS-Data><SMSRegistrationInfo><IP-SM-GW-Number>99970001</IP-SM-GW-Number>\
                      </SMSRegistrationInfo></Sh-IMS-Data>";
    assert_eq!(
        of(registered),
        [Change::Registered {
            slot: Slot::IpSmGw,
            node: named("99970001"),
            ends: Default::default()
        }]
    );
    // Absence is told by whoever asked; in a document that was not asked for it, it tells nothing.
    assert_eq!(
        of("<Sh-IMS-Data><IMSUserState>3</IMSUserState></Sh-IMS-Data>"),
        []
    );
    assert_eq!(without_gateway(), Change::Cleared { slot: Slot::IpSmGw });
}

// | TADSinformation | | which access last carried voice; last-activity hint |

#[test]
fn the_access_of_the_last_call_changes_nothing() {
    assert_eq!(
        of(
            "<Extension><TADSinformation><IMSVoiceOverPSSessionSupport>1</IMSVoiceOverPSSessionSupport>\
            </TADSinformation></Extension>"
        ),
        []
    );
}
