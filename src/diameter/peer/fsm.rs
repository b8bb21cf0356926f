//! The peer state machine of RFC 6733 §5.6, initiator and responder.
//!
//! One [`Fsm`] belongs to one peer identity and knows of at most two transport connections: the one this node initiated
//! (I) and the one it accepted (R). It takes events and the present, and hands out actions; it has no socket, clock or
//! task, and it reads no message. Accepted connections live outside it until an acceptable CER has come on them.
//!
//! The rows of the table stand above the arms that play them. What the table leaves open is marked `ours` and explained
//! in LIFECYCLE.md.

use std::time::{Duration, Instant};

use smallvec::{SmallVec, smallvec};

use super::election;

/// One of the two transport connections with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This node connected to the peer (I-).
    Initiator,
    /// The peer connected to this node (R-).
    Responder,
}

/// A state of the table. A state that can time out holds its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No connection and no attempt at one.
    Closed,
    /// The transport connection is being made.
    WaitConnAck {
        /// When the attempt is given up.
        deadline: Instant,
    },
    /// CER sent on the initiated connection, its answer awaited.
    WaitICea {
        /// When the peer has waited too long with its CEA.
        deadline: Instant,
    },
    /// An acceptable CER came in while our own connection was being made; an election will be held if it succeeds.
    WaitConnAckElect {
        /// When the attempt is given up.
        deadline: Instant,
    },
    /// Both connections stand, CER was sent on ours and received on the peer's; the election has been held.
    WaitReturns {
        /// When the peer has waited too long with its CEA or its disconnection.
        deadline: Instant,
    },
    /// Open on the initiated connection.
    IOpen,
    /// Open on the accepted connection.
    ROpen,
    /// Disconnect-Peer has been exchanged in part on this connection.
    Closing {
        /// The connection that closes.
        side: Side,
        /// When it is closed without waiting any longer.
        deadline: Instant,
    },
}

impl State {
    /// The open connection, if the state is one of the two open ones.
    #[must_use]
    pub const fn open(&self) -> Option<Side> {
        match self {
            Self::IOpen => Some(Side::Initiator),
            Self::ROpen => Some(Side::Responder),
            _ => None,
        }
    }

    /// When the state times out.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::WaitConnAck { deadline }
            | Self::WaitICea { deadline }
            | Self::WaitConnAckElect { deadline }
            | Self::WaitReturns { deadline }
            | Self::Closing { deadline, .. } => Some(*deadline),
            Self::Closed | Self::IOpen | Self::ROpen => None,
        }
    }
}

/// What may happen to a peer, in the words of RFC 6733 §5.6.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Connect to the peer.
    Start,
    /// An acceptable CER of this peer arrived on a new accepted connection.
    RConnCer,
    /// The transport connection we asked for stands.
    IRcvConnAck,
    /// The transport connection we asked for failed.
    IRcvConnNack,
    /// A CEA with success, from the peer that was expected.
    IRcvCea,
    /// A CEA that refuses us, lacks what it must hold, or names another peer (ours: the RFC leaves it to Process-CEA).
    IRcvCeaFailed,
    /// Something other than a CEA where only that was allowed.
    IRcvNonCea,
    /// The initiated connection is gone.
    IPeerDisc,
    /// The accepted connection is gone.
    RPeerDisc,
    /// A DPR arrived on the open connection.
    RcvDpr,
    /// A DPA arrived on a connection.
    RcvDpa(Side),
    /// A DWR arrived on the open connection.
    RcvDwr,
    /// A DWA arrived on the open connection.
    RcvDwa,
    /// Any other message arrived on the open connection.
    RcvMessage,
    /// A message of our own wants to leave.
    SendMessage,
    /// Disconnect in order.
    Stop,
    /// The watchdog gave the open connection up (RFC 3539 CloseConnection; ours: the table calls it Peer-Disc).
    WatchdogClose,
    /// The deadline of the state has passed. One that came too early or for an older state changes nothing.
    Timeout,
}

