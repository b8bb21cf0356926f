//! Feeds that send as fast as answers come back, and keep account of what the daemon promised: every update that was
//! answered with success or acknowledged has to be there afterwards, whatever happened in between.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prost_types::Timestamp;
use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status, RegistrationChange as Change, Slot};
use tokio::time::timeout;

use super::daemon::Daemon;
use super::publisher::{Publisher, event_with_number};
use super::wire::{Peer, Request, SUCCESS, TOO_BUSY};
use super::{Subscriber, ago};

const MME: &str = "mme1.visited.example";

/// How many subscribers one feed has on the way.
const WINDOW: usize = 48;

/// What the daemon said is done, and must therefore still be there.
#[derive(Default)]
pub(crate) struct Promised {
    /// Registered in an MME: data.
    pub(crate) attached: Vec<Subscriber>,
    /// Purged after that: not connected.
    pub(crate) purged: Vec<Subscriber>,
    /// Registered in an MSC at that time: SMS.
    pub(crate) published: Vec<(Subscriber, Timestamp)>,
}

impl Promised {
    pub(crate) fn len(&self) -> usize {
        self.attached.len() + self.purged.len() + self.published.len()
    }

    pub(crate) fn extend(&mut self, more: Self) {
        self.attached.extend(more.attached);
        self.purged.extend(more.purged);
        self.published.extend(more.published);
    }

    /// Asks for every subscriber there ever was.
    pub(crate) async fn assert_kept(&self, daemon: &Daemon) {
        let mut lookups = daemon.lookups();
        let numbers =
            |subscribers: &[Subscriber]| subscribers.iter().map(Subscriber::number).collect::<Vec<_>>();
        for answer in lookups.phones(&numbers(&self.attached)).await {
            answer
                .expect("an acknowledged number is known")
                .assert_is(Status::ConnectedData, &[Connectivity::Data]);
        }
        for answer in lookups.phones(&numbers(&self.purged)).await {
            answer
                .expect("an acknowledged number is known")
                .assert_is(Status::NotConnected, &[]);
        }
        let published: Vec<_> = self
            .published
            .iter()
            .map(|(subscriber, _)| subscriber.number())
            .collect();
        for (answer, (_, at)) in lookups.phones(&published).await.into_iter().zip(&self.published) {
            let answer = answer.expect("an acknowledged number is known");
            answer.assert_is(Status::ConnectedSms, &[Connectivity::Sms]);
            assert_eq!(answer.last_status_time, Some(*at));
        }
    }
}

/// What a running feed tells those who watch it.
#[derive(Default)]
pub(crate) struct Progress {
    acknowledged: AtomicUsize,
    busy: AtomicUsize,
}

impl Progress {
    /// Updates acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Requests answered DIAMETER_TOO_BUSY so far.
    pub(crate) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    fn acknowledge(&self, more: usize) {
        self.acknowledged.fetch_add(more, Ordering::Relaxed);
    }
}

/// Tells each subscriber's number and attaches it, until the range is used up or the connection ends.
/// Comes back with those of which both were answered with success.
pub(crate) async fn attach(peer: Peer, range: Range<usize>, progress: &Progress) -> Promised {
    let mut feed = DiameterFeed::new(peer, progress);
    for subscriber in range.map(Subscriber::nth) {
        let told = Request::insert_subscriber_data(&subscriber.imsi, MME, &subscriber.digits);
        let requests = [told, Request::update_location(&subscriber.imsi, MME)];
        if !feed.send(subscriber, &requests).await {
            break;
        }
        while feed.waiting.len() >= WINDOW {
            if !feed.take_answer().await {
                return feed.attached();
            }
        }
    }
    while !feed.waiting.is_empty() && feed.take_answer().await {}
    feed.attached()
}

/// As [`attach`], and each subscriber is purged by the same node after its attach was answered.
pub(crate) async fn attach_and_purge(peer: Peer, range: Range<usize>, progress: &Progress) -> Promised {
    let mut feed = DiameterFeed::new(peer, progress);
    let mut purged = Vec::new();
    for subscriber in range.map(Subscriber::nth) {
        let told = Request::insert_subscriber_data(&subscriber.imsi, MME, &subscriber.digits);
        let attach = Request::update_location(&subscriber.imsi, MME);
        let purge = Request::purge(&subscriber.imsi, MME);
        feed.done.clear();
        for requests in [&[told, attach][..], &[purge][..]] {
            if !feed.send(subscriber.clone(), requests).await {
                return purged_only(purged);
            }
            while !feed.waiting.is_empty() {
                if !feed.take_answer().await {
                    return purged_only(purged);
                }
            }
        }
        if feed.done.len() == 2 {
            purged.push(subscriber);
        }
    }
    purged_only(purged)
}

