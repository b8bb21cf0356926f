//! Why an answer is as it is: every registration, the rule that gave the answer, what its freshness rests on, and what was
//! ignored lately. Names nobody but by what was asked.

use crate::domain::{
    Confirmed, DeviceQuery, Feeds, Freshness, Gap, Reachability, Registration, Registrations, Slot,
    SlotState, Status, SubscriberId, Tells, Timestamp, Why,
};
use crate::index::Index;
use crate::index::ignored::Ignored;
use crate::proto::v1;

use super::answers::{Answer, Answers};
use super::error::LookupError;
use super::{convert, identifier};

/// Events without effect that are told of one subscriber.
const MOST_IGNORED: usize = 50;

/// Explains answers.
#[derive(Clone, Debug)]
pub struct Explain {
    answers: Answers,
}

impl Explain {
    /// Explains these answers.
    pub fn new(answers: Answers) -> Self {
        Self { answers }
    }

    /// Whom a device names: by a phone number or a network access identifier that one itself, by an address whose it is now.
    pub fn whom(&self, device: &v1::Device) -> Option<SubscriberId> {
        match identifier::choose(Some(device.clone())).ok()?.0 {
            DeviceQuery::Identifier(identifier) => Some(identifier.subscriber()),
            address => self.answers.subscriber(&address).ok(),
        }
    }

    /// Explains what is answered about one device.
    ///
    /// # Errors
    /// As for a lookup.
    pub fn explain(
        &self,
        request: v1::ExplainSubscriberRequest,
    ) -> Result<v1::ExplainSubscriberResponse, LookupError> {
        let terms = self.answers.terms(convert::max_age(request.max_age)?)?;
        let (identifier, device) = identifier::choose(request.device)?;
        let subscriber = self.answers.subscriber(&identifier)?;
        let index: &Index = self.answers.index();
        let (registrations, ignored) = index.account(subscriber, MOST_IGNORED);
        let view = View {
            registrations: &registrations,
            feeds: &index.feeds(),
            subscriber,
            now: terms.now,
        };
        let reachability = registrations.reachability_with(view.now, view.feeds, subscriber);
        let freshness = Freshness::at(terms.now, reachability.last_confirmed_time, terms.max_age);
        let confirmed = registrations.confirmed(&reachability, view.now, view.feeds, subscriber);
        let answer = Answer {
            reachability,
            freshness,
        };
        Ok(v1::ExplainSubscriberResponse {
            device: Some(device),
            reachability: Some(convert::reachability(&answer)),
            rule: view.rule(&reachability),
            confirmed_by: confirmed.map_or_else(String::new, |confirmed| view.why(confirmed)),
            slots: view.slots(),
            feeds: view.feeds(),
            ignored: ignored.iter().map(|ignored| view.ignored(ignored)).collect(),
        })
    }
}

struct View<'a> {
    registrations: &'a Registrations,
    feeds: &'a Feeds,
    subscriber: SubscriberId,
    now: Timestamp,
}

