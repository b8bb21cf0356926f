//! Races of the event mapping, told by reports in the order of their arrival and judged by the answer that follows.

use super::*;
use crate::domain::{Ends, Status};

const OTHER: &str = "mme-b.epc.example";

/// A subscriber as a daemon would know it: every event is joined before the next report is read.
struct Story {
    world: World,
    clock: i64,
}

impl Story {
    fn new() -> Self {
        Self {
            world: world(),
            clock: NOW_UNIX * 1_000_000,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock).unwrap()
    }

    fn pass(&mut self, seconds: i64) -> &mut Self {
        self.clock += seconds * 1_000_000;
        self
    }

    /// A registration that a copy of S6a showed.
    fn registered(&mut self, slot: Slot, name: &str) -> &mut Self {
        self.pass(10);
        let change = Change::Registered {
            slot,
            node: node(name),
            ends: Ends::default(),
        };
        let event = Event::new(number(NUMBER), self.now(), self.now(), [change]);
        self.world.known.apply(&event);
        self
    }

    fn told(&mut self, from: From, reference: u32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> &mut Self {
        self.pass(10);
        let octets = request(from, |message| report(message, reference, write));
        let decoded = decode(&Message::decode(&octets).unwrap(), self.now(), &self.world).unwrap();
        for event in decoded.events {
            self.world.known.apply(&event);
        }
        self
    }

    fn data(&mut self, name: &'static str) -> &mut Self {
        self.told(From::Node(name), DATA, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 1)
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 1);
        })
    }

    fn sms(&mut self) -> &mut Self {
        self.told(From::Hss, SMS, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 1)
                .avp_u32(&tgpp::REACHABILITY_INFORMATION, 0);
        })
    }

    fn lost(&mut self, from: From, reason: u32) -> &mut Self {
        self.told(from, LOSS, |report| {
            report
                .avp_u32(&tgpp::MONITORING_TYPE, 0)
                .avp_u32(&tgpp::LOSS_OF_CONNECTIVITY_REASON, reason);
        })
    }

    #[track_caller]
    fn is(&mut self, data: bool, sms: bool) -> &mut Self {
        let answer = self.world.known.reachability(self.now());
        assert_eq!((answer.data, answer.sms), (data, sms), "{answer:?}");
        assert!(!matches!(answer.status, Status::Unknown(_)));
        self
    }
}

#[test]
fn a_device_comes_goes_and_comes_back_with_nothing_but_reports() {
    let mut story = Story::new();
    story.sms().is(false, true);
    story.data(MME).is(true, true);
    story.lost(From::Node(MME), 0).is(false, false);
    story.data(OTHER).is(true, false);
    story.sms().is(true, true);
    story.lost(From::Node(OTHER), 4).is(false, false);
    story.sms().is(false, true);
    story.data(MME).is(true, true);
}

/// Race 17: "LoC reason 2/3 is not a deregistration"; "after `until` state is 'registered, asleep'"
#[test]
fn race_17_a_device_in_power_saving_is_asleep_when_its_active_time_is_over() {
    let mut story = Story::new();
    let went_idle = story.now();
    story.told(From::Node(MME), DATA, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 8)
            .group(&tgpp::IDLE_STATUS_INDICATION, |idle| {
                idle.avp_time(&tgpp::IDLE_STATUS_TIMESTAMP, went_idle.as_micros() / 1_000_000)
                    .avp_u32(&tgpp::ACTIVE_TIME, 30);
            });
    });
    story.is(true, false);
    story.pass(30).is(false, false);
    let answer = story.world.known.reachability(story.now());
    assert_eq!(
        answer.last_status_time,
        Some(at(NOW_UNIX + 30)),
        "asleep since then, not since now"
    );
    // Lost by supervision; awake again: the registration was there all along.
    story.lost(From::Node(MME), 2).is(false, false);
    assert!(story.world.known.holder(Slot::Mme).is_some());
    story.data(MME).is(true, false);
}

/// Race 18: "one paging cycle is latency, not loss"
#[test]
fn race_18_a_device_with_long_paging_cycles_stays_reachable() {
    let mut story = Story::new();
    story.told(From::Node(MME), DATA, |report| {
        report
            .avp_u32(&tgpp::MONITORING_TYPE, 8)
            .group(&tgpp::IDLE_STATUS_INDICATION, |idle| {
                idle.group(&tgpp::EDRX_CYCLE_LENGTH, |cycle| {
                    cycle
                        .avp_i32(&tgpp::RAT_TYPE, 1005)
                        .avp_octets(&tgpp::EDRX_CYCLE_LENGTH_VALUE, &[13]);
                });
            });
    });
    story.pass(10_000).is(true, false);
}