/// What the driver has to do, in the words of RFC 6733 §5.6.3, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin to connect.
    ISndConnReq,
    /// Send a CER on the initiated connection.
    ISndCer,
    /// Close the initiated connection, or give up the attempt at it.
    IDisc,
    /// The new accepted connection becomes this peer's R connection.
    RAccept,
    /// Close the new accepted connection without a word; the one that stands is left alone.
    RReject,
    /// Take over what the CER on the accepted connection said.
    ProcessCer,
    /// Answer the CER on the accepted connection with success.
    RSndCea,
    /// Close the accepted connection.
    RDisc,
    /// Take over what the CEA said.
    ProcessCea,
    /// Send the message on the open connection.
    SndMessage,
    /// Hand the message on.
    Process,
    /// Feed the watchdog with a DWR.
    ProcessDwr,
    /// Answer the DWR.
    SndDwa,
    /// Feed the watchdog with a DWA.
    ProcessDwa,
    /// Send a DPR.
    SndDpr,
    /// Answer the DPR.
    SndDpa,
    /// Forget what was prepared for the connection that failed.
    Cleanup,
    /// Something went wrong; the actions that follow close what has to be closed.
    Error,
    /// Ask the standing connection for a sign of life at once, because a second one was refused (ours).
    Probe,
}

/// The actions of one event: never more than four.
pub type Actions = SmallVec<[Action; 4]>;

/// The timers of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the attempt to connect to the transport's answer.
    pub connect: Duration,
    /// From CER to CEA.
    pub capabilities: Duration,
    /// From DPR to DPA, or from DPA to the disconnection by the peer.
    pub closing: Duration,
}

/// The machine of one peer.
#[derive(Clone, Debug)]
pub struct Fsm {
    state: State,
    wins_election: bool,
    timeouts: Timeouts,
}

impl Fsm {
    /// A closed peer. Both identities are needed to know the outcome of an election.
    #[must_use]
    pub fn new(local: &str, peer: &str, timeouts: Timeouts) -> Self {
        Self {
            state: State::Closed,
            wins_election: election::wins(local, peer),
            timeouts,
        }
    }

