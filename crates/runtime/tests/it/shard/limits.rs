//! The bounds of the configuration are in the log: what they refused is refused again by every replay.

use std::sync::Arc;

use allin_core::ids::{Seq, UserId};
use allin_core::spot::Limits;
use allin_core::spot::command::{Command, NewOrder};
use allin_core::spot::event::Event;
use allin_core::spot::reject::Reject;
use allin_core::text::ClientId;
use allin_runtime::engine::{Engine, EventBus};
use allin_runtime::oplog::Fold;
use allin_runtime::shard::{Setup, Shard};
use allin_runtime::storage::SimStorage;

use super::support::*;

fn start_with(storage: &SimStorage, client_ids_max: u32) -> Shard {
    let (mut setup, _) = setup(storage.clone());
    setup.config.limits = Limits { client_ids_max };
    Shard::start(Setup { on_fatal: Arc::new(|reason| panic!("{reason}")), ..setup }).unwrap()
}

fn named(id: &str) -> Command {
    match place() {
        Command::Place(order) => {
            Command::Place(NewOrder { client_id: ClientId::new(id).unwrap(), user: UserId(1), ..order })
        }
        other => panic!("{other:?}"),
    }
}

async fn is_full(shard: &Shard, id: &str) -> bool {
    let reply = shard.engine().submit(named(id)).await.unwrap();
    reply.events[0] == Event::Refused(Reject::ClientIdsFull)
}

async fn limits_set(shard: &Shard) -> Vec<u32> {
    let mut events = shard.bus().subscribe("test", Seq(1)).await.unwrap();
    let story = listen(&mut events, shard.engine().durable()).await;
    story
        .iter()
        .filter_map(|(_, c, _)| if let Command::SetLimits(l) = c { Some(l.client_ids_max) } else { None })
        .collect()
}

#[tokio::test]
async fn a_changed_limit_is_a_command_and_a_replay_needs_no_configuration() {
    let storage = SimStorage::new();
    let shard = start_with(&storage, 2);
    list(&shard).await;
    assert_eq!(
        [is_full(&shard, "a").await, is_full(&shard, "b").await, is_full(&shard, "c").await],
        [false, false, true]
    );
    assert_eq!(limits_set(&shard).await, [2]);
    shard.snapshot().await.unwrap();
    shard.stop();

    let shard = start_with(&storage, 2);
    assert!(is_full(&shard, "c").await);
    assert_eq!(limits_set(&shard).await, [2], "the same again is no command");
    shard.stop();

    let shard = start_with(&storage, 3);
    assert_eq!([is_full(&shard, "c").await, is_full(&shard, "d").await], [false, true]);
    assert_eq!(limits_set(&shard).await, [2, 3]);
    let last = shard.engine().durable();
    shard.stop();

    // `fresh` knows the default limits only.
    let verified = Fold::begin(Arc::new(storage.clone()), &options(), fresh).unwrap().verify().unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
    assert_eq!(verified.snapshots.len(), 1);
    assert_eq!(verified.machine.seq(), last);
    assert_eq!(verified.machine.limits(), Limits { client_ids_max: 3 });
}
