//! The driver with a real store, and a network that is a table.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use smallvec::smallvec;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::network::{Network, Reply};
use super::once::Once;
use super::*;
use crate::diameter::apps::Answered;
use crate::diameter::apps::s6t::cia::Answer;
use crate::diameter::apps::s6t::cir::Question;
use crate::diameter::codec::ResultCode;
use crate::domain::{Aspect, Change, Event, Identifier, MonitoringState, Msisdn, Node, Slot, User};
use crate::ingest::{Acked, Ingest, IngestConfig};
use crate::store::{AnyStore, MonitoringBatch, MonitoringRow, MonitoringStore, StoreConfig, StoreError};

const SOON: Duration = Duration::from_secs(20);
/// Long enough for something that must not happen to happen.
const A_WHILE: Duration = Duration::from_millis(100);

/// The HSS: keeps what it was asked, and takes everything.
#[derive(Clone, Debug)]
struct Hss {
    asked: mpsc::UnboundedSender<Question>,
    /// An event that comes with every answer.
    event: Option<Event>,
    silent: bool,
}

impl Network for Hss {
    async fn ask(&self, question: &Question) -> Reply {
        self.asked.send(question.clone()).unwrap();
        if self.silent {
            std::future::pending::<()>().await;
        }
        Reply::Answered {
            host: Node::parse("hss.example").ok(),
            answer: Box::new(Answer {
                result: Answered::Base(ResultCode::SUCCESS),
                refused: smallvec![],
                events: self.event.clone().into_iter().collect(),
                notices: Vec::new(),
                is_absent: false,
            }),
        }
    }
}

/// A store that can be closed to writers, and that can fail.
#[derive(Clone, Debug)]
struct Gate {
    store: AnyStore,
    open: watch::Sender<bool>,
    failing: Arc<AtomicBool>,
    failures: Arc<AtomicUsize>,
}

impl MonitoringStore for Gate {
    async fn begin_monitoring(&self, scef: &str) -> Result<u64, StoreError> {
        self.check()?;
        self.store.begin_monitoring(scef).await
    }

    async fn load_monitoring(&self, each: &mut (dyn FnMut(MonitoringRow) + Send)) -> Result<u64, StoreError> {
        self.store.load_monitoring(each).await
    }

    async fn save_monitoring(&self, batch: &MonitoringBatch) -> Result<(), StoreError> {
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        self.check()?;
        self.store.save_monitoring(batch).await
    }
}

impl Gate {
    fn check(&self) -> Result<(), StoreError> {
        if self.failing.load(Ordering::Relaxed) {
            self.failures.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::Transient(sqlx::Error::PoolTimedOut));
        }
        Ok(())
    }

    async fn rows(&self) -> Vec<MonitoringRow> {
        let mut rows = Vec::new();
        self.store
            .load_monitoring(&mut |row| rows.push(row))
            .await
            .unwrap();
        rows
    }
}

struct Daemon {
    monitoring: Monitoring,
    gate: Gate,
    hss: Hss,
    asked: mpsc::UnboundedReceiver<Question>,
    ingest: Ingest,
    stop: CancellationToken,
    driver: JoinHandle<()>,
    directory: TempDir,
}

fn settings() -> Settings {
    Settings {
        duration: 3600,
        renew_before: 600,
        rate: 1000,
        in_flight: 10,
    }
}

