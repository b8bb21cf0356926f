//! The pipeline between feeds and store, on both engines.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use reachd::domain::session::session_name;
use reachd::domain::{
    Change, DeviceQuery, Ends, Event, FeedId, Gateway, GatewayRestarted, Identifier, Imsi, IpChange,
    IpChangeKind, Msisdn, News, Node, Outcome, SessionAddress, Slot, Source, Status, SubscriberId,
    SubscriberIdentifiers, Timestamp,
};
use reachd::index::Index;
use reachd::ingest::{Ack, Acked, Feed, Ingest, IngestConfig, Refused, SubmitError};
use reachd::store::{AnyStore, Batch, Loaded, Store, StoreConfig, StoreError};
use sqlx::{AssertSqlSafe, Connection};
use tokio::sync::mpsc;

use crate::store::{Fresh, on_each_engine};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

fn imsi(device: u32) -> Imsi {
    Imsi::parse(&format!("99901{device:010}")).unwrap()
}

fn number(device: u32) -> Msisdn {
    Msisdn::parse(&format!("+999{device:08}")).unwrap()
}

fn attach(device: u32, time: i64) -> Event {
    let node = Node::parse("mme1.example").unwrap();
    let subscriber = SubscriberIdentifiers::new(Some(imsi(device)), Some(number(device)), None).unwrap();
    let change = Change::Registered {
        slot: Slot::Mme,
        node,
        ends: Ends::default(),
    };
    Event::new(subscriber, at(time), at(time), [change])
}

fn address(device: u32) -> SessionAddress {
    let network = Ipv6Addr::new(0x2001, 0xdb8, 0, u16::try_from(device).unwrap(), 0, 0, 0, 0);
    SessionAddress::v6(network, 64).unwrap()
}

/// A pipeline and the acknowledgements that come out of it.
struct Pipeline {
    ingest: Ingest,
    index: Arc<Index>,
    feed: Feed,
    to: mpsc::UnboundedSender<Acked>,
    acked: mpsc::UnboundedReceiver<Acked>,
}

impl Pipeline {
    fn start(store: &(impl Store + Clone), config: IngestConfig) -> Self {
        let index = Arc::new(Index::new());
        let (to, acked) = mpsc::unbounded_channel();
        let ingest = Ingest::start(config, store.clone(), Arc::clone(&index));
        Self {
            ingest,
            index,
            feed: Feed::register("test"),
            to,
            acked,
        }
    }

    fn submit(&self, token: u64, event: impl Into<News>) -> Result<(), SubmitError> {
        self.ingest.submit(
            &self.feed,
            event,
            Ack {
                to: Arc::new(self.to.clone()),
                token,
            },
        )
    }

    async fn results(&mut self, count: usize) -> BTreeMap<u64, Result<Outcome, Refused>> {
        let mut results = BTreeMap::new();
        while results.len() < count {
            let Acked { token, result } = self.acked.recv().await.unwrap();
            let twice = results.insert(token, result.map(|effect| effect.outcome));
            assert!(twice.is_none(), "acknowledged twice");
        }
        results
    }
}

