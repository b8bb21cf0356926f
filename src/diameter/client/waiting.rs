//! Requests that wait for a peer, or for room with one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::order::Order;
use super::route::Route;

/// Requests by their number, and the numbers of each route: all of a route wait for the same thing.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    orders: BTreeMap<u64, Order>,
    routes: HashMap<Route, BTreeSet<u64>>,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.orders.len()
    }

    pub(super) fn push(&mut self, order: Order) {
        let (number, route) = (order.tag.number, &order.tag.route);
        match self.routes.get_mut(route) {
            Some(numbers) => {
                numbers.insert(number);
            }
            None => {
                self.routes.insert(route.clone(), BTreeSet::from([number]));
            }
        }
        self.orders.insert(number, order);
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Order> {
        let order = self.orders.remove(&number)?;
        if let Some(numbers) = self.routes.get_mut(&order.tag.route) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.routes.remove(&order.tag.route);
            }
        }
        Some(order)
    }

    /// The oldest request of all routes that `open` lets through, with what it says of the route.
    pub(super) fn oldest<R>(&self, mut open: impl FnMut(&Route) -> Option<R>) -> Option<(u64, R)> {
        self.routes
            .iter()
            .filter_map(|(route, numbers)| Some((*numbers.first()?, open(route)?)))
            .min_by_key(|(number, _)| *number)
    }

    pub(super) fn take_all(&mut self) -> Vec<Order> {
        self.routes.clear();
        std::mem::take(&mut self.orders).into_values().collect()
    }
}
