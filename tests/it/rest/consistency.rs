//! The same facts mean the same, whoever asks for them and how: gRPC, REST v0, v0.6 and v1, and SQL.

use reachd::proto::v1::{Connectivity, Freshness, ReachabilityStatus as Status};
use reachd::rest::Contract;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::client::{Ask, by_number};
use super::lab::{DATA, DATA_AND_SMS, NEVER_SEEN, NOBODY, NOT_CONNECTED, SMS, STALE, number, populate};
use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::{Answer, Subscriber, on_each_engine};

/// What each place's state is called, and by what it is reachable.
const STATES: [(usize, &str, bool, bool); 6] = [
    (DATA, "CONNECTED_DATA", true, false),
    (SMS, "CONNECTED_SMS", false, true),
    (DATA_AND_SMS, "CONNECTED_DATA", true, true),
    (NOT_CONNECTED, "NOT_CONNECTED", false, false),
    (NEVER_SEEN, "UNKNOWN", false, false),
    (STALE, "CONNECTED_DATA", true, false),
];

on_each_engine! {
    async fn all_five_ways_of_asking_tell_the_same_in_every_state(engine) {
        let mut home = Home::new(engine).await;
        home.configure("\n[rest]\nlisten = \"127.0.0.1:0\"\nauth.mode = \"none\"\n");
        let daemon = home.start().await;
        populate(&daemon).await;
        for (place, word, data, sms) in STATES {
            // Asked twice, since what is fresh may be confirmed anew in between.
            let before = daemon.lookups().phone(&number(place)).await;
            let rest = Rest::ask(&daemon, &number(place)).await;
            let after = daemon.lookups().phone(&number(place)).await;
            before.assert_is(status(word), &connectivity(data, sms));
            rest.assert_means(&before, &after, word);
            assert_eq!(
                sql(engine, home.store_url(), place).await,
                (word.to_owned(), data, sms, before.last_status_time.map(micros)),
                "{word}"
            );
        }
        // And nobody is nobody.
        let grpc = daemon.lookups().try_phone(&number(NOBODY)).await.unwrap_err();
        assert_eq!(grpc.code(), tonic::Code::NotFound);
        for contract in Contract::ALL {
            let reply = Ask::about(contract, &by_number(&number(NOBODY))).send(daemon.rest()).await;
            assert_eq!(reply.status, 404);
        }
    }
}

/// What the three versions say, `None` where they say that it cannot be told.
struct Rest {
    v0: Option<Value>,
    v06: Option<Value>,
    v1: Option<Value>,
}

impl Rest {
    async fn ask(daemon: &Daemon, number: &str) -> Self {
        let ask = async |contract| {
            let reply = Ask::about(contract, &by_number(number)).send(daemon.rest()).await;
            match (contract, reply.status) {
                (_, 200) => Some(reply.fine()),
                (Contract::V0, _) => {
                    reply.failed_as(503, 5);
                    None
                }
                (Contract::V06, _) => {
                    reply.failed(422, "UNABLE_TO_PROVIDE_REACHABILITY_STATUS");
                    None
                }
                (Contract::V1, _) => {
                    reply.failed(503, "UNAVAILABLE");
                    None
                }
            }
        };
        Self {
            v0: ask(Contract::V0).await,
            v06: ask(Contract::V06).await,
            v1: ask(Contract::V1).await,
        }
    }

    #[track_caller]
    fn assert_means(&self, before: &Answer, after: &Answer, word: &str) {
        let Self { v0, v06, v1 } = self;
        if word == "UNKNOWN" {
            assert_eq!((v0, v06, v1), (&None, &None, &None));
            return;
        }
        let mut one = json!({ "reachabilityStatus": word });
        if before.freshness == Freshness::Fresh {
            one["lastStatusTime"] = json!(millis(before.last_status_time));
        }
        assert_eq!(v0.as_ref(), Some(&one));
        assert_eq!(v06.as_ref(), Some(&one));

        let v1 = v1.as_ref().unwrap();
        assert_eq!(v1["reachable"], json!(before.reachable), "{v1}");
        let words: Vec<_> = before
            .connectivity
            .iter()
            .map(|connectivity| match connectivity {
                Connectivity::Data => "DATA",
                Connectivity::Sms => "SMS",
                Connectivity::Unspecified => "",
            })
            .collect();
        let told = v1.get("connectivity").cloned().unwrap_or_else(|| json!([]));
        assert_eq!(told, json!(words), "{v1}");
        let told = v1["lastStatusTime"].as_str().unwrap();
        let (least, most) = (
            millis(before.last_confirmed_time),
            millis(after.last_confirmed_time),
        );
        assert!(
            *least <= *told && *told <= *most,
            "{told} lies outside {least} to {most}"
        );
    }
}

fn status(word: &str) -> Status {
    Status::from_str_name(&format!("REACHABILITY_STATUS_{word}")).unwrap()
}

fn connectivity(data: bool, sms: bool) -> Vec<Connectivity> {
    let data = data.then_some(Connectivity::Data);
    let sms = sms.then_some(Connectivity::Sms);
    data.into_iter().chain(sms).collect()
}

fn micros(time: prost_types::Timestamp) -> i64 {
    time.seconds * 1_000_000 + i64::from(time.nanos) / 1000
}

/// As JSON has it: cut to the millisecond.
fn millis(time: Option<prost_types::Timestamp>) -> String {
    let time = reachd::domain::Timestamp::from_micros(micros(time.unwrap())).unwrap();
    format!("{}Z", &time.to_string()[..23])
}

/// Status, data, SMS and last status time in microseconds, as the view has them.
async fn sql(engine: Engine, url: &str, place: usize) -> (String, bool, bool, Option<i64>) {
    let imsi = reachd::domain::Imsi::parse(&Subscriber::nth(place).imsi).unwrap();
    let id = reachd::domain::SubscriberId::from(imsi).as_i64();
    let time = match engine {
        Engine::Postgres => "CAST(EXTRACT(EPOCH FROM last_status_time) * 1000000 AS BIGINT)",
        Engine::Sqlite => {
            "CAST(strftime('%s', last_status_time) AS INTEGER) * 1000000 + CAST(substr(last_status_time, 21, 6) AS INTEGER)"
        }
    };
    let query = AssertSqlSafe(format!(
        "SELECT status, data, sms, {time} FROM device_reachability WHERE subscriber_id = {id}"
    ));
    match engine {
        Engine::Postgres => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::query_as(query).fetch_one(&mut connection).await.unwrap()
        }
        Engine::Sqlite => {
            let mut connection = SqliteConnection::connect(url).await.unwrap();
            sqlx::query_as(query).fetch_one(&mut connection).await.unwrap()
        }
    }
}