impl Daemon {
    async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), |_| {}).await
    }

    async fn start_in(directory: TempDir, prepare: impl FnOnce(&mut (Hss, Gate))) -> Self {
        let config = StoreConfig {
            url: format!("sqlite://{}", directory.path().join("reachd.db").display()),
            ..StoreConfig::default()
        };
        let store = AnyStore::open(&config).await.unwrap();
        store.migrate().await.unwrap();
        let (sender, asked) = mpsc::unbounded_channel();
        let mut parts = (
            Hss {
                asked: sender,
                event: None,
                silent: false,
            },
            Gate {
                store: store.clone(),
                open: watch::Sender::new(true),
                failing: Arc::default(),
                failures: Arc::default(),
            },
        );
        prepare(&mut parts);
        let (hss, gate) = parts;
        let index = Arc::new(Index::new());
        let clock = Arc::new(ReceiptClock::default());
        let ingest = Ingest::start(IngestConfig::default(), store, Arc::clone(&index));
        let monitoring = Monitoring::new("reachd.example", Some(settings()), index, clock);
        let stop = CancellationToken::new();
        let driver = Driver::new(
            monitoring.clone(),
            gate.clone(),
            hss.clone(),
            ingest.clone(),
            stop.clone(),
        );
        Self {
            driver: tokio::spawn(async move {
                while driver.load().await.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                driver.run().await;
            }),
            monitoring,
            gate,
            hss,
            asked,
            ingest,
            stop,
            directory,
        }
    }

    async fn loaded(&self) {
        eventually(|| self.monitoring.census().is_some()).await;
    }

    /// The store fails once more.
    async fn fails(&self) {
        let before = self.gate.failures.load(Ordering::Relaxed);
        eventually(|| self.gate.failures.load(Ordering::Relaxed) > before).await;
    }

    async fn add(&self, targets: Vec<Target>) -> Result<Changed, NotNow> {
        timeout(SOON, self.monitoring.change(targets, Vec::new()))
            .await
            .unwrap()
    }

    async fn question(&mut self) -> Question {
        timeout(SOON, self.asked.recv()).await.unwrap().unwrap()
    }

    fn states(&self, target: &Target) -> Vec<MonitoringState> {
        let status = self.monitoring.status(target).unwrap().unwrap();
        status.map(|part| part.state).to_vec()
    }

    async fn stop(self) -> TempDir {
        self.stop.cancel();
        timeout(SOON, self.driver).await.unwrap().unwrap();
        self.ingest.drain().await;
        self.directory
    }
}

async fn eventually(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, wait).await.expect("it comes true in time");
}

fn number(n: u64) -> Target {
    Target::Msisdn(Msisdn::parse(&format!("999{n:09}")).unwrap())
}

#[tokio::test]
async fn what_is_added_is_durable_then_asked_for_and_then_watched() {
    let mut daemon = Daemon::start().await;
    daemon.loaded().await;
    let changed = daemon.add(vec![number(1), number(2), number(1)]).await.unwrap();
    assert_eq!((changed.added, changed.unchanged), (2, 1));
    assert_eq!(daemon.gate.rows().await.len(), 6);
    for _ in 0..2 {
        assert_eq!(daemon.question().await.begin.len(), 3);
    }
    eventually(|| daemon.states(&number(1)) == [MonitoringState::Active; 3]).await;
    let reference = daemon.monitoring.status(&number(1)).unwrap().unwrap()[1].reference;
    let who = number(1).subscriber().unwrap();
    assert_eq!(
        daemon.monitoring.monitored(reference.into()),
        Monitored::Subscriber(who, Aspect::Data)
    );

    let removed = daemon
        .monitoring
        .change(Vec::new(), vec![number(1), number(9)])
        .await
        .unwrap();
    assert_eq!((removed.removed, removed.unchanged), (1, 1));
    assert_eq!(daemon.question().await.end.len(), 3);
    eventually(|| daemon.monitoring.status(&number(1)).unwrap().is_none()).await;
    let gate = daemon.gate.clone();
    daemon.stop().await;
    assert_eq!(gate.rows().await.len(), 3, "the other target's");
}

