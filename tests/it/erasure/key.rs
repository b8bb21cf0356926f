//! With which key erasures are remembered.

use super::*;

/// Starts a daemon that must not start, and returns what it said.
async fn refused(home: &Home) -> String {
    let mut command = crate::support::daemon::reachd();
    command.args(["serve", "--config"]).arg(home.config());
    let output = crate::support::daemon::run(command).await;
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

on_each_engine! {
    async fn another_key_than_that_of_the_erasures_is_refused_at_the_start(engine) {
        let home = Home::new(engine).await;
        let key = home.write("pseudonym.key", &format!("{}\n", "ab".repeat(32)));
        let with = |name: &std::path::Path| {
            let mut with = Home::on_store(home.store_url());
            with.configure(&format!("\n[audit]\nkey_file = \"{}\"\n", name.display()));
            with
        };
        let daemon = with(&key).start().await;
        let subscriber = Subscriber::nth(1);
        bind(&daemon, &subscriber.imsi, &subscriber.number(), "").await;
        erase(&daemon, by_imsi(&subscriber.imsi)).await.unwrap();
        daemon.stop().await;

        let without = refused(&home).await;
        assert!(without.contains("audit.key_file has to name it"), "{without}");
        let another = home.write("another.key", &"cd".repeat(32));
        let said = refused(&with(&another)).await;
        assert!(said.contains("another key than the one"), "{said}");
        assert!(!said.contains("cdcd"), "{said}");
        let none = home.write("none.key", "cdcd");
        let said = refused(&with(&none)).await;
        assert!(said.contains("audit.key_file") && said.contains("64 hexadecimal digits"), "{said}");

        // The right one is taken again, and its erasures hold.
        let daemon = with(&key).start().await;
        let mut publisher = Publisher::open(&daemon).await;
        let late = event(&subscriber, ago(10), Slot::Mme, MME, Change::Registered);
        publisher.publish(late).await;
        assert!(is_unknown(&daemon, &subscriber.number()).await);
        assert_eq!(count(&daemon, "reachd_events_total", "outcome=\"erased\"").await, 1);
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_warns_that_the_key_lies_with_what_it_protects() {
    let home = Home::on_store("postgres://reachd@db.core.example/reachd");
    let mut command = crate::support::daemon::reachd();
    command.args(["check", "--config"]).arg(home.config());
    let output = crate::support::daemon::run(command).await;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("audit.key_file"), "{said}");
}
