//! Passwords: Argon2id on blocking threads, a bounded number at once, and the same work when there is nobody to compare with.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::random;
use crate::userserver::config::UsersSection;
use crate::userserver::error::Problem;

pub struct Hasher {
    argon: Argon2<'static>,
    running: Arc<Semaphore>,
    /// Room for those that wait and those that run.
    room: Arc<Semaphore>,
    /// A hash that no password has, for accounts that do not exist.
    decoy: Arc<str>,
}

impl Hasher {
    /// Costs one hash.
    pub fn new(config: &UsersSection) -> Result<Hasher, String> {
        let params = Params::new(config.password_memory_kib, config.password_passes, 1, None)
            .map_err(|error| format!("password hashing: {error}"))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon, &random::token()).map_err(|error| format!("password hashing: {error}"))?;
        Ok(Hasher {
            argon,
            running: Arc::new(Semaphore::new(config.hashes_at_once)),
            room: Arc::new(Semaphore::new(config.hashes_at_once + config.hashes_waiting_max)),
            decoy: decoy.into(),
        })
    }

    /// The text to store. 503 when too many wait.
    pub async fn hash(&self, password: &str) -> Result<String, Problem> {
        let (argon, password) = (self.argon.clone(), password.to_owned());
        self.work(move || hash(&argon, &password)).await?.map_err(|error| Problem::broken("hash a password", error))
    }

    /// Whether the password is the one of a hash; without a hash the same work, and false.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, Problem> {
        let (argon, password) = (self.argon.clone(), password.to_owned());
        let is_known = stored.is_some();
        let stored: Arc<str> = stored.map_or_else(|| self.decoy.clone(), Arc::from);
        let same = self
            .work(move || {
                let parsed = PasswordHash::new(&stored)?;
                argon.verify_password(password.as_bytes(), &parsed)
            })
            .await?;
        match same {
            Ok(()) => Ok(is_known),
            Err(argon2::password_hash::Error::Password) => Ok(false),
            Err(error) => Err(Problem::broken("verify a password", error)),
        }
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let _room = self.room.clone().try_acquire_owned().map_err(|_| Problem::busy())?;
        let permit = self.running.clone().acquire_owned().await.map_err(|_| Problem::busy())?;
        let done = tokio::task::spawn_blocking(move || {
            // Held to the end of the work, even if nobody waits for it any more.
            let _permit = permit;
            work()
        });
        done.await.map_err(|error| Problem::broken("a thread for a password", error))
    }
}

fn hash(argon: &Argon2<'_>, password: &str) -> Result<String, argon2::password_hash::Error> {
    let salt = SaltString::encode_b64(&random::bytes::<16>())?;
    argon.hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_and_the_lack_of_them() {
        let cheap = UsersSection { password_memory_kib: 8, password_passes: 1, ..Default::default() };
        let hasher = Hasher::new(&cheap).expect("parameters fit");
        let stored = hasher.hash("correct horse").await.expect("room");
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        assert!(hasher.verify("correct horse", Some(&stored)).await.expect("room"));
        assert!(!hasher.verify("correct hors", Some(&stored)).await.expect("room"));
        assert!(!hasher.verify("correct horse", None).await.expect("room"));
        assert!(hasher.verify("correct horse", Some("")).await.is_err(), "a damaged hash is no password");
    }

    #[tokio::test]
    async fn too_many_are_refused_at_once() {
        let config =
            UsersSection { password_memory_kib: 8, password_passes: 1, hashes_at_once: 1, ..Default::default() };
        let hasher = Hasher::new(&UsersSection { hashes_waiting_max: 1, ..config }).expect("parameters fit");
        let _running = hasher.running.clone().acquire_owned().await.expect("open");
        let (first, second) = (hasher.hash("a"), hasher.hash("b"));
        let mut first = std::pin::pin!(first);
        let mut second = std::pin::pin!(second);
        assert!(futures::poll!(first.as_mut()).is_pending());
        assert!(futures::poll!(second.as_mut()).is_pending());
        assert!(hasher.hash("c").await.is_err());
    }
}