#[tokio::test]
async fn nothing_leaves_before_it_is_durable() {
    let mut daemon = Daemon::start().await;
    daemon.loaded().await;
    daemon.gate.open.send_replace(false);
    let monitoring = daemon.monitoring.clone();
    let mut adding = tokio::spawn(async move { monitoring.change(vec![number(1)], Vec::new()).await });
    assert!(
        timeout(A_WHILE, &mut adding).await.is_err(),
        "nor is the operator answered"
    );
    assert!(daemon.asked.try_recv().is_err());
    daemon.gate.open.send_replace(true);
    timeout(SOON, adding).await.unwrap().unwrap().unwrap();
    let question = daemon.question().await;
    let rows = daemon.gate.rows().await;
    for begin in question.begin {
        assert!(
            rows.iter().any(|row| row.reference == begin.reference),
            "{begin:?}"
        );
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_store_that_fails_is_tried_again() {
    let mut daemon = Daemon::start_in(tempfile::tempdir().unwrap(), |(_, gate)| {
        gate.failing.store(true, Ordering::Relaxed);
    })
    .await;
    daemon.fails().await;
    assert_eq!(daemon.add(vec![number(1)]).await, Err(NotNow::Loading));
    assert_eq!(daemon.monitoring.monitored(1), Monitored::Unavailable);
    daemon.gate.failing.store(false, Ordering::Relaxed);
    daemon.loaded().await;

    daemon.gate.failing.store(true, Ordering::Relaxed);
    let monitoring = daemon.monitoring.clone();
    let adding = tokio::spawn(async move { monitoring.change(vec![number(1)], Vec::new()).await });
    daemon.fails().await;
    assert!(daemon.asked.try_recv().is_err());
    daemon.gate.failing.store(false, Ordering::Relaxed);
    assert_eq!(timeout(SOON, adding).await.unwrap().unwrap().unwrap().added, 1);
    daemon.question().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_report_is_acknowledged_when_what_it_says_is_durable() {
    let mut daemon = Daemon::start().await;
    daemon.loaded().await;
    daemon.add(vec![number(1)]).await.unwrap();
    daemon.question().await;
    eventually(|| daemon.states(&number(1)) == [MonitoringState::Active; 3]).await;
    let sms = daemon.monitoring.status(&number(1)).unwrap().unwrap()[2].reference;

    let (acks, mut acked) = mpsc::unbounded_channel::<Acked>();
    let to: Arc<dyn crate::ingest::Acknowledge> = Arc::new(acks);
    let notice = |token| {
        let ack = Ack {
            to: Arc::clone(&to),
            token,
        };
        daemon
            .monitoring
            .notice(&[Notice::Reported(sms.into())], ack)
            .unwrap();
    };
    daemon.gate.open.send_replace(false);
    notice(1);
    // A repetition waits for the same, although it changes nothing.
    notice(2);
    assert!(timeout(A_WHILE, acked.recv()).await.is_err());
    daemon.gate.open.send_replace(true);
    for token in [1, 2] {
        assert_eq!(timeout(SOON, acked.recv()).await.unwrap().unwrap().token, token);
    }
    // One that changes nothing once all is durable is acknowledged at once. That the configuration is asked for again has
    // to become durable as well.
    let mut token = 2;
    eventually(|| {
        token += 1;
        notice(token);
        std::iter::from_fn(|| acked.try_recv().ok()).any(|acked| acked.token == token)
    })
    .await;
    // The one-time configuration is asked for again.
    let mut question = None;
    for _ in 0..50 {
        if let Ok(asked) = timeout(A_WHILE, daemon.asked.recv()).await {
            question = asked;
            break;
        }
    }
    assert_eq!(question.unwrap().begin[0].aspect, Aspect::Sms);
    daemon.stop().await;
}

#[tokio::test]
async fn a_report_that_comes_with_the_answer_is_an_event() {
    let now = crate::domain::Timestamp::from_micros(1_769_860_800_000_000).unwrap();
    let node = Node::parse("mme.example").unwrap();
    let change = Change::Reachable {
        slot: Slot::Mme,
        node,
        until: None,
    };
    let event = Event::new(number(1).subscriber().unwrap(), now, now, [change]);
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), |(hss, _)| hss.event = Some(event)).await;
    daemon.loaded().await;
    daemon.add(vec![number(1)]).await.unwrap();
    eventually(|| daemon.states(&number(1)) == [MonitoringState::Active; 3]).await;
    let Target::Msisdn(msisdn) = number(1) else {
        panic!("a number");
    };
    let index = Arc::clone(&daemon.monitoring.0.index);
    let answer = index.lookup(&Identifier::Msisdn(msisdn), now).unwrap();
    assert!(answer.data, "visible before the question counts as answered");
    assert!(
        daemon
            .monitoring
            .registrations(&number(1).subscriber().unwrap())
            .holder(Slot::Mme)
            .is_some()
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let mut daemon = Daemon::start().await;
    daemon.loaded().await;
    daemon.add(vec![number(1)]).await.unwrap();
    daemon.question().await;
    eventually(|| daemon.states(&number(1)) == [MonitoringState::Active; 3]).await;
    let status = daemon.monitoring.status(&number(1)).unwrap();
    let directory = daemon.stop().await;
    // The answer to this one never comes.
    let mut daemon = Daemon::start_in(directory, |(hss, _)| hss.silent = true).await;
    daemon.loaded().await;
    assert_eq!(daemon.monitoring.status(&number(1)).unwrap(), status);
    daemon.add(vec![number(2)]).await.unwrap();
    let question = daemon.question().await;
    assert_eq!(question.target, number(2));
    let directory = daemon.stop().await;
    let mut daemon = Daemon::start_in(directory, |_| {}).await;
    daemon.loaded().await;
    let again = daemon.question().await;
    let references =
        |question: &Question| -> Vec<u32> { question.begin.iter().map(|begin| begin.reference).collect() };
    assert_eq!(
        (&again.target, references(&again)),
        (&number(2), references(&question))
    );
    assert!(!daemon.hss.silent);
    daemon.stop().await;
}

#[tokio::test]
async fn a_stop_ends_in_time_and_tells_whoever_waits() {
    let daemon = Daemon::start().await;
    daemon.loaded().await;
    daemon.gate.open.send_replace(false);
    let monitoring = daemon.monitoring.clone();
    let adding = tokio::spawn(async move { monitoring.change(vec![number(1)], Vec::new()).await });
    eventually(|| daemon.monitoring.status(&number(1)).unwrap().is_some()).await;
    let gate = daemon.gate.clone();
    daemon.stop().await;
    assert_eq!(
        timeout(SOON, adding).await.unwrap().unwrap(),
        Err(NotNow::Stopping)
    );
    assert!(gate.rows().await.is_empty());
}

#[tokio::test]
async fn where_nothing_is_asked_targets_are_refused() {
    let (index, clock) = (Arc::new(Index::new()), Arc::new(ReceiptClock::default()));
    let monitoring = Monitoring::new("reachd.example", None, index, clock);
    assert_eq!(
        monitoring.change(vec![number(1)], Vec::new()).await,
        Err(NotNow::Off)
    );
    assert!(!monitoring.is_enabled());
    assert_eq!(monitoring.status(&number(1)), Err(NotNow::Loading));
}

fn user(n: u64) -> User {
    let Target::Msisdn(msisdn) = number(n) else {
        panic!()
    };
    User::Msisdn(msisdn)
}

#[tokio::test]
async fn what_is_asked_once_is_asked_when_its_numbers_are_durable_and_told_when_its_answer_is() {
    let mut daemon = Daemon::start_in(tempfile::tempdir().unwrap(), |(hss, _)| {
        let at = ReceiptClock::default().now();
        let reachable = Change::Reachable {
            slot: Slot::Mme,
            node: Node::unnamed(),
            until: None,
        };
        let who = number(1).subscriber().unwrap();
        hss.event = Some(Event::new(who, at, at, [reachable]));
    })
    .await;
    daemon.loaded().await;
    daemon.gate.open.send_replace(false);
    let once = Once::new(
        daemon.monitoring.clone(),
        daemon.hss.clone(),
        daemon.ingest.clone(),
    );
    let once = Arc::new(once);
    let ask = |n| {
        let once = Arc::clone(&once);
        tokio::spawn(async move { once.ask(&user(n)).await })
    };
    let mut asking = ask(1);
    assert!(timeout(A_WHILE, &mut asking).await.is_err());
    assert!(daemon.asked.try_recv().is_err(), "nothing has left");
    daemon.gate.open.send_replace(true);
    assert!(timeout(SOON, asking).await.unwrap().unwrap());
    let question = daemon.question().await;
    assert_eq!((question.target, question.begin.len()), (number(1), 2));
    let index = &daemon.monitoring.0.index;
    let Target::Msisdn(msisdn) = number(1) else {
        panic!()
    };
    assert!(
        index
            .registrations(&Identifier::Msisdn(msisdn))
            .holder(Slot::Mme)
            .is_some()
    );
    assert!(daemon.gate.rows().await.is_empty(), "nothing of it is stored");

    // With numbers left, the store may be away.
    daemon.gate.open.send_replace(false);
    let asking = ask(2);
    assert_eq!(daemon.question().await.target, number(2));
    daemon.gate.open.send_replace(true);
    timeout(SOON, asking).await.unwrap().unwrap();
    daemon.stop().await;
}
