//! Accounting: records of data sessions.

use std::slice::from_ref;

use prost_types::Timestamp;
use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};

use sqlx::{Connection, PgConnection, SqliteConnection};

use super::{ACCOUNTING, GATEWAY, connect, request, with_peers};
use crate::support::daemon::{Engine, Home};
use crate::support::postgres::Cluster;
use crate::support::wire::{Message, Request, SUCCESS, avp, avp_3gpp, encode_avp};
use crate::support::{Subscriber, ago, eventually, on_each_engine};

const ACCOUNTING_COMMAND: u32 = 271;
const RECORD_TYPE: u32 = 480;
const RECORD_NUMBER: u32 = 485;
const ACCT_APPLICATION_ID: u32 = 259;
const SUBSCRIPTION_ID: u32 = 443;
const EVENT_TIMESTAMP: u32 = 55;
const CALLED_STATION_ID: u32 = 30;
const FRAMED_IP_ADDRESS: u32 = 8;
const SERVICE_INFORMATION: u32 = 873;
const PS_INFORMATION: u32 = 874;
const PDP_ADDRESS: u32 = 1227;

const EVENT: u32 = 1;
pub(super) const START: u32 = 2;
pub(super) const INTERIM: u32 = 3;
pub(super) const STOP: u32 = 4;
const OUT_OF_SPACE: u32 = 4002;

pub(super) fn subscription_id(kind: u32, data: &str) -> Vec<u8> {
    avp(
        SUBSCRIPTION_ID,
        &[avp(450, &kind.to_be_bytes()), avp(444, data.as_bytes())].concat(),
    )
}

/// Seconds since 1900 of a moment.
fn ntp(time: &Timestamp) -> [u8; 4] {
    u32::try_from(time.seconds + 2_208_988_800).unwrap().to_be_bytes()
}

/// A record of a session, by IMSI, in the dialect of a gateway.
pub(super) fn record(kind: u32, session: &str, subscriber: &Subscriber, at: &Timestamp) -> Request {
    let mut record = request(ACCOUNTING, ACCOUNTING_COMMAND, "pgw1.home.example")
        .with(avp(RECORD_TYPE, &kind.to_be_bytes()))
        .with(avp(RECORD_NUMBER, &7u32.to_be_bytes()))
        .with(avp(ACCT_APPLICATION_ID, &ACCOUNTING.to_be_bytes()))
        .with(avp(EVENT_TIMESTAMP, &ntp(at)))
        .with(subscription_id(1, &subscriber.imsi))
        .with(avp_3gpp(
            SERVICE_INFORMATION,
            &avp_3gpp(PS_INFORMATION, &avp_3gpp(PDP_ADDRESS, &[0, 1, 192, 0, 2, 7])),
        ));
    record.avps[0] = avp(263, format!("pgw1.home.example;1;{session}").as_bytes());
    record
}

/// One of each type, and some that cannot be read.
pub(super) fn examples(subscriber: &Subscriber) -> Vec<Request> {
    let sound = |kind| record(kind, "1", subscriber, &seconds_ago(60));
    vec![
        sound(START),
        sound(INTERIM),
        sound(STOP),
        sound(EVENT),
        sound(START).with(subscription_id(1, "x")),
        sound(START).without(RECORD_TYPE),
        sound(77),
    ]
}

#[track_caller]
fn assert_answers(answer: &Message, result: u32, kind: u32) {
    answer.assert_result(result);
    let number = |code| answer.find(code).map(|avp| avp.u32());
    assert_eq!(number(RECORD_TYPE), Some(kind));
    assert_eq!(number(RECORD_NUMBER), Some(7));
    assert_eq!(number(ACCT_APPLICATION_ID), Some(ACCOUNTING));
    assert_eq!(number(crate::support::wire::code::AUTH_SESSION_STATE), None);
    assert!(!answer.is_error());
}

/// A number out of the store, whatever its engine.
async fn count(home: &Home, statement: &'static str) -> i64 {
    if home.store_url().starts_with("sqlite") {
        let mut store = SqliteConnection::connect(home.store_url()).await.unwrap();
        sqlx::query_scalar(statement).fetch_one(&mut store).await.unwrap()
    } else {
        let mut store = PgConnection::connect(home.store_url()).await.unwrap();
        sqlx::query_scalar(statement).fetch_one(&mut store).await.unwrap()
    }
}

/// Whole seconds, as a record tells them.
pub(super) fn seconds_ago(seconds: u64) -> Timestamp {
    Timestamp {
        nanos: 0,
        ..ago(seconds)
    }
}

