//! The daemon among other makes of Diameter node: freeDiameterd, an independent stack in C, and python-diameter.
//!
//! What the daemon says to them is recorded on its way, and Wireshark's dissector must find no fault with it.

mod accounting;
mod connections;
mod election;
mod notifications;
mod relay;
mod reports;
mod s6a;
mod tls;

use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::eventually;

/// The identity of the daemon, in `home.example`.
const REACHD: &str = "reachd.home.example";
const REALM: &str = "home.example";

/// A home whose daemon knows one more peer, with whatever else `keys` say of it.
async fn home_with_peer(identity: &str, keys: &str) -> Home {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure(&format!(
        r#"
[[diameter.peers]]
identity = "{identity}"
realm = "{REALM}"
{keys}
"#
    ));
    home
}

/// Waits until the daemon shows a peer in a state.
async fn shows(daemon: &Daemon, peer: &str, state: &str) {
    let series = format!(r#"reachd_diameter_peer_state{{peer="{peer}",state="{state}"}} 1"#);
    eventually(&series, async || {
        let metrics = daemon.metrics().await;
        metrics.lines().any(|line| line == series).then_some(())
    })
    .await;
}
