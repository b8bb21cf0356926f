//! Streams over an index to which anything happens, in any order, taken at any time.

use hashbrown::HashMap;
use proptest::prelude::*;

use super::state::{Look, State};
use super::watcher::Slow;
use super::*;
use crate::domain::{
    Change as Registering, Ends, Event, ExternalIdentifier, Imsi, Msisdn, Node, Slot, Status, SubscriberId,
    SubscriberIdentifiers,
};

type View = Option<(Status, bool, bool)>;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

fn imsi(n: u8) -> Imsi {
    Imsi::parse(&format!("00101{n:010}")).unwrap()
}

fn number(n: u8) -> Msisdn {
    Msisdn::parse(&format!("+999{n:08}")).unwrap()
}

fn external() -> ExternalIdentifier {
    ExternalIdentifier::parse("meter-1@iot.example").unwrap()
}

/// Every name there may be.
fn names() -> Vec<Identifier> {
    let numbers = (0..3).map(|n| Identifier::Msisdn(number(n)));
    numbers.chain([Identifier::External(external())]).collect()
}

fn view(answer: Option<Reachability>) -> View {
    answer.map(|answer| (answer.status, answer.data, answer.sms))
}

/// An index, what watches it, and the time.
struct World {
    index: Index,
    state: State,
    now: i64,
}

impl World {
    fn new(config: WatchConfig) -> Self {
        let index = Index::new();
        index.finish_loading();
        index.touched().watch(true);
        Self {
            index,
            state: State::new(&config, 7),
            now: 50,
        }
    }

    /// The task has its turn.
    fn settle(&mut self) {
        let marks = self.index.touched().take();
        let ids: Vec<_> = marks.ids.into_iter().collect();
        let look = look(&self.index, self.now);
        self.state.changed(&ids, &marks.externals, look);
        while self.state.time_passed(look) {}
    }

    fn apply(&mut self, event: &Event) {
        self.index.apply(event);
    }

    /// What concerns no client.
    fn happens(&mut self, step: &Step) {
        match step {
            Step::Event(event) => self.apply(event),
            Step::Settle => self.settle(),
            Step::Erase(who, floor) => self.erase(*who, at(*floor)),
            Step::Time(seconds) => self.now += seconds,
            Step::Take(_) | Step::Return => {}
        }
    }

    /// A subscriber goes, with all that belongs to it.
    fn erase(&mut self, who: u8, floor: Timestamp) {
        let subscriber = SubscriberId::from(imsi(who));
        for name in names() {
            if self.index.resolve(&name) == Some(subscriber) {
                self.index.erase_facts(name.subscriber(), floor);
                self.index.erase_binding(&name, floor);
            }
        }
        self.index.erase_facts(subscriber, floor);
    }
}

fn look(index: &Index, now: i64) -> Look<'_> {
    Look {
        index,
        now: at(now),
        seen: Instant::now(),
    }
}

/// A client that keeps what it was told.
struct Client {
    /// `None`: all.
    list: Option<Vec<Identifier>>,
    id: u64,
    told: HashMap<SubscriberId, View>,
    cursor: Option<Cursor>,
    last: u64,
}

impl Client {
    fn new(list: Option<Vec<Identifier>>) -> Self {
        Self {
            list,
            id: 0,
            told: HashMap::new(),
            cursor: None,
            last: 0,
        }
    }

