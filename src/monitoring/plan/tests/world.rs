//! A plan, its store, and an HSS, in virtual time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diameter::apps::Answered;
use crate::diameter::apps::s6t::cir::Question;
use crate::domain::{Aspect, Target, Timestamp};
use crate::monitoring::plan::{Ask, Outcome, Plan, Settings};
use crate::store::MonitoringRow;

use super::base_result;

/// 2026-01-31T12:00:00Z.
pub(super) const BEGIN: i64 = 1_769_860_800_000_000;

/// How the HSS answers.
pub(super) type Manner = Box<dyn FnMut(&Question, i64) -> Reaction>;

/// What the HSS does with a question.
pub(super) enum Reaction {
    /// Takes it.
    Take,
    /// Takes all but these references.
    TakeBut(Vec<(Aspect, Answered)>),
    /// Refuses all of it.
    Refuse(Answered),
    /// Takes it, and its answer is lost.
    TakeInSilence,
    /// Never sees it, and nobody answers.
    Lose,
    /// There is no peer.
    NoPeer,
}

/// A question that left.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: i64,
    pub(super) question: Question,
}

impl Sent {
    pub(super) fn aspects(&self) -> Vec<Aspect> {
        self.question.begin.iter().map(|begin| begin.aspect).collect()
    }
}

/// Of whom, what, and until when.
type Held = (Target, Aspect, i64);

