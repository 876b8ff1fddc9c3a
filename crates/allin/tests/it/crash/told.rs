//! A log that is to be trimmed, and event topics that nobody has made yet: it stays whole until they have been told all of it.

use allin_cluster::kafka::{KafkaSection, look_at_events};
use allin_core::ids::Seq;
use allin_testing::middleware::Kafka;

use super::load::User;
use super::node::Place;
use super::poll;
use super::trimmed::{TRIMMED_SOON, fill, segments};

#[test]
fn a_log_is_not_trimmed_before_event_topics_are_told_it() {
    let section = KafkaSection {
        brokers: Kafka::shared().brokers(),
        event_topics: "told-{shard}-{topic}".to_owned(),
        ..KafkaSection::default()
    };
    let settings = [
        format!("kafka.brokers={}", section.brokers),
        format!("kafka.event_topics={}", section.event_topics),
        "kafka.replication=1".to_owned(),
        "kafka.min_insync=1".to_owned(),
    ];
    let settings = TRIMMED_SOON.into_iter().chain(settings.iter().map(String::as_str));
    let mut place = Place::new();
    place.arguments = settings.flat_map(|setting| ["--set", setting].map(str::to_owned)).collect();

    let node = place.start();
    // Snapshots are two seconds apart at least by then, so that there are enough of them, and it is tried again and again.
    let begun = std::time::Instant::now();
    fill(&node, &mut User::new(77), || segments(&place).len() >= 4 && begun.elapsed().as_secs() >= 6);
    assert_eq!(segments(&place)[0], 1, "{}", place.stderr());
    assert_eq!(look_at_events("spot", &section).expect("the broker answers").position, None, "nobody made them");
    node.stop();
    let check = |more: &[&str]| {
        let arguments: Vec<&str> = place.arguments.iter().map(String::as_str).collect();
        let words = ["log", "compact", "--check", "--data", "data"];
        let output = crate::allin(place.path(), &[&words[..], &arguments[..], more].concat());
        assert!(output.status.success(), "{}", crate::stderr(&output));
        crate::stdout(&output).to_owned()
    };
    let text = check(&[]);
    assert!(
        text.contains("event topics                 has stored 0\n") && text.contains("nothing to remove"),
        "{text}"
    );
    // They alone hold it.
    let text = check(&["--set", "kafka.event_topics="]);
    assert!(text.contains("would go"), "{text}");

    place.arguments.extend(["--set", "kafka.create_topics=true"].map(str::to_owned));
    let node = place.start();
    poll("the log is trimmed", || (segments(&place)[0] > 1).then_some(()));
    let told = look_at_events("spot", &section).expect("the broker answers").position;
    assert!(told >= Some(Seq(segments(&place)[0] - 1)), "{told:?}, and the log begins at {}", segments(&place)[0]);
    node.stop();
}
