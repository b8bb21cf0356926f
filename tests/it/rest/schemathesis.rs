//! schemathesis reads the documents that the daemon serves and makes up requests of its own: no server error, and no answer
//! that is not documented.

use std::process::{Command, Stdio};

use reachd::proto::v1::{RegistrationChange as Change, Slot};
use reachd::rest::Contract;

use super::lab::populate;
use super::tokens::Issuer;
use super::validated::python;
use crate::support::daemon::{Engine, Home};
use crate::support::publisher::{Publisher, event_with_number};
use crate::support::{Subscriber, ago};

/// Requests that are made up for each operation.
const EXAMPLES: &str = "60";

/// What answers are held to. Left out is that valid data be accepted: nobody is known by most identifiers.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,\
                      allow_header_conformance,ignored_auth";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_requests_find_no_server_error_and_no_undocumented_answer() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure("\n[rest]\nlisten = \"127.0.0.1:0\"\n[rest.limits]\nrate = 0\n");
    let issuer = Issuer::new();
    issuer.trusted_by(&mut home, "");
    let mut daemon = home.start().await;
    populate(&daemon).await;
    // The number that the documents give as an example is somebody's, so that examples are answered.
    let example = Subscriber {
        imsi: "001019999999999".into(),
        digits: "99912345678".into(),
    };
    daemon.import_rows(std::slice::from_ref(&example)).await;
    let event = event_with_number(
        &example,
        Slot::Mme,
        "mme1.home.example",
        Change::Registered,
        ago(5),
    );
    Publisher::open(&daemon).await.publish(event).await;
    for contract in Contract::ALL {
        let url = format!("http://{}{}", daemon.rest(), contract.document_path());
        let mut command = Command::new(python());
        command
            .args([
                "-m",
                "schemathesis.cli",
                "run",
                &url,
                "--seed",
                "1",
                "--max-examples",
                EXAMPLES,
            ])
            .args(["--phases", "examples,coverage,fuzzing", "--mode", "all"])
            .args([
                "--header",
                &format!("Authorization: Bearer {}", issuer.of_client("gateway")),
            ])
            .args(["--checks", CHECKS])
            .args([
                "--generation-database",
                "none",
                "--request-timeout",
                "20",
                "--no-color",
            ])
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
    }
    assert!(daemon.is_running());
    let log = daemon.log();
    assert!(!log.contains("panicked"), "{log}");
    daemon.stop().await;
}
