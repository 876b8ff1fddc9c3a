//! The shared cache, where the settings name one: reachable, of a version that is known, with the rights that services need.

use std::io;

use allin_cluster::redis::{CacheSection, Look, RedisCache};

use super::Finding;

const CHECK: &str = "cache";

pub(super) fn check(section: &CacheSection) -> io::Result<Vec<Finding>> {
    let Some(url) = section.spot() else { return Ok(vec![]) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cache = match RedisCache::new(url, "cache.spot_url", section) {
        Ok(cache) => cache,
        Err(error) => return Ok(vec![Finding::fail(CHECK, error.to_string(), "correct cache.spot_url")]),
    };
    Ok(match runtime.block_on(cache.look()) {
        Ok(look) => findings(&look, cache.place()),
        // Services start and trade without it.
        Err(error) => vec![Finding::warn(
            CHECK,
            error.to_string(),
            "without it nobody gets a listen key, and each node counts limits for itself: start it, or correct user, \
             password, host and port",
        )],
    })
}

fn findings(look: &Look, place: &str) -> Vec<Finding> {
    let shown = format!("{} at {place}", look.product);
    let mut findings = vec![match look.is_supported {
        true => Finding::ok(CHECK, shown),
        false => Finding::warn(CHECK, shown, "older than what is tested: Redis 7, Valkey 7.2"),
    }];
    findings.push(match &look.refused {
        None => Finding::ok(CHECK, "this user may set, read, publish and subscribe"),
        Some(refused) => {
            let advice =
                "grant it: ACL SETUSER USER on >PASSWORD ~PREFIX* &PREFIX* +@read +@write +@pubsub +@connection +info";
            Finding::warn(CHECK, refused.clone(), advice)
        }
    });
    if let Some(policy) = &look.evicts {
        let says = format!("drops keys that still live when its memory is full ({policy})");
        findings.push(Finding::warn(
            CHECK,
            says,
            "a dropped listen key ends its stream: CONFIG SET maxmemory-policy noeviction",
        ));
    }
    if look.keeps {
        let says = "writes its values to a disk, and has old ones again after a crash";
        findings.push(Finding::warn(
            CHECK,
            says,
            "CONFIG SET save \"\", CONFIG SET appendonly no, and the same in its file",
        ));
    }
    findings
}
