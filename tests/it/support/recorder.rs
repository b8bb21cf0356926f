//! A relay on loopback between the daemon and a peer that keeps what each of them says.
//!
//! Whole messages are kept before they are passed on, so that whatever has had an effect has been recorded. The relay can
//! also hold connections back, which is how two connections are made to come at the same time, and cut them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::capture::Exchange;
use super::eventually;
use super::wire::{Direction, Message};

/// The relay. It ends when it is dropped.
pub(crate) struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    /// Which way that goes which the dialling side says.
    dialled: Direction,
    /// Whether what is said is Diameter to read, message by message.
    readable: bool,
    target: Mutex<Option<SocketAddr>>,
    held: watch::Sender<bool>,
    cut: Mutex<CancellationToken>,
    connections: Mutex<Vec<Connection>>,
}

#[derive(Default)]
struct Connection {
    exchange: Exchange,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing was said yet, or the relay does not pass it on.
    #[default]
    Waiting,
    /// Both ends stand.
    Standing,
    Ended,
}

impl Recorder {
    /// A relay that the peer dials and that dials the daemon.
    pub(crate) async fn to_daemon() -> Self {
        Self::start(Direction::ToDaemon, true).await
    }

    /// A relay that the daemon dials and that dials the peer.
    pub(crate) async fn from_daemon() -> Self {
        Self::start(Direction::FromDaemon, true).await
    }

    /// Two such relays for TLS, [`to_daemon`](Self::to_daemon) and [`from_daemon`](Self::from_daemon): what they keep are
    /// octets as they came.
    pub(crate) async fn encrypted() -> (Self, Self) {
        (
            Self::start(Direction::ToDaemon, false).await,
            Self::start(Direction::FromDaemon, false).await,
        )
    }