impl View<'_> {
    fn known(&self) -> impl Iterator<Item = Slot> + '_ {
        let known = |slot: &Slot| {
            self.registrations.in_slot(*slot).next().is_some()
                || self.registrations.cleared_at(*slot).is_some()
        };
        Slot::ALL.into_iter().filter(known)
    }

    fn rule(&self, answer: &Reachability) -> String {
        let names = |wanted: &dyn Fn(Slot) -> bool| {
            let named = self.known().filter(|slot| wanted(*slot)).map(Slot::name);
            named.collect::<Vec<_>>().join(", ")
        };
        let up = |slot: Slot| matches!(self.registrations.usable(slot, self.now), SlotState::Up(_));
        match answer.status {
            Status::ConnectedData => {
                let slots = names(&|slot| slot.carries_data() && up(slot));
                format!("a data slot is up: {slots}")
            }
            Status::ConnectedSms => {
                let slots = names(&|slot| !slot.carries_data() && up(slot));
                format!("no data slot is up, and an SMS slot is: {slots}")
            }
            Status::NotConnected => {
                let slots = names(&|slot| self.registrations.usable(slot, self.now) != SlotState::Unknown);
                format!("no slot is up, and it is known of: {slots}")
            }
            Status::Unknown(_) => "no registration was ever reported".to_owned(),
        }
    }

    fn feed_name(&self, id: crate::domain::FeedId) -> String {
        self.feeds
            .get(id)
            .map_or_else(String::new, |feed| feed.name.to_string())
    }

    fn why(&self, confirmed: Confirmed<'_>) -> String {
        match confirmed.why {
            Why::Fact => "the report itself: nobody known would have told of a change".to_owned(),
            Why::NotCovered(feed, news) => {
                let feed = self.feed_name(feed);
                format!("the report itself: {feed} does not tell of {}", news.name())
            }
            Why::Silence(feed) => format!("{} lives, and would have told of a change", self.feed_name(feed)),
            Why::Gap(feed, Gap { begin, end, only }) => {
                let feed = self.feed_name(feed);
                let of_some = only.as_ref().map_or("", |_| ", for some subscribers");
                match end {
                    Some(end) => format!("{feed} could not be relied on from {begin} to {end}{of_some}"),
                    None => format!("{feed} is away since {begin}"),
                }
            }
            Why::NotHeard(feed) => format!("{} was not heard since", self.feed_name(feed)),
        }
    }

    fn slots(&self) -> Vec<v1::ExplainedSlot> {
        let slot = |slot: Slot| {
            let (state, since) = match self.registrations.usable(slot, self.now) {
                SlotState::Unknown => ("unknown", None),
                SlotState::Up(since) => ("up", Some(since)),
                SlotState::Unreachable(since) => ("unreachable", Some(since)),
                SlotState::Deregistered(since) => ("deregistered", Some(since)),
            };
            let confirmed = self
                .registrations
                .slot_confirmed(slot, self.now, self.feeds, self.subscriber);
            let holder = self.registrations.holder(slot).map(|holder| &holder.node);
            let mut held: Vec<_> = self.registrations.in_slot(slot).collect();
            held.sort_by_key(|held| std::cmp::Reverse(held.facts.newest()));
            let registration = |held: &Registration| {
                let holds = slot.is_shared() || Some(&held.node) == holder;
                self.registration(held, holds)
            };
            v1::ExplainedSlot {
                slot: slot.name().to_owned(),
                state: state.to_owned(),
                since: since.map(convert::timestamp),
                confirmed: confirmed.map(|confirmed| convert::timestamp(confirmed.until)),
                confirmed_by: confirmed.map_or_else(String::new, |confirmed| self.why(confirmed)),
                cleared: self.registrations.cleared_at(slot).map(convert::timestamp),
                registrations: held.into_iter().map(registration).collect(),
            }
        };
        self.known().map(slot).collect()
    }

    fn registration(&self, held: &Registration, holder: bool) -> v1::ExplainedRegistration {
        let facts = &held.facts;
        // The end of time stands for no end.
        let end = |until: Timestamp| (until < Timestamp::MAX).then(|| convert::timestamp(until));
        v1::ExplainedRegistration {
            node: held.node.as_str().to_owned(),
            holder,
            registered: facts.registered_at.map(convert::timestamp),
            deregistered: facts.deregistered_at.map(convert::timestamp),
            reachable: facts.reachable.map(|report| convert::timestamp(report.at)),
            reachable_until: facts.reachable.and_then(|report| end(report.until)),
            unreachable: facts.unreachable.map(|report| convert::timestamp(report.at)),
            unreachable_until: facts.unreachable.and_then(|report| end(report.until)),
            feed: self.feed_name(facts.source.feed),
            received: facts
                .newest()
                .map(|newest| convert::timestamp(facts.source.received(newest))),
        }
    }

    /// Those that told something, and those that a negative answer has to hear.
    fn feeds(&self) -> Vec<v1::ExplainedFeed> {
        let told = |id| self.registrations.iter().any(|held| held.facts.source.feed == id);
        let feeds = self.feeds.iter().filter(|(id, feed)| feed.counts || told(*id));
        let feed = |(_, feed): (_, &crate::domain::FeedHealth)| v1::ExplainedFeed {
            name: feed.name.to_string(),
            tells: Tells::ALL
                .into_iter()
                .filter(|news| feed.coverage.has_anywhere(*news))
                .map(|news| news.name().to_owned())
                .collect(),
            alive_until: feed.alive_until.map(convert::timestamp),
            away_since: feed.open_gap().map(|gap| convert::timestamp(gap.begin)),
            gaps: u32::try_from(feed.gaps().len()).unwrap_or(u32::MAX),
            resynchronised_as_of: feed.resynchronised_at.map(convert::timestamp),
        };
        feeds.map(feed).collect()
    }

    fn ignored(&self, ignored: &Ignored) -> v1::IgnoredEvent {
        let change = ignored.change.as_ref();
        let node = change.and_then(|change| change.node());
        v1::IgnoredEvent {
            outcome: ignored.outcome.name().to_owned(),
            change: change.map_or("binding", |change| change.kind()).to_owned(),
            slot: change.map_or_else(String::new, |change| change.slot().name().to_owned()),
            node: node.map_or_else(String::new, |node| node.as_str().to_owned()),
            event_time: Some(convert::timestamp(ignored.event_time)),
            received: Some(convert::timestamp(ignored.received_at)),
            feed: self.feed_name(ignored.feed),
        }
    }
}
