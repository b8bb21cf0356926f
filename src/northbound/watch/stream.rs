//! One stream, from its first message to its last word.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::domain::{Identifier, Reachability, SubscriberId, Timestamp};
use crate::grpc::error::status;
use crate::proto::v1;
use crate::proto::v1::watch_reachability_response::Message;
use crate::watch::{Begin, Change, Cursor, Slow, Subscription};

use super::messages::{self, AT_ONCE, Gone, Outgoing, Room, message};
use super::request::{Question, Scope};

/// Why a stream ends; otherwise it never does.
enum End {
    Gone,
    Slow,
    ShuttingDown,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Slow> for End {
    fn from(_: Slow) -> Self {
        Self::Slow
    }
}

/// The task of one stream.
pub(super) struct Streamer {
    question: Question,
    /// The devices of a list as their client named them.
    named: HashMap<SubscriberId, v1::Device>,
    /// Shared with threads that take parts of a snapshot.
    subscription: Arc<Subscription>,
    outgoing: Outgoing,
    shutdown: CancellationToken,
}

impl Streamer {
    pub(super) fn new(
        question: Question,
        subscription: Subscription,
        outgoing: Outgoing,
        shutdown: CancellationToken,
    ) -> Self {
        let named = match &question.scope {
            Scope::All => HashMap::new(),
            Scope::List(list) => list
                .iter()
                .map(|(identifier, device)| (identifier.subscriber(), device.clone()))
                .collect(),
        };
        Self {
            question,
            named,
            subscription: Arc::new(subscription),
            outgoing,
            shutdown,
        }
    }

    /// Runs to the end, and tells with which code.
    pub(super) async fn run(self, begin: Begin) -> Code {
        let Err(end) = self.tell(begin).await;
        let last_word = match end {
            End::Gone => return Code::Cancelled,
            End::Slow => slow(),
            End::ShuttingDown => shutting_down(),
        };
        let code = last_word.code();
        self.outgoing.end(last_word);
        code
    }

    async fn tell(&self, begin: Begin) -> Result<Infallible, End> {
        match begin {
            Begin::Resumed => {}
            Begin::List { answers, expired } => {
                self.tell_expired(expired).await?;
                self.tell_list(answers).await?;
                self.tell_complete().await?;
            }
            Begin::All { expired } => {
                self.tell_expired(expired).await?;
                self.tell_all().await?;
                self.tell_complete().await?;
            }
        }
        self.follow().await
    }

    // === The snapshot ===

    async fn tell_expired(&self, expired: bool) -> Result<(), End> {
        if expired {
            let expired = message(String::new(), Message::CursorExpired(v1::CursorExpired {}));
            self.room().await?.send(vec![expired]);
        }
        Ok(())
    }

    async fn tell_list(&self, answers: Vec<Option<Reachability>>) -> Result<(), End> {
        let Scope::List(list) = &self.question.scope else {
            return Ok(());
        };
        let standing: Vec<_> = list
            .iter()
            .map(|(identifier, _)| identifier.clone())
            .zip(answers)
            .collect();
        self.tell_standing(&standing).await
    }

    async fn tell_all(&self) -> Result<(), End> {
        for part in 0..Subscription::PARTS {
            let subscription = Arc::clone(&self.subscription);
            let standing = tokio::task::spawn_blocking(move || subscription.snapshot_part(part));
            // It fails only when the runtime ends.
            let standing = standing.await.map_err(|_| End::ShuttingDown)?;
            let standing: Vec<_> = standing
                .into_iter()
                .map(|(identifier, answer)| (identifier, Some(answer)))
                .collect();
            self.tell_standing(&standing).await?;
        }
        while let Some(changes) = self.subscription.catch_up(AT_ONCE)? {
            let standing: Vec<_> = changes
                .into_iter()
                .map(|change| (change.identifier, change.answer))
                .collect();
            self.tell_standing(&standing).await?;
        }
        Ok(())
    }

    async fn tell_standing(&self, standing: &[(Identifier, Option<Reachability>)]) -> Result<(), End> {
        if self.question.omit_snapshot {
            return Ok(());
        }
        for some in standing.chunks(AT_ONCE) {
            let room = self.room().await?;
            let now = now();
            let entry = |(identifier, answer): &(Identifier, Option<Reachability>)| {
                let entry = self.standing(identifier.subscriber(), identifier, answer.as_ref(), now);
                message(String::new(), Message::Snapshot(entry))
            };
            room.send(some.iter().map(entry).collect());
        }
        Ok(())
    }

    async fn tell_complete(&self) -> Result<(), End> {
        let room = self.room().await?;
        let cursor = self.subscription.cursor().to_string();
        room.send(vec![message(
            cursor,
            Message::SnapshotComplete(v1::SnapshotComplete {}),
        )]);
        Ok(())
    }

    // === Changes ===

    async fn follow(&self) -> Result<Infallible, End> {
        let mut beat = Instant::now() + self.question.heartbeat;
        loop {
            let room = self.room().await?;
            let delivery = self.subscription.take(AT_ONCE)?;
            if !delivery.changes.is_empty() {
                let (now, epoch) = (now(), delivery.cursor.epoch);
                let changes = delivery.changes.into_iter();
                room.send(changes.map(|change| self.change(&change, epoch, now)).collect());
                beat = Instant::now() + self.question.heartbeat;
                continue;
            }
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Err(End::ShuttingDown),
                () = self.outgoing.closed() => return Err(End::Gone),
                () = self.subscription.news() => {}
                () = sleep_until(beat) => {
                    let cursor = self.subscription.cursor().to_string();
                    room.send(vec![message(cursor, Message::Heartbeat(v1::WatchHeartbeat {}))]);
                    beat = Instant::now() + self.question.heartbeat;
                }
            }
        }
    }

    fn change(&self, change: &Change, epoch: u64, now: Timestamp) -> v1::WatchReachabilityResponse {
        let cursor = Cursor {
            epoch,
            sequence: change.sequence,
        };
        let changed = self.standing(change.name, &change.identifier, change.answer.as_ref(), now);
        message(cursor.to_string(), Message::Change(changed))
    }

    fn standing(
        &self,
        name: SubscriberId,
        identifier: &Identifier,
        answer: Option<&Reachability>,
        now: Timestamp,
    ) -> v1::DeviceReachability {
        let named = self.named.get(&name).cloned();
        let device = named.unwrap_or_else(|| messages::device(identifier));
        messages::standing(device, answer, now, self.question.max_age)
    }

    /// Waits for room, but no longer than there is a use for it.
    async fn room(&self) -> Result<Room<'_>, End> {
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Err(End::ShuttingDown),
                room = self.outgoing.room() => return Ok(room?),
                // What there is to take will be there when there is room.
                () = self.subscription.news() => if self.subscription.is_slow() {
                    return Err(End::Slow);
                },
            }
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_system_time(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

fn slow() -> Status {
    status(
        Code::ResourceExhausted,
        "SLOW_CONSUMER",
        None,
        "the client reads too slowly; come back with the cursor of the last message",
    )
}

/// Also for whoever comes when there is no time left.
pub(super) fn shutting_down() -> Status {
    status(
        Code::Unavailable,
        "SHUTTING_DOWN",
        None,
        "the daemon is shutting down; come back later or elsewhere, for a new snapshot",
    )
}
