//! What is asked once, and what its answer tells.

use super::cia::{answer, write_experimental};
use super::*;
use crate::diameter::apps::s6t::absent;
use crate::diameter::apps::s6t::cia::Answer;

fn asks_once() -> World {
    let mut world = world();
    for (reference, aspect) in [(DATA, Aspect::Data), (SMS, Aspect::Sms)] {
        let once = Monitored::Once(number(NUMBER), aspect);
        world.asked.insert(reference.into(), once);
    }
    world
}

/// A minute before the answer is there.
fn asked_at() -> Timestamp {
    at(NOW_UNIX - 60)
}

fn read(octets: &[u8]) -> Answer {
    Answer::read(&Message::decode(octets).unwrap(), asked_at(), now(), &asks_once()).unwrap()
}

fn reachable(message: &mut MessageBuilder<'_>, reference: u32, told_at: Option<i64>) {
    report(message, reference, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 1)
            .avp_u32(&tgpp::REACHABILITY_INFORMATION, u32::from(reference == DATA));
        if let Some(told_at) = told_at {
            report.avp_time(&tgpp::REPORTING_TIME_STAMP, told_at);
        }
    });
}

#[test]
fn what_an_answer_reports_is_of_the_moment_of_the_question_and_ends_it() {
    let octets = answer(|message| {
        message.avp_u32(&base::RESULT_CODE, 2001);
        reachable(message, DATA, None);
        reachable(message, SMS, None);
    });
    let answer = read(&octets);
    assert!(!answer.is_absent);
    let told: Vec<_> = answer
        .events
        .iter()
        .map(|event| (event.event_time, event.received_at, event.changes.to_vec()))
        .collect();
    let found = |slot| Change::Reachable {
        slot,
        node: Node::unnamed(),
        until: None,
    };
    assert_eq!(
        told,
        [
            (asked_at(), now(), vec![found(Slot::Mme)]),
            (asked_at(), now(), vec![found(Slot::AnySms)]),
        ]
    );
    // Reachability for data is watched for long; asked once, it is over as well.
    assert_eq!(
        answer.notices,
        [Notice::Reported(DATA.into()), Notice::Reported(SMS.into())]
    );
}

#[test]
fn a_report_in_an_answer_that_has_a_time_of_its_own_is_of_that_time() {
    let octets = answer(|message| {
        message.avp_u32(&base::RESULT_CODE, 2001);
        reachable(message, DATA, Some(NOW_UNIX - 3600));
    });
    assert_eq!(read(&octets).events[0].event_time, at(NOW_UNIX - 3600));
}

#[test]
fn an_answer_without_a_report_tells_nothing_and_leaves_the_question_open() {
    let octets = answer(|message| {
        message.avp_u32(&base::RESULT_CODE, 2001);
    });
    let answer = read(&octets);
    assert!(answer.events.is_empty() && answer.notices.is_empty() && !answer.is_absent);
}

#[test]
fn an_absent_subscriber_is_told_by_its_bit_whatever_became_of_the_configurations() {
    for (cause, is_absent) in [(1, true), (3, true), (2, false), (0, false)] {
        let octets = answer(|message| {
            message
                .avp_u32(&base::RESULT_CODE, 2001)
                .avp_u32(&tgpp::S6T_HSS_CAUSE, cause);
        });
        assert_eq!(read(&octets).is_absent, is_absent, "{cause}");
    }
    let octets = answer(|message| {
        write_experimental(message, 5513);
        message.avp_u32(&tgpp::S6T_HSS_CAUSE, 1);
    });
    assert!(read(&octets).is_absent);
}

#[test]
fn an_absent_subscriber_is_purged_in_both_halves_and_nothing_more_is_known_to_be_left() {
    let cleared = [Slot::Mme, Slot::MmeSms, Slot::Sgsn, Slot::SgsnSms].map(|slot| Change::Cleared { slot });
    let lost = Change::Unreachable {
        slot: Slot::AnySms,
        node: Node::unnamed(),
        until: None,
    };
    let changes = absent(&Registrations::default(), now());
    assert_eq!(changes[..4], cleared);
    assert_eq!(changes[4..], [lost]);

    // Whoever is served by an AMF is served.
    let mut known = Registrations::default();
    let amf = Event::new(
        number(NUMBER),
        at(NOW_UNIX - 600),
        at(NOW_UNIX - 600),
        [Change::Registered {
            slot: Slot::Amf3gpp,
            node: Node::parse("amf1.home.example").unwrap(),
            ends: Default::default(),
        }],
    );
    known.apply(&amf);
    assert_eq!(absent(&known, now()), cleared);
}
