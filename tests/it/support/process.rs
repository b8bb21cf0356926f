//! What other programs need that the tests start: a port, and a user that may do little.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// The user and group that other parties run as where the tests run as root: Postgres refuses to be root, and nobody else
/// needs to be.
pub(crate) fn unprivileged_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;

    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = ids("postgres").or_else(|| ids("nobody"));
    Some(found.expect("a user postgres or nobody, since Postgres refuses to run as root"))
}

/// A port that nobody listens on. It lies below the range from which the kernel takes ports for outgoing connections, so
/// that it is still free when a server starts again.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = (std::process::id() % 10_000) as u16;
    (0..10_000)
        .map(|_| 20_000 + (begin + NEXT.fetch_add(7, Ordering::Relaxed) % 10_000) % 10_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