/// Race 19: "comes only as LoC reason 0/1 …, later PUR"
#[test]
fn race_19_an_implicit_detach_ends_what_s6a_showed() {
    let mut story = Story::new();
    story.registered(Slot::Mme, MME).is(true, false);
    story.lost(From::Node(MME), 0).is(false, false);
}

/// Race 20: "LoC from old MME delivered after new MME's reachable report: … compare reporting Origin-Host with slot.node;
/// then Reporting-Time-Stamp; otherwise keep the newer registration"
#[test]
fn race_20_a_late_loss_at_the_old_node_does_not_end_what_the_new_one_reported() {
    let mut story = Story::new();
    story.data(MME).sms().data(OTHER).is(true, true);
    story.lost(From::Node(MME), 0).is(true, true);
    // By registrations alike.
    let mut story = Story::new();
    story
        .registered(Slot::Mme, MME)
        .registered(Slot::Mme, OTHER)
        .sms();
    story.lost(From::Node(MME), 4).is(true, true);
    // The new one speaks for itself.
    story.lost(From::Node(OTHER), 2).is(false, false);
}

#[test]
fn race_20_a_loss_that_is_stamped_before_the_newest_contact_changes_nothing() {
    let mut story = Story::new();
    let before = story.now().as_micros() / 1_000_000;
    story.data(MME).is(true, false);
    story.told(From::Node(MME), LOSS, |report| {
        report
            .avp_u32(&tgpp::LOSS_OF_CONNECTIVITY_REASON, 0)
            .avp_time(&tgpp::REPORTING_TIME_STAMP, before);
    });
    story.is(true, false);
}

/// Race 10: "OR over slots; SGSN reports touch only the SGSN slot"
#[test]
fn race_10_a_loss_in_one_half_leaves_the_other() {
    let mut story = Story::new();
    story
        .registered(Slot::Sgsn, "sgsn.example")
        .registered(Slot::Mme, MME)
        .sms();
    story.lost(From::Node("sgsn.example"), 1).is(true, true);
    story.lost(From::Node(MME), 0).is(false, false);
}

/// Race 11: "combined MME/SGSN with one Diameter identity"
#[test]
fn race_11_a_combined_node_loses_the_half_that_the_reason_names() {
    let mut story = Story::new();
    story.registered(Slot::Sgsn, MME).registered(Slot::Mme, MME);
    story.lost(From::Node(MME), 1).is(true, false);
    story.lost(From::Node(MME), 0).is(false, false);
}

/// T6b: an SGSN does not say that it is one before the device is lost.
#[test]
fn what_an_sgsn_reported_without_saying_so_ends_with_its_loss() {
    let mut story = Story::new();
    story.data("sgsn.example").is(true, false);
    story.lost(From::Node("sgsn.example"), 3).is(false, false);
    // One that is known as an SGSN is taken for one at once.
    let mut story = Story::new();
    story
        .registered(Slot::Sgsn, "sgsn.example")
        .data("sgsn.example")
        .lost(From::Node("sgsn.example"), 5)
        .is(false, false);
    assert!(story.world.known.holder(Slot::Mme).is_none());
}

/// A loss in LTE tells nothing of a device that is registered in 5GS.
#[test]
fn a_device_that_is_attached_elsewhere_keeps_sms() {
    let mut story = Story::new();
    story.registered(Slot::Amf3gpp, "amf").data(MME).sms();
    story.lost(From::Node(MME), 0).is(true, true);
}

/// PDN connections of a device that was lost will not be reported as released.
#[test]
fn sessions_end_with_the_device_and_come_back_with_it() {
    let session = |story: &mut Story, made: u32| {
        story.told(From::Node(MME), DATA, |report| {
            report.avp_u32(&tgpp::MONITORING_TYPE, 10).group(
                &tgpp::PDN_CONNECTIVITY_STATUS_REPORT,
                |status| {
                    status
                        .avp_utf8(&base::SERVICE_SELECTION, "internet")
                        .avp_u32(&tgpp::PDN_CONNECTIVITY_STATUS_TYPE, made);
                },
            );
        });
    };
    let mut story = Story::new();
    session(&mut story, 0);
    story.is(true, false);
    story.lost(From::Node(MME), 2).is(false, false);
    session(&mut story, 0);
    story.is(true, false);
    session(&mut story, 1);
    story.is(false, false);
}

/// What an HSS relays is of the node that serves the device.
#[test]
fn an_hss_speaks_of_whoever_serves_the_device() {
    let mut story = Story::new();
    story.registered(Slot::Mme, MME).sms();
    story.lost(From::Hss, 2).is(false, false);
    story.registered(Slot::Mme, OTHER).is(true, false);
    story.lost(From::Hss, 4).is(false, false);
    story.registered(Slot::Mme, OTHER).is(true, false);
}
