//! Passwords: Argon2id on few threads, so that a flood of sign-ins takes two cores for a moment and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::Semaphore;

use super::Refusal;
use super::random::random_bytes;

/// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT: usize = 16;
const HASH: usize = 32;
/// Passwords hashed at the same time: 40 MiB and two cores at most.
const AT_ONCE: usize = 2;
/// Passwords that may wait; beyond it an attempt is refused at once.
const WAITING: usize = 16;
/// Shortest password in characters, longest in bytes.
const CHARS_MIN: usize = 10;
const BYTES_MAX: usize = 256;

/// The bounded place where passwords are hashed.
#[derive(Debug)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    inside: AtomicUsize,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            inside: AtomicUsize::new(0),
        }
    }
}

impl Passwords {
    /// The hash of a new password, in PHC form.
    pub(super) async fn hash(&self, password: String) -> Result<String, Refusal> {
        let salt = random_bytes::<SALT>()?;
        self.in_turn(move || {
            let hash = derive(&password, &salt, MEMORY_KIB, PASSES, LANES)?;
            let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
            Some(format!(
                "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}"
            ))
        })
        .await?
        .ok_or_else(|| Refusal::new("internal", "the password could not be hashed"))
    }

    /// Whether the password is the one of the hash. Without a hash (no such account) the same work is done.
    pub(super) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Refusal> {
        self.in_turn(move || match hash.as_deref().and_then(parse) {
            Some(known) => derive(
                &password,
                &known.salt,
                known.memory_kib,
                known.passes,
                known.lanes,
            )
            .is_some_and(|hash| subtle::ConstantTimeEq::ct_eq(hash.as_slice(), &known.hash).into()),
            None => {
                let work = derive(&password, &[0; SALT], MEMORY_KIB, PASSES, LANES);
                std::hint::black_box(work);
                false
            }
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        struct Leaves<'a>(&'a AtomicUsize);
        impl Drop for Leaves<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::AcqRel);
            }
        }
        let before = self.inside.fetch_add(1, Ordering::AcqRel);
        let _leaves = Leaves(&self.inside);
        if before >= AT_ONCE + WAITING {
            return Err(Refusal::new(
                "too_many_attempts",
                "too many people sign in at this moment",
            ));
        }
        let internal = |_| Refusal::new("internal", "the password could not be hashed");
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| internal(()))?;
        tokio::task::spawn_blocking(move || {
            // Held by the work itself: whoever waits may go away, the core is busy still.
            let _turn = turn;
            work()
        })
        .await
        .map_err(|_| internal(()))
    }
}

struct Known {
    salt: Vec<u8>,
    hash: Vec<u8>,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Reads our own PHC form.
fn parse(text: &str) -> Option<Known> {
    let mut parts = text.split('$').skip(1);
    if parts.next()? != "argon2id" || parts.next()? != "v=19" {
        return None;
    }
    let mut numbers = parts.next()?.split(',').zip(["m=", "t=", "p="]);
    let mut number = || {
        let (text, name) = numbers.next()?;
        text.strip_prefix(name)?.parse().ok()
    };
    let (memory_kib, passes, lanes) = (number()?, number()?, number()?);
    let salt = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    let hash = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    (parts.next().is_none() && hash.len() == HASH).then_some(Known {
        salt,
        hash,
        memory_kib,
        passes,
        lanes,
    })
}

fn derive(
    password: &str,
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
) -> Option<[u8; HASH]> {
    let params = Params::new(memory_kib, passes, lanes, Some(HASH)).ok()?;
    let mut hash = [0; HASH];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut hash)
        .ok()?;
    Some(hash)
}

/// Refuses passwords that a guesser tries first.
pub(super) fn check_strength(password: &str, username: &str) -> Result<(), Refusal> {
    let weak = |why: &str| Err(Refusal::new("weak_password", why).at("password"));
    if password.chars().count() < CHARS_MIN {
        return weak("at least 10 characters");
    }
    if password.len() > BYTES_MAX {
        return weak("at most 256 bytes");
    }
    let lower = password.to_lowercase();
    if lower.contains(&username.to_lowercase()) {
        return weak("must not contain the username");
    }
    let different: std::collections::BTreeSet<char> = lower.chars().collect();
    if different.len() < 5 {
        return weak("too few different characters");
    }
    // What remains of a listed word with digits and signs around it is not a secret.
    const WORDS: [&str; 8] = [
        "password",
        "matkhau",
        "quantri",
        "administrator",
        "qwertyuiop",
        "1234567890",
        "nhipcau",
        "vietnam",
    ];
    let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
    if WORDS.iter().any(|word| letters == *word || lower == *word) {
        return weak("a common password");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = Passwords::default();
        let hash = passwords
            .hash("Cầu Thạch Bích 2026".to_owned())
            .await
            .expect("hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let verify = |password: &str| passwords.verify(password.to_owned(), Some(hash.clone()));
        assert!(verify("Cầu Thạch Bích 2026").await.expect("verify"));
        assert!(!verify("Cau Thach Bich 2026").await.expect("verify"));
        assert!(
            !passwords
                .verify("x".to_owned(), None)
                .await
                .expect("verify")
        );
        assert!(
            !passwords
                .verify("x".to_owned(), Some("$argon2id$broken".to_owned()))
                .await
                .expect("verify")
        );
    }

    #[tokio::test]
    async fn a_flood_is_refused_instead_of_queued() {
        let passwords = Arc::new(Passwords::default());
        let attempts: Vec<_> = (0..64)
            .map(|_| {
                let passwords = Arc::clone(&passwords);
                tokio::spawn(
                    async move { passwords.verify("wrong".to_owned(), None).await.is_err() },
                )
            })
            .collect();
        let mut refused = 0;
        for attempt in attempts {
            refused += usize::from(attempt.await.expect("task"));
        }
        assert!(
            refused >= 64 - AT_ONCE - WAITING - 8,
            "only {refused} of 64 were refused"
        );
        assert!(
            passwords.verify("x".to_owned(), None).await.is_ok(),
            "the door opens again"
        );
    }

    #[test]
    fn weak_passwords() {
        for weak in [
            "short",
            "aaaaaaaaaaaaaa",
            "lan.nguyen-2026",
            "MatKhau123!",
            "1234567890",
        ] {
            assert!(check_strength(weak, "lan.nguyen").is_err(), "{weak}");
        }
        assert!(check_strength("cầu treo Trà My", "lan.nguyen").is_ok());
    }
}
