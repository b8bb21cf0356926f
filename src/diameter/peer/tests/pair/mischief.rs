//! What a network and a peer do to each other: connections go dead or break, and an end stops or crashes.

use std::time::Duration;

use super::world::{End, News, World, side_index};
use crate::diameter::peer::fsm::{Event, Side, State};

impl World {
    /// After each step, as chance has it.
    pub(super) fn mischief(&mut self) {
        if self.chance(20) {
            let ids: Vec<u32> = self.ends.iter().flat_map(|end| end.links).flatten().collect();
            if !ids.is_empty() {
                let id = ids[self.random.below(ids.len() as u64) as usize];
                self.log.push(format!("connection {id} goes dead"));
                self.connections.get_mut(&id).unwrap().dead = true;
            }
        }
        if self.chance(30) {
            let end = self.random.below(2) as usize;
            for side in [Side::Initiator, Side::Responder] {
                let standing = !matches!(
                    (side, self.ends[end].fsm.state()),
                    (
                        Side::Initiator,
                        State::WaitConnAck { .. } | State::WaitConnAckElect { .. }
                    )
                );
                if let Some(id) = self.ends[end].links[side_index(side)].filter(|_| standing) {
                    self.log.push(format!("connection {id} breaks"));
                    self.tell(1 - end, id, News::Gone);
                    let event = if side == Side::Initiator {
                        Event::IPeerDisc
                    } else {
                        Event::RPeerDisc
                    };
                    self.play(end, event, None);
                }
            }
        }
        if self.chance(10) {
            let end = self.random.below(2) as usize;
            self.play(end, Event::Stop, None);
        }
        if self.chance(5) {
            let end = self.random.below(2) as usize;
            self.crash(end);
        }
    }

    /// An end starts anew and remembers nothing. The other one may hear of it, when it asks, or not at all.
    fn crash(&mut self, end: usize) {
        self.log.push(format!("{end} crashes"));
        for id in self.ends[end].links.into_iter().flatten() {
            self.owed.closed(id, end);
            if self.chance(500) {
                self.tell(1 - end, id, News::Gone);
            }
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.dead = true;
            }
        }
        let back = self.now + Duration::from_millis(1 + self.random.below(10_000));
        let dials = self.ends[end].dials;
        self.ends[end] = End::new(end, &mut self.random, back, dials);
    }
}