on_each_engine! {
    async fn every_event_is_acknowledged_once_and_is_then_visible_and_durable(fresh) {
        let mut pipeline = Pipeline::start(&fresh.store, IngestConfig::default());
        for device in 0..3000 {
            pipeline.submit(u64::from(device), attach(device, 1000)).unwrap();
        }
        let results = pipeline.results(3000).await;
        assert!(results.values().all(|result| *result == Ok(Outcome::Applied)));
        let answer = pipeline.index.lookup(&Identifier::Msisdn(number(7)), at(2000)).unwrap();
        assert_eq!((answer.status, answer.last_status_time), (Status::ConnectedData, Some(at(1000))));
        let mut registrations = 0;
        let mut count = |row| registrations += usize::from(matches!(row, Loaded::Registration(_)));
        fresh.reopened().await.load(&mut count).await.unwrap();
        assert_eq!(registrations, 3000);
        assert_eq!(pipeline.ingest.depth(), 0);
    }

    async fn what_is_known_already_is_acknowledged_without_being_stored_again(fresh) {
        let mut pipeline = Pipeline::start(&fresh.store, IngestConfig::default());
        for (token, (time, outcome)) in
            [(1000, Outcome::Applied), (1000, Outcome::Duplicate), (900, Outcome::Stale)].into_iter().enumerate()
        {
            pipeline.submit(token as u64, attach(1, time)).unwrap();
            assert_eq!(pipeline.results(1).await[&(token as u64)], Ok(outcome));
        }
    }

    async fn a_fact_remembers_which_feed_told_it_and_when(fresh) {
        let mut pipeline = Pipeline::start(&fresh.store, IngestConfig::default());
        let feed = FeedId::from_number(7).unwrap();
        pipeline.feed.known_as(feed);
        let late = Event { received_at: at(3_000_000), ..attach(1, 1_000_000) };
        pipeline.submit(0, late).unwrap();
        pipeline.results(1).await;
        let known = pipeline.index.registrations(&Identifier::Imsi(imsi(1)));
        let expected = vec![Source { feed, delay: 2000 }];
        assert_eq!(known.iter().map(|held| held.facts.source).collect::<Vec<_>>(), expected);
        let mut stored = Vec::new();
        let mut collect = |row| if let Loaded::Registration(row) = row { stored.push(row.facts.source) };
        fresh.reopened().await.load(&mut collect).await.unwrap();
        assert_eq!(stored, expected);
    }

    async fn a_gateway_s_restart_ends_all_its_sessions_and_stays_so(fresh) {
        let mut pipeline = Pipeline::start(&fresh.store, IngestConfig::default());
        let now = Timestamp::from_system_time(std::time::SystemTime::now()).unwrap();
        let ago = |minutes: i64| at(now.as_micros() - minutes * 60_000_000);
        let gateway = |n: u32| Gateway::parse(&format!("pgw{n}.example")).unwrap();
        let session = |device: u32, began: i64| {
            let node = session_name(Some(&gateway(device % 2)), &[&device.to_be_bytes()]);
            let change = IpChange { address: address(device), session: node.clone(), kind: IpChangeKind::Started };
            let change_of_slot = Change::Registered { slot: Slot::Session, node, ends: Ends::default() };
            Event::new(imsi(device).into(), ago(began), ago(0), [change_of_slot]).with_addresses([change])
        };
        let restart = |n, minutes| GatewayRestarted::new(gateway(n), ago(minutes), ago(0));
        for device in 0..100 {
            pipeline.submit(u64::from(device), session(device, 30)).unwrap();
        }
        pipeline.results(100).await;
        pipeline.submit(100, restart(1, 20)).unwrap();
        assert_eq!(pipeline.results(1).await[&100], Ok(Outcome::Applied));
        for (token, (minutes, outcome)) in [(20, Outcome::Duplicate), (25, Outcome::Stale)].into_iter().enumerate() {
            pipeline.submit(token as u64, restart(1, minutes)).unwrap();
            assert_eq!(pipeline.results(1).await[&(token as u64)], Ok(outcome));
        }
        // One began anew since, and one was told of too late.
        pipeline.submit(101, session(1, 10)).unwrap();
        pipeline.submit(102, session(103, 25)).unwrap();
        pipeline.results(2).await;

        let loaded = Index::new();
        let mut take = |row| match row {
            Loaded::Registration(row) => loaded.load_registration(row.subscriber, row.slot, row.node.as_ref(), &row.facts),
            Loaded::Binding(row) => loaded.load_binding(&row.identifier, row.subscriber, row.bound_at),
            Loaded::IpSession(row) => {
                loaded.load_ip_session(row.subscriber, &row.session, row.address.as_ref(), &row.facts);
            }
            Loaded::GatewayRestart(row) => {
                loaded.apply_restart(&GatewayRestarted::new(row.gateway, row.restarted_at, row.restarted_at));
            }
        };
        fresh.reopened().await.load(&mut take).await.unwrap();
        loaded.finish_loading();
        for index in [&*pipeline.index, &loaded] {
            for device in (0..100).chain([103]) {
                let stands = device % 2 == 0 || device == 1;
                let query = DeviceQuery::Ipv6(Ipv6Addr::new(0x2001, 0xdb8, 0, u16::try_from(device).unwrap(), 0, 0, 0, 1));
                let found = index.find(&query, now);
                assert_eq!(found, stands.then(|| imsi(device).into()), "{device}");
                let answer = index.reachability(imsi(device).into(), now);
                let expected = if stands { Status::ConnectedData } else { Status::NotConnected };
                assert_eq!(answer.status, expected, "{device}");
                if !stands {
                    assert_eq!(answer.last_status_time, Some(ago(20)), "since the restart");
                }
            }
        }
    }

    async fn an_event_that_the_store_refuses_harms_no_other(fresh) {
        let bad = SubscriberId::from(imsi(57)).as_i64();
        forbid(&fresh.config.url, bad).await;
        let mut pipeline = Pipeline::start(&fresh.store, IngestConfig::default());
        for device in 0..200 {
            pipeline.submit(u64::from(device), attach(device, 1000)).unwrap();
        }
        let results = pipeline.results(200).await;
        for (device, result) in results {
            let expected = if device == 57 { Err(Refused::Store) } else { Ok(Outcome::Applied) };
            assert_eq!(result, expected, "{device}");
        }
        assert!(pipeline.index.lookup(&Identifier::Msisdn(number(57)), at(2000)).is_none());
    }

    async fn a_greedy_feed_gets_its_events_back_others_are_taken_and_draining_finishes_the_rest(fresh) {
        let config = IngestConfig { queue: 8, lanes: Some(1), batch: 2, ..IngestConfig::default() };
        let mut pipeline = Pipeline::start(&fresh.store, config);
        let held = Held::take(&fresh.config.url).await;
        let (mut accepted, mut refused) = (0, 0);
        for device in 0..64 {
            match pipeline.submit(device, attach(device as u32, 1000)) {
                Ok(()) => accepted += 1,
                Err(error) => {
                    assert_eq!(error, SubmitError::Full);
                    refused += 1;
                }
            }
        }
        // Of eight places in the queue and two in a batch, half are its own; what is in a batch counts until it is durable.
        assert_eq!(accepted, 5, "{refused} refused");
        assert_eq!(pipeline.ingest.depth(), accepted);
        // Who comes next is taken all the same.
        let next = Feed::register("next");
        let ack = Ack { to: Arc::new(pipeline.to.clone()), token: 64 };
        assert_eq!(pipeline.ingest.submit(&next, attach(64, 1000), ack), Ok(()));
        accepted += 1;
        held.release().await;
        pipeline.ingest.drain().await;
        assert_eq!(pipeline.ingest.depth(), 0);
        assert_eq!(pipeline.submit(99, attach(99, 1000)), Err(SubmitError::Closed));
        let results = pipeline.results(accepted).await;
        assert!(results.values().all(Result::is_ok));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_too_great_for_the_statement_timeout_goes_in_by_smaller_parts() {
    let fresh = Fresh::postgres().await;
    let mut connection = sqlx::PgConnection::connect(&fresh.config.url).await.unwrap();
    sqlx::raw_sql(ONLY_FEW_AT_A_TIME)
        .execute(&mut connection)
        .await
        .unwrap();
    let config = StoreConfig {
        statement_timeout: Duration::from_millis(100),
        ..fresh.config.clone()
    };
    let store = AnyStore::open(&config).await.unwrap();
    let config = IngestConfig {
        lanes: Some(1),
        ..IngestConfig::default()
    };
    let mut pipeline = Pipeline::start(&store, config);
    let held = Held::take(&fresh.config.url).await;
    for device in 0..60 {
        pipeline.submit(device, attach(device as u32, 1000)).unwrap();
    }
    held.release().await;
    let results = pipeline.results(60).await;
    assert!(results.values().all(|result| *result == Ok(Outcome::Applied)));
}

#[tokio::test]
async fn a_lane_that_ends_by_itself_is_told_and_an_orderly_end_is_not() {
    let mut pipeline = Pipeline::start(&Panics, IngestConfig::default());
    pipeline.submit(1, attach(1, 1000)).unwrap();
    pipeline.ingest.broken().await;
    assert!(
        pipeline.acked.try_recv().is_err(),
        "what is not durable is not acknowledged"
    );

    let pipeline = Pipeline::start(&Panics, IngestConfig::default());
    pipeline.ingest.drain().await;
    let broken = tokio::time::timeout(Duration::ZERO, pipeline.ingest.broken()).await;
    assert!(broken.is_err());
}

/// Has a defect.
#[derive(Clone)]
struct Panics;

impl Store for Panics {
    async fn commit(&self, _: &Batch) -> Result<(), StoreError> {
        panic!("as the test wants it")
    }

    async fn load(&self, _: &mut (dyn FnMut(Loaded) + Send)) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn prune(&self, _: Timestamp, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn parallel_commits(&self) -> usize {
        2
    }

    async fn close(&self) {}
}

/// More than this at once takes longer than any patience.
const ONLY_FEW_AT_A_TIME: &str = "
    CREATE FUNCTION only_few() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM written) > 20 THEN PERFORM pg_sleep(3600); END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER only_few AFTER INSERT ON registration REFERENCING NEW TABLE AS written
        FOR EACH STATEMENT EXECUTE FUNCTION only_few();
";

/// Makes the database itself refuse one subscriber.
async fn forbid(url: &str, subscriber: i64) {
    if let Some(path) = url.strip_prefix("sqlite://") {
        let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
        let trigger = format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON registration WHEN NEW.subscriber_id = {subscriber}
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        );
        sqlx::query(AssertSqlSafe(trigger))
            .execute(&mut connection)
            .await
            .unwrap();
    } else {
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        let constraint = format!("ALTER TABLE registration ADD CHECK (subscriber_id <> {subscriber})");
        sqlx::query(AssertSqlSafe(constraint))
            .execute(&mut connection)
            .await
            .unwrap();
    }
}

/// Keeps everybody else from writing until released.
enum Held {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Held {
    async fn take(url: &str) -> Self {
        if let Some(path) = url.strip_prefix("sqlite://") {
            let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
            sqlx::query("BEGIN IMMEDIATE")
                .execute(&mut connection)
                .await
                .unwrap();
            Self::Sqlite(connection)
        } else {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
            sqlx::query("LOCK TABLE registration")
                .execute(&mut connection)
                .await
                .unwrap();
            Self::Postgres(connection)
        }
    }

    async fn release(self) {
        match self {
            Self::Sqlite(mut connection) => sqlx::query("ROLLBACK").execute(&mut connection).await.map(drop),
            Self::Postgres(mut connection) => {
                sqlx::query("ROLLBACK").execute(&mut connection).await.map(drop)
            }
        }
        .unwrap();
    }
}