    /// The present state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// When [`Event::Timeout`] is wanted.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.state.deadline()
    }

    /// Plays one event.
    #[must_use = "the actions have to be carried out"]
    pub fn handle(&mut self, now: Instant, event: Event) -> Actions {
        use Action as A;
        use Event as E;
        use State as S;

        if event == E::Timeout && self.deadline().is_none_or(|deadline| now < deadline) {
            return Actions::new();
        }
        let (next, actions): (State, Actions) = match (self.state, event) {
            // Closed        Start             I-Snd-Conn-Req                     Wait-Conn-Ack
            (S::Closed, E::Start) => (
                S::WaitConnAck {
                    deadline: now + self.timeouts.connect,
                },
                smallvec![A::ISndConnReq],
            ),
            // Closed        R-Conn-CER        R-Accept, Process-CER, R-Snd-CEA   R-Open
            (S::Closed, E::RConnCer) => (S::ROpen, smallvec![A::RAccept, A::ProcessCer, A::RSndCea]),

            // Wait-Conn-Ack I-Rcv-Conn-Ack    I-Snd-CER                          Wait-I-CEA
            (S::WaitConnAck { .. }, E::IRcvConnAck) => (
                S::WaitICea {
                    deadline: now + self.timeouts.capabilities,
                },
                smallvec![A::ISndCer],
            ),
            // Wait-Conn-Ack I-Rcv-Conn-Nack   Cleanup                            Closed
            (S::WaitConnAck { .. }, E::IRcvConnNack) => (S::Closed, smallvec![A::Cleanup]),
            // Wait-Conn-Ack R-Conn-CER        R-Accept, Process-CER              Wait-Conn-Ack/Elect
            (S::WaitConnAck { deadline }, E::RConnCer) => (
                S::WaitConnAckElect { deadline },
                smallvec![A::RAccept, A::ProcessCer],
            ),
            // Wait-Conn-Ack Timeout           Error                              Closed
            (S::WaitConnAck { .. }, E::Timeout) => (S::Closed, smallvec![A::Error, A::IDisc]),

            // Wait-I-CEA    I-Rcv-CEA         Process-CEA                        I-Open
            (S::WaitICea { .. }, E::IRcvCea) => (S::IOpen, smallvec![A::ProcessCea]),
            // Wait-I-CEA    R-Conn-CER        R-Accept, Process-CER, Elect       Wait-Returns
            // ours: the deadline stays, or a peer that connects again and again would put it off without end.
            (S::WaitICea { deadline }, E::RConnCer) => {
                self.elect(deadline, smallvec![A::RAccept, A::ProcessCer])
            }
            // Wait-I-CEA    I-Peer-Disc       I-Disc                             Closed
            (S::WaitICea { .. }, E::IPeerDisc) => (S::Closed, smallvec![A::IDisc]),
            // Wait-I-CEA    I-Rcv-Non-CEA     Error                              Closed
            // Wait-I-CEA    Timeout           Error                              Closed
            // ours: a CEA that refuses us ends the attempt in the same way.
            (S::WaitICea { .. }, E::IRcvNonCea | E::IRcvCeaFailed | E::Timeout) => {
                (S::Closed, smallvec![A::Error, A::IDisc])
            }

            // Wait-Conn-Ack/Elect  I-Rcv-Conn-Ack   I-Snd-CER, Elect             Wait-Returns
            (S::WaitConnAckElect { .. }, E::IRcvConnAck) => {
                self.elect(now + self.timeouts.capabilities, smallvec![A::ISndCer])
            }
            // Wait-Conn-Ack/Elect  I-Rcv-Conn-Nack  R-Snd-CEA                    R-Open
            (S::WaitConnAckElect { .. }, E::IRcvConnNack) => (S::ROpen, smallvec![A::RSndCea]),
            // Wait-Conn-Ack/Elect  R-Peer-Disc      R-Disc                       Wait-Conn-Ack
            (S::WaitConnAckElect { deadline }, E::RPeerDisc) => {
                (S::WaitConnAck { deadline }, smallvec![A::RDisc])
            }
            // Wait-Conn-Ack/Elect  R-Conn-CER       R-Reject                     Wait-Conn-Ack/Elect
            // Wait-Returns         R-Conn-CER       R-Reject                     Wait-Returns
            (S::WaitConnAckElect { .. } | S::WaitReturns { .. }, E::RConnCer) => {
                (self.state, smallvec![A::RReject])
            }
            // Wait-Conn-Ack/Elect  Timeout          Error                        Closed
            // Wait-Returns         Timeout          Error                        Closed
            (S::WaitConnAckElect { .. } | S::WaitReturns { .. }, E::Timeout) => {
                (S::Closed, smallvec![A::Error, A::IDisc, A::RDisc])
            }

            // Wait-Returns  Win-Election      I-Disc, R-Snd-CEA                  R-Open        (see `elect`)
            // Wait-Returns  I-Peer-Disc       I-Disc, R-Snd-CEA                  R-Open
            // ours: a CEA that refuses us (4003 ELECTION_LOST) and a message that is no CEA count as the peer's
            // farewell on that connection; the accepted one is sound.
            (S::WaitReturns { .. }, E::IPeerDisc | E::IRcvCeaFailed | E::IRcvNonCea) => {
                (S::ROpen, smallvec![A::IDisc, A::RSndCea])
            }
            // Wait-Returns  I-Rcv-CEA         R-Disc                             I-Open
            (S::WaitReturns { .. }, E::IRcvCea) => (S::IOpen, smallvec![A::RDisc, A::ProcessCea]),
            // Wait-Returns  R-Peer-Disc       R-Disc                             Wait-I-CEA
            (S::WaitReturns { deadline }, E::RPeerDisc) => (S::WaitICea { deadline }, smallvec![A::RDisc]),

            // Open          Send-Message      Snd-Message                        Open
            (S::IOpen | S::ROpen, E::SendMessage) => (self.state, smallvec![A::SndMessage]),
            // Open          Rcv-Message       Process                            Open
            (S::IOpen | S::ROpen, E::RcvMessage) => (self.state, smallvec![A::Process]),
            // Open          Rcv-DWR           Process-DWR, Snd-DWA               Open
            (S::IOpen | S::ROpen, E::RcvDwr) => (self.state, smallvec![A::ProcessDwr, A::SndDwa]),
            // Open          Rcv-DWA           Process-DWA                        Open
            (S::IOpen | S::ROpen, E::RcvDwa) => (self.state, smallvec![A::ProcessDwa]),
            // Open          R-Conn-CER        R-Reject                           Open
            // ours: the standing connection is probed, since a peer that connects again may have lost it.
            (S::IOpen | S::ROpen, E::RConnCer) => (self.state, smallvec![A::RReject, A::Probe]),
            // I-Open        Stop              I-Snd-DPR                          Closing
            // R-Open        Stop              R-Snd-DPR                          Closing
            (S::IOpen, E::Stop) => (self.closing(now, Side::Initiator), smallvec![A::SndDpr]),
            (S::ROpen, E::Stop) => (self.closing(now, Side::Responder), smallvec![A::SndDpr]),
            // I-Open        I-Rcv-DPR         I-Snd-DPA                          Closing
            // R-Open        R-Rcv-DPR         R-Snd-DPA                          Closing
            (S::IOpen, E::RcvDpr) => (self.closing(now, Side::Initiator), smallvec![A::SndDpa]),
            (S::ROpen, E::RcvDpr) => (self.closing(now, Side::Responder), smallvec![A::SndDpa]),
            // I-Open        I-Peer-Disc       I-Disc                             Closed
            (S::IOpen, E::IPeerDisc | E::WatchdogClose) => (S::Closed, smallvec![A::IDisc]),
            // R-Open        R-Peer-Disc       R-Disc                             Closed
            (S::ROpen, E::RPeerDisc | E::WatchdogClose) => (S::Closed, smallvec![A::RDisc]),

            // Closing       I-Rcv-DPA         I-Disc                             Closed
            // Closing       I-Peer-Disc       I-Disc                             Closed
            (
                S::Closing {
                    side: Side::Initiator,
                    ..
                },
                E::RcvDpa(Side::Initiator) | E::IPeerDisc,
            ) => (S::Closed, smallvec![A::IDisc]),
            // Closing       R-Rcv-DPA         R-Disc                             Closed
            // Closing       R-Peer-Disc       R-Disc                             Closed
            (
                S::Closing {
                    side: Side::Responder,
                    ..
                },
                E::RcvDpa(Side::Responder) | E::RPeerDisc,
            ) => (S::Closed, smallvec![A::RDisc]),
            // Closing       Timeout           Error                              Closed
            (
                S::Closing {
                    side: Side::Initiator,
                    ..
                },
                E::Timeout,
            ) => (S::Closed, smallvec![A::Error, A::IDisc]),
            (
                S::Closing {
                    side: Side::Responder,
                    ..
                },
                E::Timeout,
            ) => (S::Closed, smallvec![A::Error, A::RDisc]),
            // ours: DPR crosses DPR. Both answer, and the DPA or the disconnection ends it.
            (S::Closing { .. }, E::RcvDpr) => (self.state, smallvec![A::SndDpa]),
            // ours: requests that were on their way when Disconnect-Peer began are still answered.
            (S::Closing { .. }, E::RcvMessage) => (self.state, smallvec![A::Process]),
            (S::Closing { .. }, E::RcvDwr) => (self.state, smallvec![A::SndDwa]),
            (S::Closing { .. }, E::SendMessage) => (self.state, smallvec![A::SndMessage]),
            // ours: the table knows no CER while closing. The peer tries again once this connection is gone.
            (S::Closing { .. }, E::RConnCer) => (self.state, smallvec![A::RReject]),
            // ours: stopping gives up whatever is only being built.
            (S::WaitConnAck { .. } | S::WaitICea { .. }, E::Stop) => (S::Closed, smallvec![A::IDisc]),
            (S::WaitConnAckElect { .. } | S::WaitReturns { .. }, E::Stop) => {
                (S::Closed, smallvec![A::IDisc, A::RDisc])
            }

            // Unexpected in this state: news of a connection that this peer no longer has. Nothing changes.
            (_, _) => return Actions::new(),
        };
        self.state = next;
        actions
    }

    /// Elect, and Win-Election at once if it was won; the loser waits for the CEA on the connection it initiated.
    fn elect(&self, deadline: Instant, mut actions: Actions) -> (State, Actions) {
        if self.wins_election {
            actions.extend([Action::IDisc, Action::RSndCea]);
            (State::ROpen, actions)
        } else {
            (State::WaitReturns { deadline }, actions)
        }
    }

    fn closing(&self, now: Instant, side: Side) -> State {
        State::Closing {
            side,
            deadline: now + self.timeouts.closing,
        }
    }
}
