//! What the demonstration's daemon runs on: an embedded store, the usual ports of the loopback address, a log file.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;

use crate::cli::say::say;
use crate::config::Config;
use crate::diameter::config::PeerConfig;

/// The daemon's configuration: as by default, with the agent as its peer. Where a port is taken, a free one.
///
/// # Errors
/// Nobody reads what is said about it.
pub fn configuration(data_dir: &Path, agent: &str) -> io::Result<Config> {
    let mut config = Config::default();
    config.store.url = format!("sqlite://{}", data_dir.join("reachd.db").display());
    config.diameter.identity = "reachd.sim.example".into();
    config.diameter.realm = "sim.example".into();
    config.diameter.peers = vec![PeerConfig::new(agent)];
    config.grpc.listen = free_or_any("gRPC", 50051)?;
    config.diameter.listen = free_or_any("Diameter", 3868)?;
    config.admin.listen = free_or_any("metrics", 9464)?;
    Ok(config)
}

fn free_or_any(what: &str, port: u16) -> io::Result<SocketAddr> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(usual) {
        Ok(_) => Ok(usual),
        Err(error) => {
            say(&format!(
                "The usual port for {what}, {port}, cannot be used ({error}); taking a free one.\n"
            ))?;
            Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        }
    }
}

/// The daemon's log goes to a file, where it does not disturb the view.
///
/// # Errors
/// The directory or the file cannot be made.
pub fn start_log(data_dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(data_dir).with_context(|| format!("cannot create {}", data_dir.display()))?;
    let path = data_dir.join("demo.log");
    let file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    // A second start in one process, as tests do, keeps the first one's log.
    let _ = tracing_subscriber::fmt()
        .with_writer(Mutex::new(file))
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_gives_way_to_a_free_one() -> io::Result<()> {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = taken.local_addr()?.port();
        assert_eq!(free_or_any("this", port)?.port(), 0);
        Ok(())
    }
}
