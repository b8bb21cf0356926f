//! The transport watchdog of RFC 3539 §3.4: is the peer at the other end of an open connection still there?
//!
//! One [`Watchdog`] belongs to one peer and outlives its connections, since a peer that failed has to prove itself in
//! REOPEN. It sends nothing itself: actions tell the driver what to do.
//!
//! Deviation: in REOPEN the RFC discards everything but DWA. Requests of the peer are answered there all the same,
//! because the peer may well consider the connection its first and send at once; only our own requests are withheld.

use std::time::{Duration, Instant};

use smallvec::{SmallVec, smallvec};

use super::timer::Random;

/// A state of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There has been no connection yet, or the last one ended in order.
    Initial,
    /// The peer is there.
    Okay,
    /// A DWR has gone unanswered for Tw.
    Suspect,
    /// The connection failed.
    Down,
    /// A connection after a failure: three DWAs have to come before the peer is trusted again.
    Reopen,
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer machine opened a connection.
    ConnectionUp,
    /// The connection failed.
    ConnectionDown,
    /// The connection ended after Disconnect-Peer (ours: no failure, the next one starts as INITIAL).
    ConnectionClosed,
    /// A DWA came.
    Dwa,
    /// Any other message came.
    NonDwa,
    /// The deadline has passed. One that came too early changes nothing.
    Tw,
    /// A sign of life is wanted at once (ours: the peer tried to open a second connection).
    Probe,
}

/// What the driver has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Try to connect. The node's own reconnect timer does that here, so it is free to ignore this.
    AttemptOpen,
    /// Close the connection.
    CloseConnection,
    /// Send no more requests to this peer.
    Failover,
    /// Requests may go to this peer again.
    Failback,
    /// Send a DWR.
    SendDwr,
}

/// The actions of one event: never more than two.
pub type Actions = SmallVec<[Action; 2]>;

/// The watchdog of one peer.
#[derive(Clone, Debug)]
pub struct Watchdog {
    state: State,
    pending: bool,
    /// DWAs seen in REOPEN; −1 once a DWR went unanswered there.
    num_dwa: i8,
    tw: Option<Instant>,
    twinit: Duration,
    jitter: Duration,
    random: Random,
}

/// Jitter of Tw to either side (RFC 3539 §3.4.1).
const JITTER: Duration = Duration::from_secs(2);

impl Watchdog {
    /// A watchdog in INITIAL with the given Twinit. The RFC's floor of 6 s is for the configuration to keep; below it
    /// the jitter shrinks to a third of Twinit, so that Tw never comes near zero.
    #[must_use]
    pub fn new(twinit: Duration, seed: u64) -> Self {
        Self {
            state: State::Initial,
            pending: false,
            num_dwa: 0,
            tw: None,
            twinit,
            jitter: JITTER.min(twinit / 3),
            random: Random::new(seed),
        }
    }

