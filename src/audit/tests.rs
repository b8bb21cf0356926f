//! The audit log as those find it who read it.

use super::*;

fn act(what: &'static str, outcome: Outcome) -> Act {
    Act {
        what,
        by: Caller {
            address: Some(([192, 0, 2, 7], 4711).into()),
            name: None,
            agent: Some("reachd/0.1 \u{7}\n{\"act\":\"forged\"}".into()),
        },
        subscriber: Some(Pseudonym::from_bytes([0xab; 16])),
        feed: None,
        counts: vec![("rows", 3)],
        outcome,
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn an_act_is_a_line_that_is_on_disk_when_it_was_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let audit = Audit::start(Some(&path)).unwrap();
    audit.record(&act("erase", Outcome::Failed("NOT_FOUND"))).await;
    let [line] = <[Value; 1]>::try_from(lines(&path)).unwrap();
    let at = |pointer: &str| line.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(at("/act"), "erase");
    assert_eq!(at("/outcome"), "failed");
    assert_eq!(at("/reason"), "NOT_FOUND");
    assert_eq!(at("/subscriber"), "ab".repeat(16));
    assert_eq!(at("/by/address"), "192.0.2.7:4711");
    assert_eq!(
        at("/by/agent"),
        "reachd/0.1 ??{\"act\":\"forged\"}",
        "one line stays one"
    );
    assert_eq!(at("/rows"), 3);
    assert!(at("/time").as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn what_was_noted_is_written_in_order_and_a_moved_file_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let audit = Audit::start(Some(&path)).unwrap();
    for _ in 0..100 {
        audit.note(&act("lookup", Outcome::Refused("UNAUTHENTICATED")));
    }
    audit.flush().await;
    assert_eq!(lines(&path).len(), 100);
    let moved = directory.path().join("audit.1");
    std::fs::rename(&path, &moved).unwrap();
    audit.record(&act("import", Outcome::Done)).await;
    assert_eq!(lines(&moved).len(), 101, "until it is told, it writes on");
    audit.reopen().await;
    audit.record(&act("import", Outcome::Done)).await;
    assert_eq!((lines(&moved).len(), lines(&path).len()), (101, 1));
}

#[tokio::test]
async fn a_flood_never_waits_and_what_is_dropped_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let audit = Audit::start(Some(&path)).unwrap();
    let flood = 20 * QUEUE;
    for _ in 0..flood {
        audit.note(&act("lookup", Outcome::Refused("UNAUTHENTICATED")));
    }
    audit.flush().await;
    audit.flush().await;
    let lines = lines(&path);
    let lost: u64 = lines
        .iter()
        .filter_map(|line| line.pointer("/acts")?.as_u64())
        .sum();
    let told = lines
        .iter()
        .filter(|line| line.pointer("/acts").is_none())
        .count();
    assert_eq!(told as u64 + lost, flood as u64);
}
