//! What one run sends: sound messages, a fault, and sound messages again.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::BytesMut;

use super::super::far_end::{ULR, answer, cer, dpr, dwr, ulr};
use crate::diameter::codec::{CommandFlags, MessageBuilder};
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;
use crate::diameter::peer::timer::Random;

/// Who the far end says it is.
pub(super) const IDENTITY: &str = "dra1.example";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Nothing,
    /// A message without its end, and the next one right behind.
    Cut,
    /// A message without its end, and silence.
    HalfThenSilence,
    /// Some bits of one message, wherever they are.
    Flipped,
    /// Octets of no meaning between two messages.
    Garbage,
    /// Everything that was sent so far, once more.
    Replay,
    /// A header whose length ends before the message does.
    ShortLength,
    /// A header whose length ends far behind it.
    LongLength,
    /// A header whose length is that of no message.
    OddLength,
    OtherVersion,
    /// A message as long as one may be, in full.
    Giant,
    SecondCer,
    /// Disconnect-Peer, and requests all the same.
    Farewell,
    /// Requests by the thousand, and nobody who reads the answers for a while.
    Flood,
}

impl Fault {
    const ALL: [Self; Self::COUNT] = [
        Self::Nothing,
        Self::Cut,
        Self::HalfThenSilence,
        Self::Flipped,
        Self::Garbage,
        Self::Replay,
        Self::ShortLength,
        Self::LongLength,
        Self::OddLength,
        Self::OtherVersion,
        Self::Giant,
        Self::SecondCer,
        Self::Farewell,
        Self::Flood,
    ];
    pub(super) const COUNT: usize = 14;

    /// No Hop-by-Hop Identifier is read that was not written as one.
    pub(super) const fn leaves_identifiers_alone(self) -> bool {
        matches!(
            self,
            Self::Nothing
                | Self::HalfThenSilence
                | Self::Replay
                | Self::OtherVersion
                | Self::Giant
                | Self::SecondCer
                | Self::Farewell
                | Self::Flood
        )
    }
}

/// One run's octets.
pub(super) struct Plan {
    pub(super) fault: Fault,
    pub(super) octets: Vec<u8>,
    /// How many octets are handed over at a time; 0 for any number.
    pub(super) piece: usize,
    /// What the pipe holds.
    pub(super) pipe: usize,
    /// How long the far end reads nothing.
    pub(super) deaf: Duration,
    /// Command and Hop-by-Hop Identifier of the sound requests before the fault.
    before: Vec<(u32, u32)>,
    sent: BTreeSet<u32>,
    next: u32,
}

impl Plan {
    pub(super) fn draw(random: &mut Random) -> Self {
        let fault = Fault::ALL[random.below(Fault::COUNT as u64) as usize];
        let big = matches!(fault, Fault::Giant | Fault::Flood | Fault::LongLength);
        let mut plan = Self {
            fault,
            octets: Vec::new(),
            piece: if big {
                0
            } else {
                [0, 1, 3, 20, 64][random.below(5) as usize]
            },
            pipe: if big {
                65_536
            } else {
                [1, 19, 300, 65_536][random.below(4) as usize]
            },
            deaf: Duration::ZERO,
            before: Vec::new(),
            sent: BTreeSet::new(),
            next: 1,
        };
        for _ in 0..random.below(16) {
            plan.sound(random);
        }
        plan.go_wrong(random);
        let owed = plan.before.len();
        if fault != Fault::HalfThenSilence {
            for _ in 0..random.below(8) {
                plan.sound(random);
            }
        }
        if fault != Fault::Nothing {
            plan.before.truncate(owed);
        }
        plan
    }

    /// Sound requests by command, in the order in which their answers have to come.
    pub(super) fn owed(&self) -> [(u32, Vec<u32>); 2] {
        // Whoever does not read loses answers, in the end.
        let heard = self.deaf < Duration::from_secs(8);
        [ULR, base::COMMAND_DEVICE_WATCHDOG].map(|command| {
            let of = self.before.iter().filter(|(other, _)| heard && *other == command);
            (command, of.map(|(_, hop_by_hop)| *hop_by_hop).collect())
        })
    }