    async fn start(dialled: Direction, readable: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            dialled,
            readable,
            target: Mutex::new(None),
            held: watch::Sender::new(false),
            cut: Mutex::default(),
            connections: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            accepting: task.abort_handle(),
        }
    }

    /// Where to dial it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whom it dials from now on. Before the first call whoever dials it is turned away.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = Some(target);
    }

    /// From now on new connections are accepted, and what is said on them is kept back.
    pub(crate) fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    /// Passes on what was held.
    pub(crate) fn release(&self) {
        self.shared.held.send_replace(false);
    }

    /// Cuts every connection there is.
    pub(crate) fn cut(&self) {
        std::mem::take(&mut *self.shared.cut.lock().unwrap()).cancel();
    }

    /// How many connections are held on which something was said.
    pub(crate) fn held(&self) -> usize {
        self.count(|connection| connection.state == State::Waiting && !connection.exchange.is_empty())
    }

    /// How many connections stand from end to end.
    pub(crate) fn standing(&self) -> usize {
        self.count(|connection| connection.state == State::Standing)
    }

    fn count(&self, which: impl Fn(&Connection) -> bool) -> usize {
        let connections = self.shared.connections.lock().unwrap();
        connections.iter().filter(|connection| which(connection)).count()
    }

    /// What was said, connection by connection, in the order they were made.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        let connections = self.shared.connections.lock().unwrap();
        connections
            .iter()
            .map(|connection| connection.exchange.clone())
            .collect()
    }

    /// What was said on all connections together.
    pub(crate) fn messages(&self) -> Vec<(Direction, Message)> {
        self.exchanges()
            .concat()
            .iter()
            .map(|(direction, bytes)| (*direction, Message::decode(bytes)))
            .collect()
    }

    /// The requests of a command that went one way.
    pub(crate) fn requests(&self, direction: Direction, command: u32) -> Vec<Message> {
        self.said(direction, command, true)
    }

    /// The answers of a command that went one way.
    pub(crate) fn answers(&self, direction: Direction, command: u32) -> Vec<Message> {
        self.said(direction, command, false)
    }

    fn said(&self, direction: Direction, command: u32, request: bool) -> Vec<Message> {
        let is_meant = |(way, message): &(Direction, Message)| {
            *way == direction && message.command == command && message.is_request() == request
        };
        let found = self.messages().into_iter().filter(is_meant);
        found.map(|(_, message)| message).collect()
    }

    /// Waits until so many requests of a command went one way and were answered.
    pub(crate) async fn answered(&self, direction: Direction, command: u32, number: usize) {
        let back = match direction {
            Direction::ToDaemon => Direction::FromDaemon,
            Direction::FromDaemon => Direction::ToDaemon,
        };
        eventually(
            &format!("{number} requests {command} went {direction:?} and were answered"),
            async || {
                let asked = self.requests(direction, command).len();
                (asked >= number && self.answers(back, command).len() >= number).then_some(())
            },
        )
        .await;
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and so are the connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(relay(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn relay(dialling: TcpStream, shared: Arc<Shared>) {
    let cut = shared.cut.lock().unwrap().clone();
    let number = {
        let mut connections = shared.connections.lock().unwrap();
        connections.push(Connection::default());
        connections.len() - 1
    };
    tokio::select! {
        () = cut.cancelled() => {}
        _ = carry(dialling, &shared, number) => {}
    }
    shared.connections.lock().unwrap()[number].state = State::Ended;
}

async fn carry(dialling: TcpStream, shared: &Shared, number: usize) -> std::io::Result<()> {
    dialling.set_nodelay(true)?;
    let (mut from, to) = dialling.into_split();
    let mut ahead = Vec::new();
    let mut held = shared.held.subscribe();
    let (one_way, other_way) = match shared.dialled {
        Direction::ToDaemon => (Direction::ToDaemon, Direction::FromDaemon),
        Direction::FromDaemon => (Direction::FromDaemon, Direction::ToDaemon),
    };
    let keep = |direction: Direction, message: &[u8]| {
        let kept = (direction, message.to_vec());
        shared.connections.lock().unwrap()[number].exchange.push(kept);
    };
    // Read while it is held: only so is it seen that the dialling side has given up.
    let mut first = Vec::new();
    while *held.borrow_and_update() {
        tokio::select! {
            changed = held.changed() => changed.map_err(std::io::Error::other)?,
            read = from.read_buf(&mut ahead) => {
                if read? == 0 {
                    return Ok(());
                }
                while let Some(message) = next_message(&mut ahead, shared.readable) {
                    keep(one_way, &message);
                    first.extend_from_slice(&message);
                }
            }
        }
    }
    let Some(target) = *shared.target.lock().unwrap() else {
        return Ok(());
    };
    let called = TcpStream::connect(target).await?;
    called.set_nodelay(true)?;
    shared.connections.lock().unwrap()[number].state = State::Standing;
    let (back, mut forth) = called.into_split();
    forth.write_all(&first).await?;
    let readable = shared.readable;
    let there = pump(from, ahead, forth, readable, |message| keep(one_way, message));
    let and_back = pump(back, Vec::new(), to, readable, |message| keep(other_way, message));
    // The end of one way is passed on, and the other may still be used.
    tokio::try_join!(there, and_back)?;
    Ok(())
}

/// Passes on whole messages until the reading end closes, then closes the writing end.
async fn pump(
    mut from: OwnedReadHalf,
    mut ahead: Vec<u8>,
    mut to: OwnedWriteHalf,
    readable: bool,
    keep: impl Fn(&[u8]),
) -> std::io::Result<()> {
    loop {
        while let Some(message) = next_message(&mut ahead, readable) {
            keep(&message);
            to.write_all(&message).await?;
        }
        if from.read_buf(&mut ahead).await? == 0 {
            return to.shutdown().await;
        }
    }
}

/// Takes the first message off, once it is whole; or whatever there is, where it cannot be read.
fn next_message(ahead: &mut Vec<u8>, readable: bool) -> Option<Vec<u8>> {
    if !readable {
        return (!ahead.is_empty()).then(|| std::mem::take(ahead));
    }
    let length = u32::from_be_bytes([0, *ahead.get(1)?, *ahead.get(2)?, *ahead.get(3)?]) as usize;
    assert!(length >= 20, "a Diameter header");
    (ahead.len() >= length).then(|| ahead.drain(..length).collect())
}