on_each_engine! {
    async fn a_session_is_a_data_connection_from_start_to_stop(engine) {
        let mut home = Home::new(engine).await;
        with_peers(&mut home);
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let (mut gateway, _) = connect(&daemon, GATEWAY).await;
        let mut lookups = daemon.lookups();

        let (started, going_on, stopped) = (seconds_ago(300), seconds_ago(200), seconds_ago(100));
        let answer = gateway.ask(&record(START, "1", &subscriber, &started)).await;
        assert_answers(&answer, SUCCESS, START);
        let connected = lookups.phone(&subscriber.number()).await;
        connected.assert_is(Status::ConnectedData, &[Connectivity::Data]);
        assert_eq!(connected.last_status_time, Some(started));

        let answer = gateway.ask(&record(INTERIM, "1", &subscriber, &going_on)).await;
        assert_answers(&answer, SUCCESS, INTERIM);
        // Another session of the same subscriber comes and goes.
        gateway.ask(&record(START, "2", &subscriber, &going_on)).await.assert_result(SUCCESS);
        gateway.ask(&record(STOP, "2", &subscriber, &going_on)).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::ConnectedData, &[Connectivity::Data]);

        let answer = gateway.ask(&record(STOP, "1", &subscriber, &stopped)).await;
        assert_answers(&answer, SUCCESS, STOP);
        let gone = lookups.phone(&subscriber.number()).await;
        gone.assert_is(Status::NotConnected, &[]);
        assert_eq!(gone.last_status_time, Some(stopped));

        // What happened once is no session, and a record that comes late is no news.
        gateway.ask(&record(EVENT, "3", &subscriber, &seconds_ago(10))).await.assert_result(SUCCESS);
        gateway.ask(&record(INTERIM, "1", &subscriber, &going_on)).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_still(&gone);
    }

    async fn sessions_that_ended_long_ago_are_forgotten_and_the_answer_stays(engine) {
        let mut home = Home::new(engine).await;
        with_peers(&mut home);
        home.store("prune_after = \"1s\"");
        // What is over is remembered at least until what it superseded has expired.
        home.configure("\n[sessions]\nexpire_after = \"1s\"\n");
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let (mut gateway, _) = connect(&daemon, GATEWAY).await;
        for n in 1..4 {
            let session = n.to_string();
            let (from, to) = (seconds_ago(100 - 10 * n), seconds_ago(95 - 10 * n));
            gateway.ask(&record(START, &session, &subscriber, &from)).await.assert_result(SUCCESS);
            gateway.ask(&record(STOP, &session, &subscriber, &to)).await.assert_result(SUCCESS);
        }
        let gone = daemon.lookups().phone(&subscriber.number()).await;
        gone.assert_is(Status::NotConnected, &[]);
        let sessions = "SELECT count(*) FROM registration WHERE slot = 5";
        eventually("one session is left, and no address", async || {
            let left = (count(&home, sessions).await, count(&home, "SELECT count(*) FROM ip_session").await);
            (left == (1, 0)).then_some(())
        })
        .await;
        assert!(daemon.metrics().await.contains("reachd_store_pruned_sessions_total "));
        daemon.stop().await;
        let daemon = home.start().await;
        daemon.lookups().phone(&subscriber.number()).await.assert_still(&gone);
    }

    async fn a_record_of_an_access_server_binds_a_number_and_counts_where_its_access_point_does(engine) {
        let mut home = Home::new(engine).await;
        with_peers(&mut home);
        home.configure("\n[diameter.accounting]\napns = [\"internet\"]\n");
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        let (mut gateway, _) = connect(&daemon, GATEWAY).await;
        let mut lookups = daemon.lookups();
        let record = |apn: &str, session: &str| {
            let mut record = request(ACCOUNTING, ACCOUNTING_COMMAND, "nas1.home.example")
                .with(avp(RECORD_TYPE, &START.to_be_bytes()))
                .with(avp(RECORD_NUMBER, &7u32.to_be_bytes()))
                .with(avp_3gpp(1, subscriber.imsi.as_bytes()))
                .with(avp(31, subscriber.digits.as_bytes()))
                .with(avp(CALLED_STATION_ID, apn.as_bytes()))
                .with(avp(FRAMED_IP_ADDRESS, &[192, 0, 2, 7]))
                // What is not read, and marked mandatory.
                .with(avp(61, &18u32.to_be_bytes()))
                .with(encode_avp(12, 0xc0, Some(10_415), b"0"));
            record.avps[0] = avp(263, session.as_bytes());
            record
        };
        gateway.ask(&record("ims", "nas1;1;1")).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::Unknown, &[]);
        gateway.ask(&record("internet", "nas1;1;2")).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::ConnectedData, &[Connectivity::Data]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_kept_is_the_client_s_to_keep_and_send_again() {
    let mut cluster = Cluster::private().await;
    let mut home = Home::on_store(&cluster.fresh_database().await);
    with_peers(&mut home);
    home.configure("\n[ingest]\nanswer_within = \"200ms\"\n");
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    daemon.import_rows(from_ref(&subscriber)).await;
    let (mut gateway, _) = connect(&daemon, GATEWAY).await;
    cluster.stop_immediately().await;
    let start = record(START, "1", &subscriber, &seconds_ago(60));
    let answer = gateway.ask(&start).await;
    assert_answers(&answer, OUT_OF_SPACE, START);
    cluster.start_again().await;
    eventually("the record is kept", async || {
        (gateway.ask(&start).await.result_code() == Some(SUCCESS)).then_some(())
    })
    .await;
    let connected = daemon.lookups().phone(&subscriber.number()).await;
    connected.assert_is(Status::ConnectedData, &[Connectivity::Data]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_record_is_answered_with_its_type_its_number_and_what_is_wrong() {
    let mut home = Home::new(Engine::Sqlite).await;
    with_peers(&mut home);
    let daemon = home.start().await;
    let (mut gateway, _) = connect(&daemon, GATEWAY).await;
    let sound = record(START, "1", &Subscriber::nth(1), &seconds_ago(60));
    let answer = gateway
        .ask(&sound.clone().with(avp(FRAMED_IP_ADDRESS, &[192, 0, 2])))
        .await;
    assert_answers(&answer, 5004, START);
    assert_eq!(answer.failed_avp().code, FRAMED_IP_ADDRESS);
    let answer = gateway.ask(&sound.clone().with(subscription_id(1, "x"))).await;
    assert_answers(&answer, 5004, START);
    let answer = gateway.ask(&sound.without(RECORD_NUMBER)).await;
    answer.assert_result(5005);
    assert_eq!(answer.failed_avp().code, RECORD_NUMBER);
}