    /// Comes, or comes back. `meanwhile` happens during a snapshot of all.
    fn come(&mut self, world: &mut World, mut meanwhile: impl FnMut(&mut World, usize)) -> Begin {
        if self.id > 0 {
            world.state.leave(self.id, Instant::now());
        }
        let begin = match &self.list {
            None => {
                let (id, _, begin) = world.state.begin_all(self.cursor);
                self.id = id;
                begin
            }
            Some(list) => {
                let look = look(&world.index, world.now);
                let (id, _, begin) = world.state.begin_list(list, self.cursor, look).unwrap();
                self.id = id;
                begin
            }
        };
        match &begin {
            Begin::Resumed => return begin,
            Begin::List { answers, .. } => {
                self.told.clear();
                for (identifier, answer) in self.list.iter().flatten().zip(answers) {
                    self.told.insert(identifier.subscriber(), view(*answer));
                }
            }
            Begin::All { .. } => {
                self.told.clear();
                for part in 0..Index::PARTS {
                    meanwhile(world, part);
                    let look = look(&world.index, world.now);
                    for (identifier, answer) in world.state.snapshot_part(self.id, part, look) {
                        self.told.insert(identifier.subscriber(), view(Some(answer)));
                    }
                }
                loop {
                    match world.state.catch_up(self.id, 2) {
                        Ok(None) => break,
                        Ok(Some(changes)) => {
                            for change in changes {
                                let former = self.told.insert(change.name, view(change.answer)).flatten();
                                assert_ne!(former, view(change.answer), "it alters what the part told");
                            }
                        }
                        // More happened during the snapshot than is kept. What was told before is forgotten.
                        Err(Slow) => {
                            self.cursor = None;
                            return self.come(world, nothing_happens);
                        }
                    }
                }
            }
        }
        let cursor = world.state.cursor(self.id);
        self.last = cursor.sequence;
        self.cursor = Some(cursor);
        begin
    }

    /// Takes a few changes, each of which has to be one.
    fn take(&mut self, world: &mut World, most: usize) -> Result<usize, Slow> {
        let changes = world.state.take(self.id, most)?;
        for change in &changes {
            let former = self.told.insert(change.name, view(change.answer)).flatten();
            assert_ne!(former, view(change.answer), "it alters the answer");
            if self.list.is_none() {
                assert_eq!(change.sequence, self.last + 1, "there is no gap");
            }
            assert!(change.sequence > self.last);
            self.last = change.sequence;
            self.cursor = Some(Cursor {
                epoch: 7,
                sequence: change.sequence,
            });
        }
        Ok(changes.len())
    }

    /// Once it has everything, it knows what lookups tell.
    fn agrees(&mut self, world: &mut World) -> Result<(), TestCaseError> {
        world.settle();
        while self.take(world, 3).unwrap() > 0 {}
        for name in self.list.clone().unwrap_or_else(names) {
            // An external identifier that came alone is no name for those who watch all.
            let looked = world.index.lookup(&name, at(world.now));
            if self.list.is_none() && looked.is_some() && !is_told_to_all(&world.index, &name) {
                continue;
            }
            let told = self.told.get(&name.subscriber()).copied().flatten();
            prop_assert_eq!(told, view(looked), "{:?}", name);
        }
        Ok(())
    }
}

fn nothing_happens(_: &mut World, _: usize) {}

fn is_told_to_all(index: &Index, name: &Identifier) -> bool {
    let part = Index::part_of(name.subscriber());
    index.names_in(part).contains(name)
}

#[derive(Clone, Debug)]
enum Step {
    Event(Event),
    Settle,
    /// One of the subscribers, up to a time.
    Erase(u8, i64),
    Time(i64),
    Take(usize),
    Return,
}

