//! How many connections of one source may wait for their capabilities exchange.
//!
//! Without a bound one source could hold every place of `max_connections` open for `cer_timeout` at a time, without ever
//! saying who it is, and keep the real peers out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The half-open connections by source. Holds no more entries than there are connections.
#[derive(Debug)]
pub(crate) struct HalfOpen {
    most: usize,
    sources: Mutex<HashMap<IpAddr, usize>>,
}

impl HalfOpen {
    /// Half of all places for one source.
    pub(crate) fn new(max_connections: usize) -> Self {
        Self {
            most: max_connections.div_ceil(2),
            sources: Mutex::default(),
        }
    }

    /// A place for one more connection of that source, or `None` if it has too many. Dropping it gives it back.
    pub(crate) fn enter(&self, source: IpAddr) -> Option<Place<'_>> {
        let mut sources = self.lock();
        let count = sources.entry(source).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place {
            half_open: self,
            source,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One half-open connection.
pub(crate) struct Place<'h> {
    half_open: &'h HalfOpen,
    source: IpAddr,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut sources = self.half_open.lock();
        if let Some(count) = sources.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_source_has_half_the_places_and_gets_them_back() {
        let half_open = HalfOpen::new(4);
        let one = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let first = half_open.enter(one);
        let second = half_open.enter(one);
        assert!(first.is_some() && second.is_some());
        assert!(half_open.enter(one).is_none());
        assert!(half_open.enter(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))).is_some());
        drop(first);
        assert!(half_open.enter(one).is_some());
        drop(second);
        assert!(half_open.lock().is_empty());
    }
}
