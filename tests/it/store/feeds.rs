//! What is known of feeds, as every engine has to keep it.

use reachd::domain::{FeedHealth, FeedId, Gap, Prefixes};
use reachd::store::{FeedRow, FeedStore};

use super::generate::at;
use super::on_each_engine;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

on_each_engine! {
    async fn a_feed_keeps_its_number_and_what_is_known_of_it(fresh) {
        let store = &fresh.store;
        store.name_feeds(&names(&["dra1.example", "grpc"])).await.unwrap();
        store.name_feeds(&names(&["grpc", "dra2.example", "dra1.example"])).await.unwrap();
        let mut rows = store.load_feeds().await.unwrap();
        rows.sort_by_key(|row| row.id);
        let told: Vec<_> = rows.iter().map(|row| (row.id.number(), &*row.health.name)).collect();
        assert_eq!(told, [(1, "dra1.example"), (2, "grpc"), (3, "dra2.example")]);

        let gaps = vec![
            Gap { begin: at(7), end: Some(at(9)), only: Prefixes::new(["00101", "999"]) },
            Gap { begin: at(20), end: None, only: None },
        ];
        let row = FeedRow {
            id: FeedId::from_number(2).unwrap(),
            health: FeedHealth::restored("grpc", Some(at(20)), Some(at(5)), gaps).with_promise(true),
        };
        store.save_feeds(std::slice::from_ref(&row)).await.unwrap();
        let rows = fresh.reopened().await.load_feeds().await.unwrap();
        assert!(rows.contains(&row), "{rows:?}");

        // Another daemon saw it live for longer.
        let earlier = FeedRow {
            health: FeedHealth::restored("grpc", Some(at(10)), None, Vec::new()),
            ..row.clone()
        };
        store.save_feeds(&[earlier]).await.unwrap();
        let rows = store.load_feeds().await.unwrap();
        let kept = rows.iter().find(|kept| kept.id == row.id).unwrap();
        assert_eq!((kept.health.alive_until, kept.health.resynchronised_at), (Some(at(20)), Some(at(5))));
        assert_eq!(kept.health.gaps(), []);
        assert!(!kept.health.promised, "it was forgotten");
    }

    async fn names_come_to_an_end(fresh) {
        let many: Vec<_> = (0..=FeedId::MAX).map(|n| format!("feed{n}")).collect();
        fresh.store.name_feeds(&many).await.unwrap();
        let rows = fresh.store.load_feeds().await.unwrap();
        assert_eq!(rows.len(), usize::from(FeedId::MAX));
    }
}
