//! A client of `WatchReachability` that keeps what it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use reachd::proto::v1::device_reachability::Result as Of;
use reachd::proto::v1::reachability_service_client::ReachabilityServiceClient;
use reachd::proto::v1::watch_reachability_response::Message;
use reachd::proto::v1::{
    Connectivity, Device, DeviceReachability, ReachabilityStatus, WatchReachabilityRequest,
    WatchReachabilityResponse,
};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_types::StatusExt;

use crate::support::daemon::{Daemon, phone};
use crate::support::{Answer, Subscriber};

/// A status with its connectivity; or the reason why there is none.
pub(super) type View = Result<(ReachabilityStatus, Vec<Connectivity>), String>;

pub(super) fn data() -> View {
    Ok((ReachabilityStatus::ConnectedData, vec![Connectivity::Data]))
}

pub(super) fn disconnected() -> View {
    Ok((ReachabilityStatus::NotConnected, vec![]))
}

pub(super) fn unknown() -> View {
    Ok((ReachabilityStatus::Unknown, vec![]))
}

pub(super) fn not_found() -> View {
    Err("IDENTIFIER_NOT_FOUND".to_owned())
}

/// What a lookup answered, to compare with.
pub(super) fn of_lookup(answer: Option<Answer>) -> View {
    answer.map_or_else(not_found, |answer| Ok((answer.status, answer.connectivity)))
}

pub(super) fn all() -> WatchReachabilityRequest {
    WatchReachabilityRequest {
        all: true,
        ..WatchReachabilityRequest::default()
    }
}

pub(super) fn list(subscribers: &[Subscriber]) -> WatchReachabilityRequest {
    WatchReachabilityRequest {
        devices: subscribers.iter().map(|known| phone(&known.number())).collect(),
        ..WatchReachabilityRequest::default()
    }
}

/// From where the last stream ended.
pub(super) fn from(cursor: &str, request: WatchReachabilityRequest) -> WatchReachabilityRequest {
    WatchReachabilityRequest {
        cursor: cursor.to_owned(),
        ..request
    }
}

pub(super) fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    details
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}

/// One open stream.
pub(super) struct Watcher {
    stream: Streaming<WatchReachabilityResponse>,
    /// The last one received.
    pub(super) cursor: String,
}

impl Watcher {
    pub(super) async fn try_open(
        channel: Channel,
        request: WatchReachabilityRequest,
    ) -> Result<Self, Status> {
        let cursor = request.cursor.clone();
        let response = ReachabilityServiceClient::new(channel)
            .watch_reachability(request)
            .await?;
        Ok(Self {
            stream: response.into_inner(),
            cursor,
        })
    }

    pub(super) async fn open(daemon: &Daemon, request: WatchReachabilityRequest) -> Self {
        Self::try_open(daemon.channel(), request)
            .await
            .expect("the stream opens")
    }

    /// The next message, or how the stream ended.
    pub(super) async fn next(&mut self) -> Result<Message, Status> {
        let response = timeout(Duration::from_secs(60), self.stream.message())
            .await
            .expect("a message in time")?
            .expect("streams end with a status");
        if !response.cursor.is_empty() {
            self.cursor = response.cursor;
        }
        Ok(response.message.expect("a message"))
    }

    /// Everything up to the end of the snapshot, none of which may have a cursor. Returns in which order devices came.
    pub(super) async fn snapshot(&mut self) -> Vec<(Device, View)> {
        let mut devices = Vec::new();
        loop {
            let cursor = self.cursor.clone();
            match self.next().await.expect("the stream goes on") {
                Message::Snapshot(entry) => devices.push(device(entry)),
                Message::SnapshotComplete(_) => return devices,
                other => panic!("{other:?} in a snapshot"),
            }
            assert_eq!(
                self.cursor, cursor,
                "nobody can come back into the middle of a snapshot"
            );
        }
    }

    /// The next change.
    pub(super) async fn change(&mut self) -> (Device, View) {
        loop {
            match self.next().await.expect("the stream goes on") {
                Message::Change(entry) => return device(entry),
                Message::Heartbeat(_) => {}
                other => panic!("{other:?} among changes"),
            }
        }
    }

    /// The number in the last cursor. Clients must not look into it; this one checks that there is no gap.
    pub(super) fn place(&self) -> u64 {
        let (_, place) = self.cursor.split_once('-').expect("a cursor");
        u64::from_str_radix(place, 16).unwrap()
    }

    /// Takes changes until what was told is as expected. Each has to be one, and of all none may be left out.
    pub(super) async fn follow(
        &mut self,
        told: &mut BTreeMap<String, View>,
        is_gapless: bool,
        mut enough: impl FnMut(&BTreeMap<String, View>) -> bool,
    ) {
        while !enough(told) {
            let place = self.place();
            let (device, view) = self.change().await;
            if is_gapless {
                assert_eq!(self.place(), place + 1, "no change is left out");
            }
            let former = told.insert(device.phone_number, view.clone());
            assert_ne!(former.unwrap_or_else(not_found), view, "it alters the answer");
        }
    }
}

/// A snapshot by number.
pub(super) fn by_number(snapshot: Vec<(Device, View)>) -> BTreeMap<String, View> {
    snapshot
        .into_iter()
        .map(|(device, view)| (device.phone_number, view))
        .collect()
}

fn device(entry: DeviceReachability) -> (Device, View) {
    let view = match entry.result.expect("a result") {
        Of::Reachability(reachability) => {
            let answer = Answer::of(reachability);
            Ok((answer.status, answer.connectivity))
        }
        Of::Error(error) => Err(error.reason),
    };
    (entry.device.expect("a device"), view)
}
