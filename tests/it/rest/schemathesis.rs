//! schemathesis reads the documents that the daemon serves and makes up requests of its own: no server error, and no answer
//! that is not documented.

use std::process::{Command, Stdio};

use reachd::proto::v1::{RegistrationChange as Change, Slot};
use reachd::rest::Contract;

use super::lab::populate;
use super::tokens::Issuer;
use super::validated::{here, python};
use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::publisher::{Publisher, event_with_number};
use crate::support::{Subscriber, ago};

/// Requests that are made up for each operation.
const EXAMPLES: &str = "60";

/// What answers are held to: all that it knows but for what is about resources that are created and deleted, and with
/// `valid_data_is_accepted` of `checks.py` in place of its own.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,valid_data_is_accepted,\
                      missing_required_header,unsupported_method,allow_header_conformance,ignored_auth";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_requests_find_no_server_error_no_undocumented_answer_and_no_valid_request_that_is_refused() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure(
        "\n[rest]\nlisten = \"127.0.0.1:0\"\n\
         identifiers = [\"phoneNumber\", \"networkAccessIdentifier\", \"ipv4Address\", \"ipv6Address\"]\n\
         [rest.limits]\nrate = 0\n",
    );
    let issuer = Issuer::new();
    issuer.trusted_by(&mut home, "");
    let mut daemon = home.start().await;
    populate(&daemon).await;
    // What the documents give as examples is somebody's, so that examples are answered.
    let example = Subscriber {
        imsi: "001019999999999".into(),
        digits: "99912345678".into(),
    };
    let row = format!(
        "imsi,msisdn,external_id\n{},{},meter-7@iot.example\n",
        example.imsi,
        example.number()
    );
    let csv = home.write("example.csv", &row);
    assert!(daemon.import(&csv).await.status.success());
    let event = event_with_number(
        &example,
        Slot::Mme,
        "mme1.home.example",
        Change::Registered,
        ago(5),
    );
    Publisher::open(&daemon).await.publish(event).await;
    let legs = [issuer.of_client("gateway"), issuer.about(&example.number())];
    for contract in Contract::ALL {
        for token in &legs {
            walk(&home, &daemon, contract, token).await;
        }
    }
    assert!(daemon.is_running());
    let log = daemon.log();
    assert!(!log.contains("panicked"), "{log}");
    daemon.stop().await;
}

/// Has a document walked through by the holder of a token.
async fn walk(home: &Home, daemon: &Daemon, contract: Contract, token: &str) {
    let url = format!("http://{}{}", daemon.rest(), contract.document_path());
    let mut command = Command::new(python());
    command
        .args(["-m", "schemathesis.cli", "run", &url, "--seed", "1"])
        .args(["--max-examples", EXAMPLES])
        .args(["--phases", "examples,coverage,fuzzing", "--mode", "all"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", CHECKS])
        .args(["--generation-database", "none"])
        .args(["--request-timeout", "20", "--no-color"])
        .env("SCHEMATHESIS_HOOKS", here("checks.py"))
        .current_dir(home.path(""))
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{contract:?}: {told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(told.contains("Tested: 1"), "{told}");
}
