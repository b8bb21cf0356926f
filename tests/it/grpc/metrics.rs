//! The `grpc_server_*` metrics of real calls.

use reachd::feed::grpc::PUBLISH_EVENTS;
use reachd::feed::provisioning::IMPORT_SUBSCRIBERS;
use reachd::grpc::metrics::{
    CODES, HANDLED, HANDLING, LABEL_CODE, LABEL_METHOD, LABEL_SERVICE, LABEL_TYPE, Method, STARTED,
};
use reachd::northbound::lookup::{BATCH_GET_REACHABILITY, GET_REACHABILITY};
use reachd::proto::v1;

use super::daemon::{Daemon, ask, phone, until};

fn labels(method: Method) -> [(&'static str, &'static str); 3] {
    [
        (LABEL_SERVICE, method.service),
        (LABEL_METHOD, method.name),
        (LABEL_TYPE, method.kind),
    ]
}

fn handled(daemon: &Daemon, method: Method, code: &str) -> Option<f64> {
    let [service, name, kind] = labels(method);
    daemon.scrape(HANDLED, &[service, name, kind, (LABEL_CODE, code)])
}

#[tokio::test]
async fn every_method_shows_every_code_before_the_first_call() {
    let daemon = Daemon::start().await;
    for method in [
        GET_REACHABILITY,
        BATCH_GET_REACHABILITY,
        PUBLISH_EVENTS,
        IMPORT_SUBSCRIBERS,
    ] {
        assert_eq!(daemon.scrape(STARTED, &labels(method)), Some(0.0), "{method:?}");
        for (_, code) in CODES {
            assert_eq!(handled(&daemon, method, code), Some(0.0), "{method:?} {code}");
        }
    }
}

#[tokio::test]
async fn calls_are_counted_by_code_and_timed_and_no_identifier_shows() {
    let daemon = Daemon::start().await;
    let mut lookups = daemon.lookups().await;
    for number in ["+99912345678", "+99912345679", "99912345678"] {
        lookups.get_reachability(ask(phone(number))).await.unwrap_err();
    }
    let batch = v1::BatchGetReachabilityRequest::default();
    lookups.batch_get_reachability(batch).await.unwrap();
    let stream = daemon.publish().await;

    assert_eq!(handled(&daemon, GET_REACHABILITY, "NotFound"), Some(2.0));
    assert_eq!(handled(&daemon, GET_REACHABILITY, "InvalidArgument"), Some(1.0));
    assert_eq!(handled(&daemon, GET_REACHABILITY, "OK"), Some(0.0));
    assert_eq!(handled(&daemon, BATCH_GET_REACHABILITY, "OK"), Some(1.0));
    until(|| daemon.scrape(STARTED, &labels(PUBLISH_EVENTS)) == Some(1.0)).await;
    let timed = daemon.scrape(&format!("{HANDLING}_count"), &labels(GET_REACHABILITY));
    assert_eq!(timed, Some(3.0));
    let scrape = daemon.metrics.render();
    assert!(scrape.contains(&format!("{HANDLING}_bucket")), "explicit buckets");
    assert!(!scrape.contains("9991234567"), "{scrape}");
    drop(stream);
}
