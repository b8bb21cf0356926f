//! A lookup over HTTP has the HSS asked as well, in each version: none of them lets the caller name an age, so what counts is
//! `freshness.max_age`.

use reachd::rest::Contract;
use serde_json::json;

use super::client::{Ask, by_number};
use crate::sh::{Hss, answer_query, home_waiting};
use crate::support::Subscriber;
use crate::support::daemon::Engine;

const DETACHED: &str = "<PSUserState>0</PSUserState><Extension><EPSUserState>0</EPSUserState></Extension>";
const CONNECTED: &str = "<PSUserState>4</PSUserState><Extension><EPSUserState>4</EPSUserState></Extension>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_fresh_has_the_hss_asked_first_in_every_version() {
    let mut home = home_waiting(Engine::Sqlite, "30s").await;
    home.configure(
        "\n[freshness]\nquery = \"sh\"\nquery_within = \"30s\"\nmax_age = \"1us\"\n\
         [rest]\nlisten = \"127.0.0.1:0\"\nauth.mode = \"none\"\n",
    );
    let daemon = home.start().await;
    let mut hss = Hss::connect(&daemon).await;
    let someone = Subscriber::nth(1);
    daemon.import_rows(std::slice::from_ref(&someone)).await;
    for contract in Contract::ALL {
        for (packet, reachable) in [(CONNECTED, true), (DETACHED, false)] {
            let ask = Ask::about(contract, &by_number(&someone.number()));
            let answers = answer_query(&mut hss, packet, "<CSUserState>1</CSUserState>");
            let (reply, ()) = tokio::join!(ask.send(daemon.rest()), answers);
            let told = reply.fine();
            match contract {
                Contract::V0 | Contract::V06 => {
                    let word = if reachable {
                        "CONNECTED_DATA"
                    } else {
                        "NOT_CONNECTED"
                    };
                    assert_eq!(told["reachabilityStatus"], word);
                }
                Contract::V1 => assert_eq!(told["reachable"], json!(reachable)),
            }
        }
    }
    daemon.stop().await;
}
