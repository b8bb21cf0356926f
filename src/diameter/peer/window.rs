//! How much of our own may be under way with one peer at a time.

/// A bound on requests that wait for the answer of one peer, in number and in octets.
#[derive(Clone, Debug)]
pub struct Window {
    most: usize,
    most_octets: usize,
    requests: usize,
    octets: usize,
}

impl Window {
    /// Nothing under way. The last request let in may exceed `most_octets`.
    #[must_use]
    pub const fn new(most: usize, most_octets: usize) -> Self {
        Self {
            most,
            most_octets,
            requests: 0,
            octets: 0,
        }
    }

    /// Whether one more may be sent.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.requests < self.most && self.octets < self.most_octets
    }

    /// A request of that many octets takes its place.
    pub const fn enter(&mut self, octets: usize) {
        self.requests += 1;
        self.octets += octets;
    }

    /// It has reached its end.
    pub const fn leave(&mut self, octets: usize) {
        self.requests = self.requests.saturating_sub(1);
        self.octets = self.octets.saturating_sub(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_octets_are_bounded_each() {
        let mut window = Window::new(3, 1000);
        for _ in 0..3 {
            assert!(window.has_room());
            window.enter(10);
        }
        assert!(!window.has_room());
        window.leave(10);
        assert!(window.has_room());
        window.enter(980);
        window.leave(10);
        assert!(window.has_room());
        window.enter(10);
        window.leave(10);
        window.leave(10);
        assert!(window.has_room());
        window.enter(100);
        assert!(!window.has_room());
    }
}