pub(super) struct World {
    pub(super) plan: Plan,
    settings: Option<Settings>,
    pub(super) now: i64,
    pub(super) stored: BTreeMap<(Target, Aspect), MonitoringRow>,
    next_reference: u64,
    /// What the HSS holds, by reference.
    pub(super) held: BTreeMap<u32, Held>,
    /// Whose every reference ever was.
    ever: HashMap<u32, (Target, Aspect)>,
    under_way: Vec<(i64, Ask, Outcome)>,
    pub(super) sent: Vec<Sent>,
    pub(super) manner: Manner,
    /// How long an answer takes, in microseconds.
    pub(super) latency: i64,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        let mut world = Self {
            plan: Plan::new(Some(settings)),
            settings: Some(settings),
            now: BEGIN,
            stored: BTreeMap::new(),
            next_reference: 1,
            held: BTreeMap::new(),
            ever: HashMap::new(),
            under_way: Vec::new(),
            sent: Vec::new(),
            manner: Box::new(|_, _| Reaction::Take),
            latency: 20_000,
        };
        world.plan.loaded(1, world.time());
        world
    }

    pub(super) fn time(&self) -> Timestamp {
        Timestamp::from_micros(self.now).unwrap()
    }

    /// Seconds since the beginning.
    pub(super) fn elapsed(&self) -> i64 {
        (self.now - BEGIN) / 1_000_000
    }

    pub(super) fn add(&mut self, target: &Target) {
        self.plan.add(target.clone(), self.time());
        self.save();
    }

    pub(super) fn remove(&mut self, target: &Target) -> bool {
        let there = self.plan.remove(target, self.time());
        self.save();
        there
    }

    /// Makes durable what has changed, in small pieces.
    pub(super) fn save(&mut self) {
        loop {
            let batch = self.plan.take_dirty(7, self.time());
            if batch.is_empty() {
                self.plan.saved(self.plan.revision());
                return;
            }
            assert!(batch.rows.len() <= 7);
            for target in &batch.removed {
                assert!(batch.rows.iter().all(|row| row.target != *target));
                self.stored.retain(|(of, _), _| of != target);
            }
            for row in batch.rows {
                self.stored.insert((row.target.clone(), row.aspect), row);
            }
            self.next_reference = self.next_reference.max(batch.next_reference);
        }
    }

    /// The daemon dies and starts again; what was not saved is lost, and so is every answer under way.
    pub(super) fn restart(&mut self) {
        self.under_way.clear();
        self.plan = Plan::new(self.settings);
        for row in self.stored.values() {
            self.plan.load(row.clone());
        }
        self.plan.loaded(self.next_reference, self.time());
    }

    /// Lets so many seconds pass.
    pub(super) fn pass(&mut self, seconds: i64) {
        let end = self.now + seconds * 1_000_000;
        loop {
            self.ask();
            let answer = self.under_way.iter().map(|(at, ..)| *at).min();
            let wake = self
                .plan
                .wake_at(self.time())
                .map(|wake| wake.as_micros().max(self.now + 1));
            match answer.into_iter().chain(wake).min() {
                Some(next) if next <= end => self.now = next,
                _ => break,
            }
            self.deliver();
        }
        self.now = end;
        self.deliver();
    }

    /// Sends what is to be asked now.
    pub(super) fn ask(&mut self) {
        let now = self.time();
        let mut asks = Vec::new();
        while let Some(ask) = self.plan.next(now) {
            asks.push(ask);
        }
        self.save();
        for ask in asks {
            self.send(ask);
        }
    }

    fn send(&mut self, ask: Ask) {
        let question = ask.question.clone();
        let answered = |result, refused: Vec<(u32, Answered)>| Outcome::Answered {
            host: None,
            result,
            refused: refused.into(),
        };
        let outcome = match (self.manner)(&question, self.now) {
            Reaction::Take => {
                self.take(&question, &[]);
                answered(base_result(2001), Vec::new())
            }
            Reaction::TakeBut(aspects) => {
                let refused: Vec<_> = question
                    .begin
                    .iter()
                    .filter_map(|begin| {
                        let (_, result) = aspects.iter().find(|(aspect, _)| *aspect == begin.aspect)?;
                        Some((begin.reference, *result))
                    })
                    .collect();
                let references: Vec<_> = refused.iter().map(|(reference, _)| *reference).collect();
                self.take(&question, &references);
                answered(base_result(2001), refused)
            }
            Reaction::Refuse(result) => answered(result, Vec::new()),
            Reaction::TakeInSilence => {
                self.take(&question, &[]);
                Outcome::Unanswered
            }
            Reaction::Lose => Outcome::Unanswered,
            Reaction::NoPeer => Outcome::NoPeer,
        };
        self.sent.push(Sent {
            at: self.now,
            question,
        });
        let at = match outcome {
            Outcome::Unanswered => self.now + 10_000_000,
            _ => self.now + self.latency,
        };
        self.under_way.push((at, ask, outcome));
    }

    /// The HSS takes a question.
    fn take(&mut self, question: &Question, but: &[u32]) {
        for begin in &question.begin {
            let owner = (question.target.clone(), begin.aspect);
            let before = self.ever.insert(begin.reference, owner.clone());
            assert!(
                before.is_none_or(|before| before == owner),
                "a reference means one thing for ever"
            );
            if but.contains(&begin.reference) {
                continue;
            }
            for replaced in &begin.replaces {
                self.held.remove(replaced);
            }
            self.held
                .insert(begin.reference, (owner.0, owner.1, begin.until * 1_000_000));
        }
        for end in &question.end {
            self.held.remove(end);
        }
    }

    /// Hands over the answers that are due.
    fn deliver(&mut self) {
        let now = self.now;
        self.held.retain(|_, (.., until)| *until > now);
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.under_way)
            .into_iter()
            .partition(|(at, ..)| *at <= now);
        self.under_way = later;
        for (_, ask, outcome) in due {
            self.plan.answered(&ask, &outcome, self.time());
        }
        self.save();
    }

    /// The references that the HSS holds of a target, by aspect.
    pub(super) fn held_of(&self, target: &Target) -> Vec<(Aspect, u32)> {
        let mut held: Vec<_> = self
            .held
            .iter()
            .filter(|(_, (of, ..))| of == target)
            .map(|(reference, (_, aspect, _))| (*aspect, *reference))
            .collect();
        held.sort_unstable();
        held
    }

    /// What every moment has to satisfy.
    pub(super) fn check(&self) {
        let Some(settings) = self.settings else { return };
        assert!(self.under_way.len() <= settings.in_flight);
        let mut targets = BTreeSet::new();
        for (_, ask, _) in &self.under_way {
            assert!(
                targets.insert(&ask.question.target),
                "one question about a target at a time"
            );
        }
        for (place, begin) in self.sent.iter().enumerate().rev().take(40) {
            let within = self.sent[place..]
                .iter()
                .take_while(|sent| sent.at < begin.at + 1_000_000)
                .count();
            assert!(within <= settings.rate as usize, "{within} in a second");
        }
        // Whatever the HSS holds is known here, or it would be told to forget it.
        for (reference, (target, aspect, _)) in &self.held {
            if self.plan.status(target).is_none() {
                continue;
            }
            let monitored = self.plan.monitored((*reference).into());
            assert!(
                !matches!(monitored, crate::diameter::apps::Monitored::Unknown),
                "{aspect:?} {:?} {:?}",
                self.plan.status(target),
                reference
            );
        }
    }
}