    /// Whether a request of that Hop-by-Hop Identifier was sent.
    pub(super) fn sent(&self, hop_by_hop: u32) -> bool {
        self.sent.contains(&hop_by_hop) || hop_by_hop >= super::PROBE || hop_by_hop == CER
    }

    fn sound(&mut self, random: &mut Random) {
        match random.below(8) {
            0 => {
                let watchdog = self.numbered(&dwr(IDENTITY));
                self.before.push((base::COMMAND_DEVICE_WATCHDOG, self.next - 1));
                self.octets.extend(watchdog);
            }
            // To a request that was never sent.
            1 => {
                let nobody = answer(&self.numbered(&ulr()), IDENTITY);
                self.octets.extend(nobody);
            }
            _ => {
                let request = self.numbered(&ulr());
                self.before.push((ULR, self.next - 1));
                self.octets.extend(request);
            }
        }
    }

    /// The message under an identifier of its own.
    fn numbered(&mut self, message: &[u8]) -> Vec<u8> {
        let mut message = message.to_vec();
        message[12..16].copy_from_slice(&self.next.to_be_bytes());
        self.sent.insert(self.next);
        self.next += 1;
        message
    }

    fn go_wrong(&mut self, random: &mut Random) {
        let mut request = self.numbered(&ulr());
        let length = request.len();
        match self.fault {
            Fault::Nothing => {}
            Fault::Cut | Fault::HalfThenSilence => {
                request.truncate(1 + random.below(length as u64 - 1) as usize);
            }
            Fault::Flipped => {
                for _ in 0..1 + random.below(4) {
                    let bit = random.below(length as u64 * 8) as usize;
                    request[bit / 8] ^= 1 << (bit % 8);
                }
            }
            Fault::Garbage => {
                let octets = 1 + random.below(600);
                request = (0..octets).map(|_| random.next() as u8).collect();
            }
            Fault::Replay => request = self.octets.clone(),
            Fault::ShortLength => {
                let claimed = 4 * (5 + random.below(length as u64 / 4 - 5));
                set_length(&mut request, claimed as u32);
            }
            Fault::LongLength => {
                // Up to what is accepted, or up to what can be said.
                let words = [1 << 16, 1 << 22][random.below(2) as usize];
                let claimed = 4 * (length as u64 / 4 + 1 + random.below(words));
                set_length(&mut request, claimed as u32 & 0x00ff_ffff);
            }
            Fault::OddLength => {
                let claimed = [0, 4, 19, length as u32 + 1, 0x00ff_ffff][random.below(5) as usize];
                set_length(&mut request, claimed);
            }
            Fault::OtherVersion => request[0] = random.next() as u8 | 2,
            Fault::Giant => request = self.copied(256 * 1024),
            Fault::SecondCer => request = self.numbered(&cer(IDENTITY, S6A)),
            Fault::Farewell => request = self.numbered(&dpr(IDENTITY, 0)),
            Fault::Flood => {
                self.deaf = Duration::from_secs(random.below(20));
                for _ in 0..1500 {
                    let request = self.copied(1024);
                    self.octets.extend(request);
                }
            }
        }
        self.octets.extend(request);
    }

    /// A request as long as that, all of which an answer has to copy: of an application that is not served.
    fn copied(&mut self, length: usize) -> Vec<u8> {
        let mut out = BytesMut::new();
        let filler = vec![b'x'; length - 20 - 8];
        MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, ULR, 4, 0, 0)
            .avp_octets(&base::PROXY_INFO, &filler)
            .finish();
        self.numbered(&out)
    }
}

/// The identifier of the first CER, which the far end's helper writes.
const CER: u32 = 7;

fn set_length(message: &mut [u8], length: u32) {
    message[1..4].copy_from_slice(&length.to_be_bytes()[1..]);
}