    /// The present state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether a DWR waits for its answer.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.pending
    }

    /// When [`Event::Tw`] is wanted.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.tw
    }

    /// SetWatchdog without an event: this node has kept the peer waiting by not reading, so its silence says nothing.
    pub fn postpone(&mut self, now: Instant) {
        self.tw = Some(now + self.random.around(self.twinit, self.jitter));
    }

    /// Plays one event.
    pub fn handle(&mut self, now: Instant, event: Event) -> Actions {
        use Action as A;
        use Event as E;
        use State as S;

        if event == E::Tw && self.tw.is_some_and(|due| now < due) {
            return Actions::new();
        }
        let (next, actions): (State, Actions) = match (self.state, event) {
            // INITIAL   Connection up           SetWatchdog()                                OKAY
            (S::Initial, E::ConnectionUp) => {
                self.pending = false;
                (S::Okay, smallvec![])
            }
            // INITIAL   Timer expires           AttemptOpen(), SetWatchdog()                 INITIAL
            (S::Initial, E::Tw) => (S::Initial, smallvec![A::AttemptOpen]),

            // OKAY      Receive DWA             Pending = FALSE, SetWatchdog()               OKAY
            (S::Okay, E::Dwa) => {
                self.pending = false;
                (S::Okay, smallvec![])
            }
            // OKAY      Receive non-DWA         SetWatchdog()                                OKAY
            (S::Okay, E::NonDwa) => (S::Okay, smallvec![]),
            // OKAY      Timer expires, !Pending SendWatchdog(), SetWatchdog(), Pending=TRUE  OKAY
            // ours: a probe is an early expiry.
            (S::Okay, E::Tw | E::Probe) if !self.pending => {
                self.pending = true;
                (S::Okay, smallvec![A::SendDwr])
            }
            // OKAY      Timer expires, Pending  Failover(), SetWatchdog()                    SUSPECT
            (S::Okay, E::Tw) => (S::Suspect, smallvec![A::Failover]),
            // OKAY      Connection down         CloseConnection(), Failover(), SetWatchdog() DOWN
            (S::Okay, E::ConnectionDown) => (S::Down, smallvec![A::CloseConnection, A::Failover]),

            // SUSPECT   Receive DWA             Pending = FALSE, Failback(), SetWatchdog()   OKAY
            (S::Suspect, E::Dwa) => {
                self.pending = false;
                (S::Okay, smallvec![A::Failback])
            }
            // SUSPECT   Receive non-DWA         Failback(), SetWatchdog()                    OKAY
            (S::Suspect, E::NonDwa) => (S::Okay, smallvec![A::Failback]),
            // SUSPECT   Timer expires           CloseConnection(), SetWatchdog()             DOWN
            // SUSPECT   Connection down         CloseConnection(), SetWatchdog()             DOWN
            (S::Suspect, E::Tw | E::ConnectionDown) => (S::Down, smallvec![A::CloseConnection]),

            // DOWN      Connection up           NumDWA = 0, SendWatchdog(), SetWatchdog(), Pending = TRUE   REOPEN
            (S::Down, E::ConnectionUp) => {
                self.num_dwa = 0;
                self.pending = true;
                (S::Reopen, smallvec![A::SendDwr])
            }
            // DOWN      Timer expires           AttemptOpen(), SetWatchdog()                 DOWN
            (S::Down, E::Tw) => (S::Down, smallvec![A::AttemptOpen]),

            // REOPEN    Receive DWA, NumDWA < 2    Pending = FALSE, NumDWA++                  REOPEN
            // REOPEN    Receive DWA, NumDWA == 2   Pending = FALSE, Failback()                OKAY
            (S::Reopen, E::Dwa) => {
                self.pending = false;
                if self.num_dwa < 2 {
                    self.num_dwa += 1;
                    return Actions::new(); // The next DWR waits for the Tw that is running.
                }
                (S::Okay, smallvec![A::Failback])
            }
            // REOPEN    Receive non-DWA            Throwaway()                                REOPEN
            // ours: it is not thrown away, but it proves nothing either, and Tw is left alone.
            (S::Reopen, E::NonDwa) => return Actions::new(),
            // REOPEN    Timer expires, !Pending    SendWatchdog(), SetWatchdog(), Pending = TRUE   REOPEN
            (S::Reopen, E::Tw | E::Probe) if !self.pending => {
                self.pending = true;
                (S::Reopen, smallvec![A::SendDwr])
            }
            // REOPEN    Timer expires, Pending, NumDWA >= 0   NumDWA = -1, SetWatchdog()      REOPEN
            (S::Reopen, E::Tw) if self.num_dwa >= 0 => {
                self.num_dwa = -1;
                (S::Reopen, smallvec![])
            }
            // REOPEN    Timer expires, Pending, NumDWA < 0    CloseConnection(), SetWatchdog()  DOWN
            // REOPEN    Connection down                       CloseConnection(), SetWatchdog()  DOWN
            (S::Reopen, E::Tw | E::ConnectionDown) => (S::Down, smallvec![A::CloseConnection]),

            // ours: the end after Disconnect-Peer is no failure and carries no penalty.
            (S::Okay | S::Suspect | S::Reopen, E::ConnectionClosed) => {
                self.pending = false;
                (S::Initial, smallvec![])
            }

            // Unexpected in this state: nothing changes.
            (_, _) => return Actions::new(),
        };
        self.state = next;
        self.postpone(now);
        actions
    }
}
