//! Asks a daemon about every device over gRPC and compares with what the network did to it.

use tonic::Status;
use tonic::transport::Channel;

use crate::proto::v1::batch_get_reachability_result::Result as Answer;
use crate::proto::v1::reachability_service_client::ReachabilityServiceClient;
use crate::proto::v1::{self, BatchGetReachabilityRequest, ReachabilityStatus};
use crate::sim::load::Load;
use crate::sim::population::Device;
use crate::sim::scenario::Expected;

/// Devices asked about in one call: the most that the contract allows.
const BATCH: usize = 1000;

/// What a comparison came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Devices whose answer is the expected one.
    pub agree: u64,
    /// Devices whose answer is another one.
    pub differ: u64,
    /// Devices of which nothing can be demanded: never seen in this run, or with an event whose answer was not success.
    pub open: u64,
}

impl Verdict {
    /// Adds another part of the population.
    pub fn add(&mut self, other: Self) {
        self.agree += other.agree;
        self.differ += other.differ;
        self.open += other.open;
    }
}

/// The devices of a load of which the answer is certain.
pub fn certain(load: &Load) -> (Vec<(Device, Expected)>, u64) {
    let mut open = 0;
    let certain = load
        .scenario()
        .expected()
        .filter(|(_, expected)| {
            let sure = matches!(expected, Expected::Connected | Expected::NotConnected);
            open += u64::from(!sure);
            sure
        })
        .collect();
    (certain, open)
}

/// Asks about every one of `expected`, `open` others aside.
///
/// # Errors
///
/// A call failed as a whole.
pub async fn verify(channel: Channel, expected: &[(Device, Expected)], open: u64) -> Result<Verdict, Status> {
    let mut client = ReachabilityServiceClient::new(channel);
    let mut verdict = Verdict {
        open,
        ..Verdict::default()
    };
    for batch in expected.chunks(BATCH) {
        let request = BatchGetReachabilityRequest {
            devices: batch.iter().map(|(device, _)| named(*device)).collect(),
            max_age: None,
        };
        let results = client.batch_get_reachability(request).await?.into_inner().results;
        for ((_, expected), result) in batch.iter().zip(&results) {
            let agrees = status_of(result.result.as_ref()) == Some(wanted(*expected));
            verdict.agree += u64::from(agrees);
            verdict.differ += u64::from(!agrees);
        }
        // Answers that are missing agree with nothing.
        verdict.differ += batch.len().saturating_sub(results.len()) as u64;
    }
    Ok(verdict)
}

/// The device as lookups name it.
pub fn named(device: Device) -> v1::Device {
    v1::Device {
        phone_number: device.phone_number(),
        ..v1::Device::default()
    }
}

fn wanted(expected: Expected) -> ReachabilityStatus {
    match expected {
        Expected::Connected => ReachabilityStatus::ConnectedData,
        Expected::NotConnected => ReachabilityStatus::NotConnected,
        Expected::NeverSeen | Expected::InDoubt => ReachabilityStatus::Unknown,
    }
}

fn status_of(answer: Option<&Answer>) -> Option<ReachabilityStatus> {
    match answer {
        Some(Answer::Response(response)) => Some(response.reachability.as_ref()?.status()),
        Some(Answer::Error(_)) | None => None,
    }
}