fn events() -> impl Strategy<Value = Event> {
    let who = (
        prop::option::of(0..3u8),
        prop::option::of(0..3u8),
        prop::bool::weighted(0.2),
    );
    let what = (0..6u8, any::<bool>(), prop::option::of(60..90i64));
    (who, what, 1..60i64).prop_map(|((who, numbered, named), (kind, data, until), time)| {
        let ids = SubscriberIdentifiers::new(who.map(imsi), numbered.map(number), named.then(external))
            .unwrap_or_else(|| number(0).into());
        let slot = if data { Slot::Mme } else { Slot::Msc };
        let node = Node::parse("node1.example").unwrap();
        let until = until.map(at);
        let change = match kind {
            0..2 => Some(Registering::Registered {
                slot,
                node,
                ends: Ends::default(),
            }),
            2 => Some(Registering::Deregistered { slot, node }),
            3 => Some(Registering::Reachable { slot, node, until }),
            4 => Some(Registering::Unreachable { slot, node, until }),
            _ => None,
        };
        Event::new(ids, at(time), at(1000), change)
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => events().prop_map(Step::Event),
        4 => Just(Step::Settle),
        1 => (0..3u8, 1..60i64).prop_map(|(who, floor)| Step::Erase(who, floor)),
        1 => (1..10i64).prop_map(Step::Time),
        3 => (1..4usize).prop_map(Step::Take),
        1 => Just(Step::Return),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_clients_end_with_what_lookups_tell(
        before in prop::collection::vec(events(), 0..6), steps in prop::collection::vec(step(), 1..40),
        during in prop::collection::vec((step(), any::<bool>()), 0..6), history in 3..40usize,
    ) {
        let mut world = World::new(WatchConfig { history, queue: history, ..WatchConfig::default() });
        before.iter().for_each(|event| world.apply(event));
        let mut clients = [Client::new(None), Client::new(Some(names())), Client::new(Some(names()[..2].to_vec()))];
        let mut during = during.into_iter();
        let mut meanwhile = |world: &mut World, part: usize| {
            if part.is_multiple_of(64) && let Some((step, settled)) = during.next() {
                world.happens(&step);
                if settled { world.settle(); }
            }
        };
        for client in &mut clients {
            client.come(&mut world, &mut meanwhile);
        }
        for step in steps {
            match step {
                Step::Take(most) => for client in &mut clients {
                    if client.take(&mut world, most) == Err(Slow) {
                        client.come(&mut world, &mut meanwhile);
                    }
                },
                Step::Return => for client in &mut clients {
                    client.come(&mut world, &mut meanwhile);
                },
                step => world.happens(&step),
            }
        }
        for client in &mut clients {
            if world.state.take(client.id, 0) == Err(Slow) {
                client.come(&mut world, |_, _| {});
            }
        }
        world.settle();
        for client in &mut clients {
            if world.state.take(client.id, 0) == Err(Slow) {
                client.come(&mut world, |_, _| {});
            }
            client.agrees(&mut world)?;
        }
    }
}

fn attached(n: u8, time: i64) -> Event {
    let ids = SubscriberIdentifiers::new(Some(imsi(n)), Some(number(n)), None).unwrap();
    let node = Node::parse("mme1.example").unwrap();
    let ends = Ends::default();
    Event::new(
        ids,
        at(time),
        at(1000),
        [Registering::Registered {
            slot: Slot::Mme,
            node,
            ends,
        }],
    )
}

fn purged(n: u8, time: i64) -> Event {
    let node = Node::parse("mme1.example").unwrap();
    let gone = Registering::Deregistered {
        slot: Slot::Mme,
        node,
    };
    Event::new(imsi(n).into(), at(time), at(1000), [gone])
}

#[test]
fn who_comes_back_in_time_goes_on_and_who_does_not_is_told() {
    let mut world = World::new(WatchConfig {
        history: 3,
        queue: 3,
        ..WatchConfig::default()
    });
    for list in [None, Some(vec![Identifier::Msisdn(number(1))])] {
        let mut client = Client::new(list);
        world.apply(&attached(1, world.now));
        assert!(!matches!(client.come(&mut world, |_, _| {}), Begin::Resumed));
        let base = 11 + world.now;
        for change in 0..3 {
            let event = if change % 2 == 0 {
                purged(1, base + change)
            } else {
                attached(1, base + change)
            };
            world.apply(&event);
            world.settle();
        }
        assert_eq!(client.come(&mut world, |_, _| {}), Begin::Resumed);
        assert_eq!(client.take(&mut world, 10), Ok(3));
        // Of the next four one is lost.
        for change in 3..7 {
            let event = if change % 2 == 0 {
                purged(1, base + change)
            } else {
                attached(1, base + change)
            };
            world.apply(&event);
            world.settle();
        }
        let begin = client.come(&mut world, |_, _| {});
        assert!(
            matches!(
                begin,
                Begin::All { expired: true } | Begin::List { expired: true, .. }
            ),
            "{begin:?}"
        );
        world.now += 20;
    }
}

#[test]
fn a_cursor_of_another_run_or_of_the_future_is_expired() {
    let mut world = World::new(WatchConfig::default());
    let (_, _, begin) = world.state.begin_all(Some(Cursor {
        epoch: 8,
        sequence: 0,
    }));
    assert_eq!(begin, Begin::All { expired: true });
    let (_, _, begin) = world.state.begin_all(Some(Cursor {
        epoch: 7,
        sequence: 1,
    }));
    assert_eq!(begin, Begin::All { expired: true });
    // Of this run, but from before all were watched.
    let (_, _, begin) = world.state.begin_all(Some(Cursor {
        epoch: 7,
        sequence: 0,
    }));
    assert_eq!(begin, Begin::All { expired: true });
}

#[test]
fn a_slow_stream_is_given_up_and_a_fast_one_goes_on() {
    let mut world = World::new(WatchConfig {
        history: 10,
        queue: 2,
        ..WatchConfig::default()
    });
    let mut fast = Client::new(None);
    let mut slow = Client::new(Some(vec![Identifier::Msisdn(number(1))]));
    let mut elsewhere = Client::new(Some(vec![Identifier::Msisdn(number(2))]));
    for client in [&mut fast, &mut slow, &mut elsewhere] {
        client.come(&mut world, |_, _| {});
    }
    for change in 0..4 {
        let event = if change % 2 == 0 {
            attached(1, 10 + change)
        } else {
            purged(1, 10 + change)
        };
        world.apply(&event);
        world.settle();
        assert_eq!(fast.take(&mut world, 9), Ok(1));
    }
    assert_eq!(slow.take(&mut world, 9), Err(Slow));
    // It comes back with what it had, and misses nothing.
    assert_eq!(slow.come(&mut world, |_, _| {}), Begin::Resumed);
    assert_eq!(slow.take(&mut world, 9), Ok(4));
    // What others have to hear of makes nobody slow.
    assert_eq!(elsewhere.take(&mut world, 9), Ok(0));
    world.apply(&attached(2, 10));
    world.settle();
    assert_eq!(elsewhere.take(&mut world, 9), Ok(1));
}

#[test]
fn of_whom_nothing_is_left_nobody_is_told_to_be_found() {
    let mut world = World::new(WatchConfig::default());
    world.apply(&attached(1, 10));
    let mut clients = [
        Client::new(None),
        Client::new(Some(vec![Identifier::Msisdn(number(1))])),
    ];
    for client in &mut clients {
        client.come(&mut world, |_, _| {});
    }
    world.erase(1, at(20));
    world.settle();
    for client in &mut clients {
        assert_eq!(client.take(&mut world, 9), Ok(1));
        assert_eq!(client.told.get(&SubscriberId::from(number(1))), Some(&None));
    }
}

#[test]
fn of_whom_a_snapshot_did_not_tell_no_farewell_is_told() {
    let mut world = World::new(WatchConfig::default());
    world.apply(&attached(1, 10));
    let [mut before, mut after] = [(); 2].map(|()| Client::new(None));
    before.come(&mut world, nothing_happens);
    world.erase(1, at(20));
    after.come(&mut world, nothing_happens);
    assert!(after.told.is_empty());
    world.settle();
    assert_eq!(before.take(&mut world, 9), Ok(1));
    assert_eq!(before.told.get(&SubscriberId::from(number(1))), Some(&None));
    assert_eq!(after.take(&mut world, 9), Ok(0));
}

#[test]
fn what_is_over_though_no_event_came_is_told() {
    let mut world = World::new(WatchConfig::default());
    let mut client = Client::new(Some(vec![Identifier::Msisdn(number(1))]));
    world.apply(&attached(1, 10));
    let node = Node::parse("mme1.example").unwrap();
    let asleep = Registering::Unreachable {
        slot: Slot::Mme,
        node,
        until: Some(at(70)),
    };
    world.apply(&Event::new(imsi(1).into(), at(20), at(1000), [asleep]));
    client.come(&mut world, |_, _| {});
    world.now = 69;
    world.settle();
    assert_eq!(client.take(&mut world, 9), Ok(0));
    assert_eq!(world.state.next_due().0, Some(at(70)));
    world.now = 70;
    world.settle();
    assert_eq!(client.take(&mut world, 9), Ok(1));
    assert_eq!(world.state.next_due().0, None);
}

#[test]
fn nothing_is_kept_once_nobody_watches_and_the_time_to_come_back_is_over() {
    let config = WatchConfig {
        linger: Duration::ZERO,
        ..WatchConfig::default()
    };
    let mut world = World::new(config);
    world.apply(&attached(1, 10));
    world.apply(&attached(2, 10));
    let mut all = Client::new(None);
    let mut list = Client::new(Some(vec![
        Identifier::Msisdn(number(1)),
        Identifier::Msisdn(number(9)),
    ]));
    all.come(&mut world, |_, _| {});
    list.come(&mut world, |_, _| {});
    assert_eq!(world.state.devices(), 3);
    assert_eq!(world.state.streams(), (1, 1));
    world.state.leave(all.id, Instant::now());
    assert!(!world.state.forget_left(Instant::now()));
    // What the list names is watched on.
    assert_eq!((world.state.devices(), world.state.streams()), (2, (1, 0)));
    world.apply(&purged(1, 20));
    world.settle();
    assert_eq!(list.take(&mut world, 9), Ok(1));
    world.state.leave(list.id, Instant::now());
    assert!(world.state.forget_left(Instant::now()));
    assert_eq!((world.state.devices(), world.state.streams()), (0, (0, 0)));
}

#[test]
fn devices_are_bounded_and_those_of_streams_that_ended_give_way() {
    let mut world = World::new(WatchConfig {
        max_devices: 3,
        ..WatchConfig::default()
    });
    let two = [Identifier::Msisdn(number(1)), Identifier::Msisdn(number(2))];
    let (first, ..) = world
        .state
        .begin_list(&two, None, look(&world.index, 50))
        .unwrap();
    let refused = world
        .state
        .begin_list(&two, None, look(&world.index, 50))
        .unwrap_err();
    assert_eq!(refused, Refused::TooManyDevices);
    world.state.leave(first, Instant::now());
    assert!(world.state.begin_list(&two, None, look(&world.index, 50)).is_ok());
}

#[test]
fn names_that_nobody_has_are_not_kept_for_those_who_watch_all() {
    let config = WatchConfig {
        linger: Duration::ZERO,
        ..WatchConfig::default()
    };
    let mut world = World::new(config);
    world.apply(&attached(1, 10));
    let mut all = Client::new(None);
    all.come(&mut world, |_, _| {});
    let mut list = Client::new(Some(vec![
        Identifier::Msisdn(number(1)),
        Identifier::Msisdn(number(9)),
    ]));
    list.come(&mut world, |_, _| {});
    assert_eq!(world.state.devices(), 2);
    world.state.leave(list.id, Instant::now());
    assert!(!world.state.forget_left(Instant::now()));
    assert_eq!(world.state.devices(), 1);
}

#[test]
fn streams_that_ended_are_remembered_in_a_bounded_number() {
    let mut world = World::new(WatchConfig {
        max_streams: 2,
        ..WatchConfig::default()
    });
    let mut first = Client::new(Some(vec![Identifier::Msisdn(number(1))]));
    first.come(&mut world, |_, _| {});
    world.state.leave(first.id, Instant::now());
    for _ in 0..3 {
        let other = [Identifier::Msisdn(number(2))];
        let (id, ..) = world
            .state
            .begin_list(&other, None, look(&world.index, 50))
            .unwrap();
        world.state.leave(id, Instant::now());
    }
    assert_eq!(
        world.state.devices(),
        1,
        "the first to end was the first to be forgotten"
    );
    assert!(!matches!(first.come(&mut world, |_, _| {}), Begin::Resumed));
}

#[tokio::test]
async fn a_stream_is_woken_by_an_event_and_marks_end_with_the_last_stream() {
    let index = Arc::new(Index::new());
    let config = WatchConfig {
        linger: Duration::ZERO,
        ..WatchConfig::default()
    };
    let watch = Watch::new(&config, Arc::clone(&index));
    let stop = CancellationToken::new();
    let running = tokio::spawn(watch.clone().run(stop.clone()));
    let (subscription, begin) = watch.list(&[Identifier::Msisdn(number(1))], None).unwrap();
    assert_eq!(
        begin,
        Begin::List {
            answers: vec![None],
            expired: false
        }
    );
    index.apply(&attached(1, 10));
    let changes = loop {
        subscription.news().await;
        let delivery = subscription.take(9).unwrap();
        if !delivery.changes.is_empty() {
            break delivery.changes;
        }
    };
    let told: Vec<_> = changes.iter().map(|change| view(change.answer)).collect();
    assert_eq!(told, [Some((Status::ConnectedData, true, false))]);
    drop(subscription);
    let begun = Instant::now();
    loop {
        index.apply(&purged(1, 20));
        index.apply(&attached(1, 30));
        if index.touched().take().is_empty()
            && watch.state().streams() == (0, 0)
            && watch.state().devices() == 0
        {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
}