fn purged_only(purged: Vec<Subscriber>) -> Promised {
    Promised {
        purged,
        ..Promised::default()
    }
}

/// Publishes an MSC registration for each subscriber. Comes back with those acknowledged.
pub(crate) async fn publish(mut publisher: Publisher, range: Range<usize>, progress: &Progress) -> Promised {
    let mut waiting = VecDeque::new();
    let mut published = Vec::new();
    for subscriber in range.map(Subscriber::nth) {
        let at = ago(3600);
        let event = event_with_number(&subscriber, Slot::Msc, "99910001", Change::Registered, at);
        let Some(sequence) = publisher.send(event).await else {
            break;
        };
        waiting.push_back((sequence, subscriber, at));
        if waiting.len() >= WINDOW && !take_acks(&mut publisher, &mut waiting, &mut published, progress).await
        {
            break;
        }
    }
    while !waiting.is_empty() && take_acks(&mut publisher, &mut waiting, &mut published, progress).await {}
    Promised {
        published,
        ..Promised::default()
    }
}

/// Takes one response into account; `false` once the stream has ended.
async fn take_acks(
    publisher: &mut Publisher,
    waiting: &mut VecDeque<(u64, Subscriber, Timestamp)>,
    published: &mut Vec<(Subscriber, Timestamp)>,
    progress: &Progress,
) -> bool {
    let more = timeout(PATIENCE, publisher.receive())
        .await
        .expect("an ack in time");
    assert!(publisher.refused.is_empty(), "{:?}", publisher.refused);
    while let Some((_, subscriber, at)) =
        waiting.pop_front_if(|(sequence, _, _)| *sequence <= publisher.acked)
    {
        published.push((subscriber, at));
        progress.acknowledge(1);
    }
    more
}

/// Longer than any outage a test makes.
const PATIENCE: Duration = Duration::from_secs(60);

/// One Diameter connection and the subscribers whose requests are on the way.
struct DiameterFeed<'a> {
    peer: Peer,
    waiting: VecDeque<Waiting>,
    done: Vec<Subscriber>,
    progress: &'a Progress,
}

struct Waiting {
    subscriber: Subscriber,
    hops: Vec<u32>,
    refused: bool,
}

impl<'a> DiameterFeed<'a> {
    fn new(peer: Peer, progress: &'a Progress) -> Self {
        Self {
            peer,
            waiting: VecDeque::new(),
            done: Vec::new(),
            progress,
        }
    }

    fn attached(self) -> Promised {
        Promised {
            attached: self.done,
            ..Promised::default()
        }
    }

    /// Sends a subscriber's requests in one write; `false` if the connection is gone.
    async fn send(&mut self, subscriber: Subscriber, requests: &[Request]) -> bool {
        let (mut bytes, mut hops) = (Vec::new(), Vec::new());
        for request in requests {
            let (hop_by_hop, encoded) = self.peer.prepare(request);
            bytes.extend(encoded);
            hops.push(hop_by_hop);
        }
        self.waiting.push_back(Waiting {
            subscriber,
            hops,
            refused: false,
        });
        self.peer.try_send_bytes(&bytes).await.is_ok()
    }

    /// Takes one answer into account; `false` once the connection has ended.
    async fn take_answer(&mut self) -> bool {
        let Some(answer) = self.peer.receive_answer().await else {
            return false;
        };
        let at = self
            .waiting
            .iter()
            .position(|one| one.hops.contains(&answer.hop_by_hop))
            .expect("an answer to a request");
        let one = &mut self.waiting[at];
        one.hops.retain(|hop| *hop != answer.hop_by_hop);
        if answer.result_code() == Some(TOO_BUSY) {
            assert!(answer.is_error(), "a 3xxx answer has the E bit");
            one.refused = true;
            self.progress.busy.fetch_add(1, Ordering::Relaxed);
            // A peer that is told so waits before it tries again.
            tokio::time::sleep(Duration::from_millis(1)).await;
        } else {
            answer.assert_result(SUCCESS);
        }
        if self.waiting[at].hops.is_empty()
            && let Some(one) = self.waiting.remove(at)
            && !one.refused
        {
            self.done.push(one.subscriber);
            self.progress.acknowledge(1);
        }
        true
    }
}
