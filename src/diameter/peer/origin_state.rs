//! Origin-State-Id of a peer over time (RFC 6733 §8.16): has it lost what it knew?
//!
//! A value, like the machines beside it: ids in, verdicts out. One belongs to one peer and outlives its connections, since
//! a peer that restarts comes back on a new one.

/// The greatest Origin-State-Id that a peer has told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginState {
    /// 0 while it has told none.
    greatest: u32,
}

impl OriginState {
    /// The greatest id told so far.
    #[must_use]
    pub const fn id(self) -> Option<u32> {
        match self.greatest {
            0 => None,
            id => Some(id),
        }
    }

    /// Takes an id of the peer, and tells whether it means that the peer lost its state since the one before.
    ///
    /// The first id says nothing: what was before is not known. 0 asks that nothing be inferred. A smaller id is passed
    /// over and not kept: two hosts behind one name would otherwise count as a restart with every change between them.
    #[must_use]
    pub const fn heard(&mut self, id: u32) -> bool {
        let risen = id > self.greatest && self.greatest != 0;
        if id > self.greatest {
            self.greatest = id;
        }
        risen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_greater_than_one_told_before_means_that_state_was_lost() {
        let mut state = OriginState::default();
        assert_eq!(state.id(), None);
        for (id, lost, greatest) in [
            (0, false, None),
            (0, false, None),
            (7, false, Some(7)),
            (7, false, Some(7)),
            (8, true, Some(8)),
            (0, false, Some(8)),
            (7, false, Some(8)),
            (8, false, Some(8)),
            (u32::MAX, true, Some(u32::MAX)),
            (1, false, Some(u32::MAX)),
        ] {
            assert_eq!((state.heard(id), state.id()), (lost, greatest), "{id}");
        }
    }
}
