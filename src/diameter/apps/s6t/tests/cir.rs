//! What is asked, octet by octet where it matters.

use smallvec::smallvec;

use super::*;
use crate::diameter::apps::s6t::cir::{Configuration, Question};
use crate::diameter::codec::{Avp, Group};
use crate::diameter::dict::AvpDef;
use crate::domain::Target;

fn written(question: &Question) -> BytesMut {
    let mut out = BytesMut::new();
    let flags = CommandFlags::PROXIABLE;
    let mut request = MessageBuilder::request(&mut out, flags, 8_388_718, s6t::APPLICATION, 7, 9);
    question.write(&mut request, SCEF, 300);
    request.finish();
    out
}

fn question(target: Target, aspects: &[Aspect]) -> Question {
    Question {
        target,
        begin: aspects
            .iter()
            .map(|aspect| Configuration {
                aspect: *aspect,
                reference: 100 + u32::from(aspect.number()),
                replaces: smallvec![],
                until: NOW_UNIX + 86_400,
                once: false,
            })
            .collect(),
        end: smallvec![],
    }
}

fn msisdn() -> Target {
    Target::Msisdn(Msisdn::parse(NUMBER).unwrap())
}

fn number_in(group: &Group<'_>, def: &AvpDef) -> Option<u32> {
    group.find(def).map(|avp| avp.as_u32().unwrap())
}

fn configurations(octets: &[u8]) -> Vec<Avp<'_>> {
    Message::decode(octets)
        .unwrap()
        .find_all(&tgpp::MONITORING_EVENT_CONFIGURATION)
        .collect()
}

/// "Both Maximum-Number-of-Reports and Monitoring-Duration → whichever expires first"
#[test]
fn what_is_asked_once_is_over_with_its_first_report_or_at_its_end() {
    let mut once = question(msisdn(), &[Aspect::Data, Aspect::Sms]);
    once.begin.iter_mut().for_each(|asked| asked.once = true);
    let octets = written(&once);
    for avp in configurations(&octets) {
        let group = avp.grouped().unwrap();
        assert_eq!(number_in(&group, &tgpp::MAXIMUM_NUMBER_OF_REPORTS), Some(1));
        assert!(group.find(&tgpp::MONITORING_DURATION).is_some());
    }
}

