//! The plan under virtual time, against an HSS that is a table.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod failures;
mod notices;
mod once;
mod periods;
mod rows;
mod seeds;
mod targets;
mod world;

use super::*;
use crate::diameter::apps::Answered;
use crate::diameter::codec::{ExperimentalResult, ResultCode};
use crate::domain::{ExternalIdentifier, Msisdn};

use world::World;

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;

fn settings() -> Settings {
    Settings {
        duration: DAY,
        renew_before: HOUR,
        rate: 10,
        in_flight: 4,
    }
}

fn number(n: u64) -> Target {
    Target::Msisdn(Msisdn::parse(&format!("999{n:09}")).unwrap())
}

fn group(n: u64) -> Target {
    Target::Group(ExternalIdentifier::parse(&format!("group-{n}@iot.example")).unwrap())
}

fn base_result(code: u32) -> Answered {
    Answered::Base(ResultCode(code))
}

fn experimental(code: u32) -> Answered {
    Answered::Experimental(ExperimentalResult { vendor: 10415, code })
}

/// The state of each aspect, in their order.
fn states(world: &World, target: &Target) -> [MonitoringState; 3] {
    world.plan.status(target).unwrap().map(|part| part.state)
}

use MonitoringState::{Active, Asking, Ending, Failed, Renewing, Suspended, Wanted};
