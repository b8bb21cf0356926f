//! What a stream sends, and the short queue in which it waits for the connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::Status;

use crate::domain::{Freshness, Identifier, Reachability, Timestamp};
use crate::northbound::error::LookupError;
use crate::northbound::{Answer, convert};
use crate::proto::v1;
use crate::proto::v1::device_reachability::Result as Of;
use crate::proto::v1::watch_reachability_response::Message;

/// Messages handed over at once.
pub(super) const AT_ONCE: usize = 256;
/// How many times that may wait. A message takes some 300 octets, so a stream that is not read keeps at most 300 KiB here,
/// and what HTTP/2 holds for it.
const BATCHES: usize = 3;

type Batch = Vec<v1::WatchReachabilityResponse>;

/// The side of the task.
#[derive(Debug)]
pub(super) struct Outgoing {
    sender: mpsc::Sender<Result<Batch, Status>>,
    /// Kept free for the last word, so that also who does not read is told why.
    last: Option<mpsc::OwnedPermit<Result<Batch, Status>>>,
}

/// The side of the connection: one message after the other.
#[derive(Debug)]
pub struct Messages {
    receiver: mpsc::Receiver<Result<Batch, Status>>,
    batch: std::vec::IntoIter<v1::WatchReachabilityResponse>,
    _place: tokio::sync::OwnedSemaphorePermit,
}

/// A queue that holds a place as long as anybody may read it.
pub(super) fn channel(place: tokio::sync::OwnedSemaphorePermit) -> (Outgoing, Messages) {
    let (sender, receiver) = mpsc::channel(BATCHES + 1);
    let messages = Messages {
        receiver,
        batch: Vec::new().into_iter(),
        _place: place,
    };
    (Outgoing::new(sender), messages)
}

impl Stream for Messages {
    type Item = Result<v1::WatchReachabilityResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(message) = self.batch.next() {
                return Poll::Ready(Some(Ok(message)));
            }
            match ready!(self.receiver.poll_recv(context)) {
                Some(Ok(batch)) => self.batch = batch.into_iter(),
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Nobody reads any more.
#[derive(Debug)]
pub(super) struct Gone;

impl Outgoing {
    fn new(sender: mpsc::Sender<Result<Batch, Status>>) -> Self {
        Self {
            last: sender.clone().try_reserve_owned().ok(),
            sender,
        }
    }

    /// Waits until a batch finds room.
    pub(super) async fn room(&self) -> Result<Room<'_>, Gone> {
        self.sender.reserve().await.map(Room).map_err(|_| Gone)
    }

    /// Waits until nobody reads any more.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Says why there is nothing more. It arrives after everything that was sent.
    pub(super) fn end(self, status: Status) {
        if let Some(last) = self.last {
            last.send(Err(status));
        }
    }
}

/// Room for one batch.
#[derive(Debug)]
pub(super) struct Room<'a>(mpsc::Permit<'a, Result<Batch, Status>>);

impl Room<'_> {
    pub(super) fn send(self, batch: Batch) {
        self.0.send(Ok(batch));
    }
}

/// A message, and the cursor to come back with after it.
pub(super) fn message(cursor: String, message: Message) -> v1::WatchReachabilityResponse {
    v1::WatchReachabilityResponse {
        cursor,
        message: Some(message),
    }
}

/// How a device stands at `now`; `None` if nobody is known by its name.
pub(super) fn standing(
    device: v1::Device,
    answer: Option<&Reachability>,
    now: Timestamp,
    max_age: std::time::Duration,
) -> v1::DeviceReachability {
    let result = match answer {
        Some(answer) => Of::Reachability(convert::reachability(&Answer {
            reachability: *answer,
            freshness: Freshness::at(now, answer.last_confirmed_time, max_age),
        })),
        None => Of::Error(LookupError::IdentifierNotFound.in_batch()),
    };
    v1::DeviceReachability {
        device: Some(device),
        result: Some(result),
    }
}

/// The device that an identifier names, as clients name it. Of an IMSI there is none.
pub(super) fn device(identifier: &Identifier) -> v1::Device {
    let mut device = v1::Device::default();
    match identifier {
        Identifier::Imsi(_) => {}
        Identifier::Msisdn(msisdn) => device.phone_number = format!("+{}", msisdn.digits()),
        Identifier::External(external) => external.text().clone_into(&mut device.network_access_identifier),
    }
    device
}