/// "UE-Reachability-Configuration … Reachability-Type may name only one", "For UE_REACHABILITY with reachability for SMS
/// the number must be at most 1", "Monitoring-Duration: absolute expiry time"
#[test]
fn each_aspect_is_a_configuration_of_its_own() {
    let octets = written(&question(msisdn(), &Aspect::ALL));
    let read: Vec<_> = configurations(&octets)
        .iter()
        .map(|avp| {
            let group = avp.grouped().unwrap();
            let number = |def| number_in(&group, def);
            assert_eq!(group.find(&tgpp::SCEF_ID).unwrap().as_utf8(), Ok(SCEF));
            let until = group.find(&tgpp::MONITORING_DURATION).unwrap().as_time();
            assert_eq!(until, Ok(NOW_UNIX + 86_400));
            let reachability = group
                .find(&tgpp::UE_REACHABILITY_CONFIGURATION)
                .map(|avp| number_in(&avp.grouped().unwrap(), &tgpp::REACHABILITY_TYPE).unwrap());
            (
                number(&tgpp::SCEF_REFERENCE_ID).unwrap(),
                number(&tgpp::MONITORING_TYPE).unwrap(),
                number(&tgpp::MAXIMUM_NUMBER_OF_REPORTS),
                number(&tgpp::MAXIMUM_DETECTION_TIME),
                reachability,
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            (101, 0, None, Some(300), None),
            (102, 1, None, None, Some(2)),
            (103, 1, Some(1), None, Some(1)),
        ]
    );
}

/// "CIR User-Identifier: exactly one of External-Identifier or MSISDN (External Group Identifier goes in
/// External-Identifier)."
#[test]
fn a_target_is_named_by_exactly_one_identifier() {
    let external = ExternalIdentifier::parse("meters@iot.example").unwrap();
    for target in [
        msisdn(),
        Target::External(external.clone()),
        Target::Group(external),
    ] {
        let octets = written(&question(target.clone(), &[Aspect::Loss]));
        let message = Message::decode(&octets).unwrap();
        let user = message.find(&tgpp::USER_IDENTIFIER).unwrap().grouped().unwrap();
        let codes: Vec<_> = user.avps().map(|avp| avp.code).collect();
        match target {
            Target::Msisdn(_) => {
                assert_eq!(codes, [701]);
                let tbcd = [0x99, 0x19, 0x32, 0x54, 0x76, 0x98];
                assert_eq!(user.find(&tgpp::MSISDN).unwrap().data, tbcd);
            }
            Target::External(_) => assert_eq!(codes, [3111]),
            Target::Group(_) => {
                assert_eq!(codes, [3111, 3168]);
                assert_eq!(number_in(&user, &tgpp::TYPE_OF_EXTERNAL_IDENTIFIER), Some(1));
            }
        }
    }
}

/// "renew before it expires with a new reference id; carry the old one in SCEF-Reference-ID-for-Deletion in the same CIR"
#[test]
fn what_is_replaced_stands_in_the_configuration_that_replaces_it() {
    let mut question = question(msisdn(), &[Aspect::Loss, Aspect::Data]);
    question.begin[0].replaces = smallvec![7, 8];
    let octets = written(&question);
    let deleted: Vec<Vec<u32>> = configurations(&octets)
        .iter()
        .map(|avp| {
            let group = avp.grouped().unwrap();
            let deleted = group.find_all(&tgpp::SCEF_REFERENCE_ID_FOR_DELETION);
            deleted.map(|avp| avp.as_u32().unwrap()).collect()
        })
        .collect();
    assert_eq!(deleted, [vec![7, 8], vec![]]);
}

#[test]
fn what_is_ended_stands_in_a_configuration_without_a_reference() {
    let mut question = question(msisdn(), &[]);
    question.end = smallvec![7, 8, 9];
    let octets = written(&question);
    let all = configurations(&octets);
    assert_eq!(all.len(), 1);
    let group = all[0].grouped().unwrap();
    assert!(group.find(&tgpp::SCEF_REFERENCE_ID).is_none());
    assert_eq!(group.find_all(&tgpp::SCEF_REFERENCE_ID_FOR_DELETION).count(), 3);
    assert!(
        group.find(&tgpp::MONITORING_TYPE).is_some(),
        "required, and ignored"
    );
}

#[test]
fn what_is_asked_passes_the_grammar_of_its_command() {
    let mut out = BytesMut::new();
    let flags = CommandFlags::PROXIABLE;
    let mut request = MessageBuilder::request(&mut out, flags, 8_388_718, s6t::APPLICATION, 7, 9);
    request
        .avp_utf8(&base::SESSION_ID, "s;1;1")
        .avp_i32(&base::AUTH_SESSION_STATE, 1)
        .avp_utf8(&base::ORIGIN_HOST, SCEF)
        .avp_utf8(&base::ORIGIN_REALM, "example")
        .avp_utf8(&base::DESTINATION_REALM, "epc.example");
    question(msisdn(), &Aspect::ALL).write(&mut request, SCEF, 300);
    request.finish();
    let message = Message::decode(&out).unwrap();
    let checked = crate::diameter::dict::check_request(&message, &s6t::CONFIGURATION_INFORMATION);
    assert_eq!(checked, Ok(()));
    // The features that reports are read with.
    let features = message
        .find(&tgpp::SUPPORTED_FEATURES)
        .unwrap()
        .grouped()
        .unwrap();
    assert_eq!(number_in(&features, &tgpp::FEATURE_LIST), Some(0b0110_0001));
}
